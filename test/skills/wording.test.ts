import { describe, expect, test } from '@jest/globals';
import { clipLine, hideSecrets } from '../../src/skills/wording.ts';

describe('a secret in a sentence', () => {
  const key = 'qX7-verylongoperatorkey-0123456789';

  test.each([
    ['whole', `Key ${key} is wrong.`],
    ['in its first half', `Key ${key.slice(0, 16)}… is wrong.`],
    ['in its end', `Key …${key.slice(-10)} is wrong.`],
    ['twice', `${key.slice(3, 20)} or ${key.slice(3, 20)}`],
  ])('is hidden %s', (_how, text) => {
    const hidden = hideSecrets(text, [key]);
    for (let at = 0; at + 8 <= key.length; at += 1) {
      expect(hidden).not.toContain(key.slice(at, at + 8));
    }
    expect(hidden).toContain('[hidden]');
  });

  test.each([
    'Incorrect API key provided: sk-abc12345xyz.',
    'Incorrect API key provided: ********************xyz1.',
    'Bad token: Bearer abc.def',
    'gsk_1234567890 is revoked',
  ])('is hidden when it looks like a key of somebody: %s', (text) => {
    expect(hideSecrets(text, [])).toContain('[hidden]');
    expect(hideSecrets(text, [])).not.toMatch(/abc12345|xyz1|abc\.def|1234567890/);
  });

  test('hides nothing else', () => {
    const text =
      'The model `gpt-4.1-mini` has a limit of 128000 tokens; task-oriented prompts fit.';
    expect(hideSecrets(text, [key])).toBe(text);
    expect(hideSecrets(text, [''])).toBe(text);
  });
});

describe('a line', () => {
  test('is one, of bounded length, that can be stored', () => {
    expect(clipLine(' a\n\tb\u0000c ', 10)).toBe('a b c');
    expect(clipLine('x'.repeat(50), 10)).toBe(`${'x'.repeat(10)}…`);
    const half = clipLine('😀'.repeat(10), 5);
    expect(half).toBe('😀😀\ufffd…');
  });
});
