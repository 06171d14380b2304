import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import type { Json, JsonObject } from '../../../../src/contracts/json.ts';
import { LLM_ANSWER_BYTES_MAX, LLM_ANSWER_DEPTH_MAX } from '../../../../src/contracts/limits.ts';
import { problemsOfAnswer } from '../../../../src/skills/llm/answer/check.ts';
import { readJsonAnswer } from '../../../../src/skills/llm/answer/read-json.ts';
import { problemOfSchema } from '../../../../src/skills/llm/answer/schema.ts';

const read = (text: string, schema: JsonObject = {}) => readJsonAnswer(text, schema);
const problemsOf = (text: string, schema: JsonObject = {}): string[] => {
  const answer = read(text, schema);
  return answer.ok ? [] : answer.problems;
};

describe('the JSON of an answer', () => {
  test.each<[string, string, Json]>([
    ['as it is', '{"a":[1,null]}', { a: [1, null] }],
    ['with space around it', '\n  "text" \n', 'text'],
    ['in a code fence', '```json\n{"a":1}\n```', { a: 1 }],
    ['in a nameless fence', '```\n[1]\n```', [1]],
    ['behind a byte order mark', '\ufeff{"a":1}', { a: 1 }],
  ])('is read %s', (_how, text, json) => {
    expect(read(text)).toEqual({ ok: true, json });
  });

  test.each([
    ['is empty', '', 'the answer is empty'],
    ['is prose', 'Here you are: {"a":1}', 'the answer is not JSON'],
    ['breaks off', '{"a":', 'the answer is not JSON'],
    ['is two values', '{} {}', 'the answer is not JSON'],
  ])('that %s is none', (_what, text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });

  test('nests, and is long, up to a bound', () => {
    const deep = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);
    expect(read(deep(LLM_ANSWER_DEPTH_MAX)).ok).toBe(true);
    expect(problemsOf(deep(LLM_ANSWER_DEPTH_MAX + 2))[0]).toContain('nests deeper');
    expect(problemsOf(deep(100_000))[0]).toContain('nests deeper');
    expect(problemsOf(`"${'x'.repeat(LLM_ANSWER_BYTES_MAX)}"`)[0]).toContain('bytes');
  });
});

