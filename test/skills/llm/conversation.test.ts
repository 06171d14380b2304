import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { JsonObject } from '../../../src/contracts/json.ts';
import {
  LLM_MAX_TOKENS_DEFAULT,
  LLM_MAX_TOKENS_MAX,
  LLM_PROMPT_BYTES_MAX,
} from '../../../src/contracts/limits.ts';
import {
  askForJson,
  askForRepair,
  inputTokensMax,
  repairTokensMax,
  toConversation,
} from '../../../src/skills/llm/conversation.ts';
import { LlmInvokeParams, parseLlmInvokeParams } from '../../../src/skills/llm/params.ts';

const toldBy = (params: JsonObject) => toConversation(parseLlmInvokeParams(params));

describe('the params', () => {
  test('of a prompt alone are filled in', () => {
    expect(LlmInvokeParams.parse({ prompt: 'Hi' })).toEqual({
      prompt: 'Hi',
      max_tokens: LLM_MAX_TOKENS_DEFAULT,
    });
  });

  test.each<[string, JsonObject]>([
    ['nothing', {}],
    ['an empty prompt', { prompt: '' }],
    ['a prompt that is none', { prompt: 3 }],
    ['prompt and messages', { prompt: 'a', messages: [{ role: 'user', content: 'a' }] }],
    ['no messages', { messages: [] }],
    ['only messages of the system', { messages: [{ role: 'system', content: 'a' }] }],
    [
      'a late message of the system',
      {
        messages: [
          { role: 'user', content: 'a' },
          { role: 'system', content: 'b' },
        ],
      },
    ],
    ['a message of a tool', { messages: [{ role: 'tool', content: 'a' }] }],
    ['an image', { messages: [{ role: 'user', content: [{ type: 'image', url: 'x' }] }] }],
    ['two systems', { prompt: 'a', system: 'b', system_prompt: 'c' }],
    ['no tokens', { prompt: 'a', max_tokens: 0 }],
    ['too many tokens', { prompt: 'a', max_tokens: LLM_MAX_TOKENS_MAX + 1 }],
    ['half a token', { prompt: 'a', max_tokens: 1.5 }],
    ['tokens as text', { prompt: 'a', max_tokens: '10' }],
    ['too hot', { prompt: 'a', temperature: 2.1 }],
    ['too many stops', { prompt: 'a', stop: ['1', '2', '3', '4', '5'] }],
    ['an empty stop', { prompt: 'a', stop: '' }],
    ['a model with a space', { prompt: 'a', model: 'gpt 4' }],
    ['a provider without a model', { prompt: 'a', model: 'openai/' }],
    ['a base URL that is none', { prompt: 'a', model: 'b', base_url: 'file:///etc/passwd' }],
    ['a base URL with a password', { prompt: 'a', model: 'b', base_url: 'http://u:p@a/v1' }],
    ['too much text', { prompt: 'ü'.repeat(LLM_PROMPT_BYTES_MAX / 2 + 1) }],
    ['a schema that cannot be checked', { prompt: 'a', json_schema: { pattern: '(a+)+' } }],
  ])('may not hold %s', (_what, params) => {
    expect(LlmInvokeParams.safeParse(params).success).toBe(false);
    expect(() => parseLlmInvokeParams(params)).toThrow(
      expect.objectContaining({
        failure: expect.objectContaining({ code: 'PARAMS_INVALID' }) as unknown,
      }),
    );
  });

  test('say where a schema is wrong', () => {
    const parsed = LlmInvokeParams.safeParse({
      prompt: 'a',
      json_schema: { properties: { name: { pattern: 'x' } } },
    });
    expect(parsed.error?.issues[0]?.path).toEqual(['json_schema', 'properties', 'name', 'pattern']);
  });
});

