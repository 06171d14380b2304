import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Json } from '../../../src/contracts/json.ts';
import { compilePath } from '../../../src/skills/transform/path.ts';
import { createTransformPool } from '../../../src/skills/transform/pool.ts';

const pool = createTransformPool();
afterAll(() => pool.stop());

const askJq = (query: string, input: Json) =>
  pool.run({
    lane: 'slow',
    query,
    inputText: JSON.stringify(input),
    tenantId: 'ten_1',
    timeoutMs: 5000,
    signal: new AbortController().signal,
  });

/** What jq must answer if the compiled path is right. */
function predict(query: string, input: Json, wording: unknown = expect.any(String)): unknown {
  const found = compilePath(query)?.(input);
  if (found?.ok === true) {
    return { kind: 'output', output: JSON.parse(JSON.stringify(found.value)) as Json };
  }
  return { kind: 'failure', code: 'TRANSFORM_FAILED', message: wording };
}

const valueOf = (query: string, input: Json): Json | undefined => {
  const found = compilePath(query)?.(input);
  return found?.ok ? found.value : undefined;
};

const data: Json = {
  a: { b: [10, 20, { c: 'x' }], 'quoted key': true, é: 1, '': 2 },
  n: null,
  s: 'text',
};

describe('a program that is only a path', () => {
  test.each<[string, Json]>([
    ['.', data],
    [' \n\t. ', data],
    ['.a.b[0]', 10],
    ['.a.b[-1].c', 'x'],
    ['.a.b[ - 1 ] .c', 'x'],
    ['.a.b.[1]', 20],
    ['."a"."quoted key"', true],
    ['.a["quoted key"]', true],
    ['.["a"]["b"][00]', 10],
    ['. "a" . "\\u00e9"', 1],
    ['.a["é"]', 1],
    ['.a[""]', 2],
    ['.a.b[3]', null],
    ['.a.b[-4]', null],
    ['.n.x[0].y', null],
    ['.missing', null],
    ['.constructor', null],
    ['.["__proto__"]', null],
  ])('%j finds %j as jq does', async (query, expected) => {
    expect(valueOf(query, data)).toEqual(expected);
    expect(await askJq(query, data)).toEqual(predict(query, data));
  });

  test.each<[string, string]>([
    ['.s[0]', 'Cannot index string with number'],
    ['.a[0]', 'Cannot index object with number'],
    ['.a.b.c', 'Cannot index array with string "c"'],
    ['.a.b[0].x', 'Cannot index number with string "x"'],
    ['.a["quoted key"]["x y"]', 'Cannot index boolean with string "x y"'],
  ])('%j fails with the message of jq', async (query, message) => {
    expect(compilePath(query)?.(data)).toEqual({ ok: false, message });
    const wording = `The jq program failed: ${message}`;
    expect(await askJq(query, data)).toEqual(predict(query, data, wording));
  });
});

test.each([
  '',
  '..',
  '.a | .b',
  '.a?',
  '.[]',
  '.[1.5]',
  '.[1e0]',
  '.[0:2]',
  '.["a","b"]',
  '.["a\\(1)"]',
  '. a',
  '.a.',
  'a',
  '[0]',
  '.[+1]',
  '.é',
  '.a\r',
  '.\u00a0a',
  '."\\ud800"',
  '."a\tb"',
  '.a # b',
  '.a.0',
  '."a""b"',
  '.[.n]',
  '-.a',
])('the program %j is left to jq', (query) => expect(compilePath(query)).toBeUndefined());

test('half a surrogate pair and deep data pass through a path untouched', () => {
  const deep = JSON.parse(`${'['.repeat(1000)}${']'.repeat(1000)}`) as Json;
  expect(valueOf('.a', { a: '\ud800' })).toBe('\ud800');
  expect(valueOf('.a', { a: deep })).toBe(deep);
});

test('random paths on random data do what jq does', async () => {
  const key = fc.oneof(
    fc.constantFrom(
      'a',
      'b',
      'c',
      '',
      'a b',
      '__proto__',
      'constructor',
      'é',
      '😀',
      '"',
      '\\',
      '\n',
      '\0',
      'if',
    ),
    fc.string({ unit: 'grapheme', maxLength: 3 }),
  );
  const leaf = fc.oneof(
    fc.constantFrom<Json>(
      null,
      true,
      0,
      -0,
      1.5,
      1e308,
      -1e308,
      5e-324,
      1e21,
      2 ** 53,
      1234567890123456800000,
      1e-7,
    ),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: 'binary', maxLength: 4 }),
  );
  const { value: anyData } = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leaf,
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));
  const gap = fc.constantFrom('', '', '', ' ', '\n\t');
  const quoted = key.map((text) => JSON.stringify(text));
  const index = fc.integer({ min: -4, max: 4 }).map(String);
  const part = fc.oneof(
    fc.constantFrom('.a', '.b', '.c', '.if', '.constructor', '.__proto__'),
    fc
      .tuple(fc.constantFrom('.', ''), gap, fc.oneof(quoted, index), gap)
      .map(([dot, a, inner, b]) => `${dot}${a}[${b}${inner}${a}]`),
    fc.tuple(gap, quoted).map(([a, text]) => `.${a}${text}`),
  );
  const path = fc
    .tuple(
      gap,
      fc.array(
        fc.tuple(gap, part).map((texts) => texts.join('')),
        { maxLength: 4 },
      ),
      gap,
    )
    .map(([before, parts, after]) => `${before}${parts.join('') || '.'}${after}`);
  let compiled = 0;
  await fc.assert(
    fc.asyncProperty(path, anyData, async (query, input) => {
      if (compilePath(query) === undefined) return;
      compiled += 1;
      expect(await askJq(query, input)).toEqual(predict(query, input));
    }),
    { numRuns: 600 },
  );
  expect(compiled).toBeGreaterThan(200);
});