describe('an answer', () => {
  test.each<[JsonObject, Json[], Json[]]>([
    [{ type: 'string' }, ['', 'a'], [1, null, [], {}]],
    [{ type: 'integer' }, [1, -3, 1e15], [1.5, '1', true]],
    [{ type: ['number', 'null'] }, [1.5, null], ['x', false]],
    [{ type: 'object' }, [{}], [[], null]],
    [{ type: 'array' }, [[]], [{}, null]],
    [{ enum: ['a', 1, null] }, ['a', 1, null], ['b', '1', false]],
    // zod's own conversion forgets the type beside an enum.
    [{ type: 'string', enum: ['a', 1] }, ['a'], [1, 'b']],
    [{ const: 3 }, [3], ['3', 4]],
    [{ minimum: 1, maximum: 2 }, [1, 2, 'a string is no number'], [0.9, 2.1]],
    [{ exclusiveMinimum: 1, exclusiveMaximum: 2 }, [1.5], [1, 2]],
    [{ multipleOf: 0.1 }, [0.3, 1], [0.35]],
    [{ minLength: 2, maxLength: 2 }, ['ab', '😀😀', 3], ['a', 'abc', '😀']],
    [{ minItems: 1, maxItems: 2 }, [[1], [1, 2], 'x'], [[], [1, 2, 3]]],
    [{ minProperties: 1, maxProperties: 1 }, [{ a: 1 }], [{}, { a: 1, b: 2 }]],
    [
      { uniqueItems: true },
      [[1, '1', 'null', null, { a: 1 }, { a: 2 }, [['a', 1]], [], {}, [[]], [1, 2], ['1,2']]],
      [
        [1, 1],
        [
          { a: 1, b: 2 },
          { b: 2, a: 1 },
        ],
        [
          [{ a: [[], 'x'] }, 1],
          [{ a: [[], 'x'] }, 1],
        ],
      ],
    ],
    [{ items: { type: 'number' } }, [[], [1], {}], [['a']]],
    [{ prefixItems: [{ type: 'string' }], items: false }, [['a'], []], [[1], ['a', 'b']]],
    [{ required: ['a'] }, [{ a: null }, 'x'], [{}, { b: 1 }]],
    [
      { properties: { a: { type: 'string' } }, additionalProperties: false },
      [{}, { a: 'x' }],
      [{ a: 1 }, { b: 1 }],
    ],
    [{ additionalProperties: { type: 'number' } }, [{ a: 1 }], [{ a: 'x' }]],
    [{ anyOf: [{ type: 'string' }, { type: 'number' }] }, ['a', 1], [null]],
    // Both count: zod's own conversion keeps the last alone.
    [
      { anyOf: [{ type: 'string' }], oneOf: [{ minLength: 2 }, { const: 'a' }] },
      ['a', 'ab'],
      ['b', 3],
    ],
    [{ oneOf: [{ minimum: 0 }, { maximum: 10 }] }, [-1, 20], [5]],
    [{ allOf: [{ required: ['a'] }, { required: ['b'] }] }, [{ a: 1, b: 1 }], [{ a: 1 }]],
    // A closed object stays closed beside a choice.
    [
      { properties: { a: {} }, additionalProperties: false, anyOf: [{ required: ['a'] }] },
      [{ a: 1 }],
      [{}, { a: 1, b: 2 }],
    ],
    [{ items: true, properties: { no: false } }, [[1], {}], [{ no: 1 }]],
    [
      {
        $defs: { tree: { type: 'object', properties: { next: { $ref: '#/$defs/tree' } } } },
        $ref: '#/$defs/tree',
      },
      [{}, { next: { next: {} } }],
      [{ next: { next: 3 } }],
    ],
    [{ format: 'date' }, ['2026-02-28', 5], ['2026-02-30', 'yesterday']],
    [{ format: 'email' }, ['a@example.org'], ['a@', 'a']],
  ])('is checked by %j', (schema, good, bad) => {
    expect(problemOfSchema(schema)).toBeUndefined();
    for (const value of good) {
      expect({ value, problems: problemsOf(JSON.stringify(value), schema) }).toEqual({
        value,
        problems: [],
      });
    }
    for (const value of bad) {
      expect({ value, ok: read(JSON.stringify(value), schema).ok }).toEqual({ value, ok: false });
    }
  });

  test('cannot hide a key by a name that JavaScript knows', () => {
    const closed = { type: 'object', properties: { a: {} }, additionalProperties: false };
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect(read(`{"${name}":1}`, closed).ok).toBe(false);
      expect(read('{}', { required: [name] }).ok).toBe(false);
      expect(read(`{"${name}":1}`, { required: [name] }).ok).toBe(true);
    }
  });

  test('that breaks its schema is told where and how, ten times at most', () => {
    const schema = {
      type: 'object',
      properties: { list: { items: { type: 'object', required: ['id'] } } },
      required: ['name'],
    };
    expect(problemsOf('{"list":[{"id":1},{}]}', schema)).toEqual([
      'the answer: must have name',
      'list[1]: must have id',
    ]);
    expect(problemsOf(`[${'"a",'.repeat(50)}1]`, { items: { type: 'number' } })).toHaveLength(10);
    const long = { const: 'x'.repeat(1000) };
    expect(problemsOf('1', long)[0]!.length).toBeLessThan(250);
    const key = 'k'.repeat(1000);
    expect(problemsOf(`{"${key}":1}`, { additionalProperties: long })[0]).toMatch(
      /^k{100}…: must be "x+…$/,
    );
    expect(problemsOf('{}', { required: [key, 'name'] })).toEqual([
      `the answer: must have ${'k'.repeat(80)}…, name`,
    ]);
  });

  test('gets the verdict of zod wherever zod has the same rules', () => {
    const leaf = fc.constantFrom<JsonObject>(
      { type: 'string', minLength: 1 },
      { type: 'integer', minimum: 0 },
      { type: 'number', maximum: 5 },
      { type: 'boolean' },
      { type: 'null' },
      { enum: ['a', 'b'] },
    );
    const { schema } = fc.letrec<{ schema: JsonObject }>((tie) => ({
      schema: fc.oneof(
        { depthSize: 'small' },
        leaf,
        tie('schema').map((items) => ({ type: 'array', items })),
        fc
          .tuple(tie('schema'), tie('schema'), fc.boolean())
          .map(([a, b, additionalProperties]) => ({
            type: 'object',
            properties: { a, b },
            required: ['a'],
            additionalProperties,
          })),
        fc.tuple(tie('schema'), tie('schema')).map(([a, b]) => ({ anyOf: [a, b] })),
      ),
    }));
    const { value } = fc.letrec<{ value: Json }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom<Json>('', 'a', 'b', -1, 0, 3, 7.5, true, null),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('value')),
      ),
    }));
    fc.assert(
      fc.property(schema, value, (rules, given) => {
        expect(problemOfSchema(rules)).toBeUndefined();
        const verdict = z.fromJSONSchema(rules as z.core.JSONSchema.JSONSchema).safeParse(given);
        expect(problemsOfAnswer(rules, given).length === 0).toBe(verdict.success);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a check that would take for ever', () => {
  const $defs: Record<string, Json> = { d40: { type: 'string' } };
  for (let n = 0; n < 40; n += 1) {
    const next = { $ref: `#/$defs/d${n + 1}` };
    $defs[`d${n}`] = { anyOf: [next, next] };
  }
  const many = Array.from({ length: 1000 }, (_, n) => `value ${n}`);
  const wide = { anyOf: [...many.slice(0, 300), 7].map((name) => ({ const: name })) };
  const long = JSON.stringify('a'.repeat(LLM_ANSWER_BYTES_MAX - 10));
  const list = JSON.stringify(Array.from({ length: 250_000 }, () => 7));

  test.each<[string, JsonObject, string]>([
    ['choices that double forty times', { $ref: '#/$defs/d0', $defs }, '1'],
    ['a long list of many choices', { items: wide }, list],
    ['a long list of many values', { items: { enum: [...many.slice(1), 7] } }, list],
    [
      'a long text of many lengths',
      { anyOf: many.map((_, n) => ({ minLength: 2 ** 40 + n })) },
      long,
    ],
    ['a long text of many formats', { anyOf: many.map(() => ({ format: 'email' })) }, long],
    ['many comparisons of a long list', { anyOf: many.map(() => ({ uniqueItems: true })) }, list],
  ])('by %s is given up', (_what, schema, text) => {
    expect(problemOfSchema(schema)).toBeUndefined();
    const startedAt = performance.now();
    expect(problemsOf(text, schema)).toEqual([
      'the answer is too large to be checked against this schema',
    ]);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });

  test('by references that nest within nests is given up, not run out of stack', () => {
    const chain: Record<string, Json> = { d300: { items: { $ref: '#/$defs/d0' } } };
    for (let n = 0; n < 300; n += 1) chain[`d${n}`] = { anyOf: [{ $ref: `#/$defs/d${n + 1}` }] };
    const schema = { $ref: '#/$defs/d0', $defs: chain };
    expect(problemOfSchema(schema)).toBeUndefined();
    expect(problemsOf('['.repeat(50) + ']'.repeat(50), schema)).toEqual([
      'the answer is too large to be checked against this schema',
    ]);
  });

  const x = 'x'.repeat(40_000);
  const names = Array.from({ length: 1000 }, (_, n) => `name ${n}`);
  /** A thousand branches that all look at the same definition, and the last one that fits, so that nothing ends early. */
  const branches = (branch: JsonObject): JsonObject => ({
    items: { anyOf: [...Array.from({ length: 900 }, () => ({ $ref: '#/$defs/a' })), {}] },
    $defs: { a: branch },
  });
  const copies = (item: Json, length: number): string =>
    JSON.stringify(Array.from({ length }, () => item));
  let unique: JsonObject = { uniqueItems: true };
  for (let level = 0; level < 30; level += 1) unique = { uniqueItems: true, items: unique };
  const wrapped = '['.repeat(28) + copies([7], 180_000) + ']'.repeat(28);

  test.each<[string, JsonObject, string]>([
    ['a long `const` in many branches', branches({ const: x }), copies(1, 5000)],
    ['an `enum` of a long text in many branches', branches({ enum: [x] }), copies(1, 5000)],
    ['`uniqueItems` in `uniqueItems`', unique, wrapped],
    ['many names that are required', branches({ required: names }), copies({}, 5000)],
    [
      'all but one of many names',
      branches({ required: names }),
      copies(Object.fromEntries(names.slice(0, -1).map((name) => [name, 1])), 40),
    ],
    [
      'a long list of types',
      branches({ type: Array.from({ length: 5000 }, () => 'null') }),
      copies(1, 5000),
    ],
    [
      'many annotations',
      branches({ ...Object.fromEntries(names.map((name) => [`x-${name}`, 0])), type: 'null' }),
      copies(1, 5000),
    ],
    ['formats of many short texts', branches({ format: 'duration' }), copies('P1', 5000)],
    [
      'a format of a long text',
      { anyOf: many.map(() => ({ format: 'duration' })) },
      JSON.stringify(`P${'1'.repeat(1_000_000)}`),
    ],
  ])('by %s ends soon', (_what, schema, text) => {
    expect(problemOfSchema(schema)).toBeUndefined();
    const startedAt = performance.now();
    expect(read(text, schema).ok).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });

  test('is not what an answer of ordinary size needs', () => {
    const row = { type: 'object', properties: { id: { type: 'integer' }, tag: { enum: many } } };
    const rows = Array.from({ length: 5000 }, (_, id) => ({ id, tag: 'value 999' }));
    expect(problemsOf(JSON.stringify(rows), { type: 'array', items: row })).toEqual([]);
  });
});