describe('a conversation', () => {
  test('is what the params say, in either form', () => {
    expect(toldBy({ prompt: 'Hi', system_prompt: 'Be kind.' })).toEqual({
      system: 'Be kind.',
      turns: [{ role: 'user', text: 'Hi' }],
    });
    const messages = [
      { role: 'system', content: 'Be brief.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'H' },
          { type: 'text', text: 'i' },
        ],
      },
      { role: 'assistant', content: 'Yes?' },
      { role: 'user', content: 'Go on.' },
    ];
    expect(toldBy({ messages, system: 'Be kind.' })).toEqual({
      system: 'Be kind.\n\nBe brief.',
      turns: [
        { role: 'user', text: 'Hi' },
        { role: 'assistant', text: 'Yes?' },
        { role: 'user', text: 'Go on.' },
      ],
    });
  });

  test('has no more tokens than bytes, whatever characters a tokenizer writes out', () => {
    const empty = inputTokensMax(toldBy({ prompt: ' ' })) - 1;
    const tokens = (prompt: string) => inputTokensMax(toldBy({ prompt })) - empty;
    expect(tokens('hello')).toBe(5);
    expect(tokens('😀')).toBe(4);
    // One character of three bytes, which NFKC writes out as eighteen.
    expect(tokens('\ufdfa')).toBe(Buffer.byteLength('\ufdfa'.normalize('NFKC')));
    expect(tokens('\ufdfa')).toBe(33);
  });

  test('has no fewer tokens than its text has bytes, as it is and written out', () => {
    const empty = inputTokensMax({ system: '', turns: [] });
    // Marks of several classes, ligatures, half-width forms, jamo and syllables of Hangul, and any character.
    const character = fc.oneof(
      fc.constantFrom(...Array.from('aeoi\u0323\u0327\u0301\u0302\u0315\u0300\u0345éữṩǖ')),
      fc.constantFrom(...Array.from('ﬁﷺ㌀½①ｶﾞﾊﾟＡﾡￂ각가힣각\u1161\u11a7が\u3099か漢豈😀𝅘𝅥\ud800')),
      fc.integer({ min: 0, max: 0x10ffff }).map((code) => String.fromCodePoint(code)),
    );
    fc.assert(
      fc.property(fc.array(character, { maxLength: 12 }), (characters) => {
        const text = characters.join('');
        const tokens = inputTokensMax({ system: text, turns: [] }) - empty;
        expect(tokens).toBeGreaterThanOrEqual(Buffer.byteLength(text));
        expect(tokens).toBeGreaterThanOrEqual(Buffer.byteLength(text.normalize('NFKC')));
      }),
      { numRuns: 5000 },
    );
    // What is put together again has no more tokens than bytes.
    expect(inputTokensMax({ system: '각', turns: [] }) - empty).toBe(3);
  });

  test.each([
    ['combining marks', `a${'\u0315\u0300'.repeat(LLM_PROMPT_BYTES_MAX / 4)}`],
    ['plain text', 'a'.repeat(LLM_PROMPT_BYTES_MAX)],
    ['ligatures', '\ufdfa'.repeat(LLM_PROMPT_BYTES_MAX / 3)],
    [
      'many characters',
      String.fromCodePoint(...Array.from({ length: 50_000 }, (_, n) => 0x20000 + n)).repeat(10),
    ],
  ])('is counted, and cut for repair, at once when it is long: %s', (_what, text) => {
    const told = { system: '', turns: [] };
    const startedAt = performance.now();
    inputTokensMax({ system: text, turns: [] });
    askForRepair(told, text, [text], LLM_MAX_TOKENS_MAX);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  test('counts a schema that the provider is given', () => {
    const told = toldBy({ prompt: 'a' });
    const schema = { type: 'object', properties: { name: { type: 'string' } } };
    const bytes = JSON.stringify(schema).length;
    expect(inputTokensMax(told, schema)).toBeGreaterThan(inputTokensMax(told) + bytes);
    expect(askForJson(told, schema).system).toContain(JSON.stringify(schema));
    expect(inputTokensMax(askForJson(told, schema))).toBeGreaterThan(inputTokensMax(told) + bytes);
  });

  test('that asks for repair never has more tokens than were counted beforehand', () => {
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 3000 }),
      fc.integer({ min: 0, max: 9000 }).map((count) => '\ufdfa'.repeat(count)),
    );
    const told = toldBy({ prompt: 'a' });
    fc.assert(
      fc.property(
        text,
        fc.array(text, { maxLength: 10 }),
        fc.integer({ min: 1, max: 2000 }),
        (answer, problems, maxTokens) => {
          const repair = askForRepair(told, answer, problems, maxTokens);
          expect(repair.turns).toHaveLength(3);
          expect(repair.turns[1]!.text).not.toBe('');
          expect(inputTokensMax(repair)).toBeLessThanOrEqual(
            inputTokensMax(told) + repairTokensMax(maxTokens),
          );
        },
      ),
    );
  });
});
