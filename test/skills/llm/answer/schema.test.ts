import { describe, expect, test } from '@jest/globals';
import type { Json, JsonObject } from '../../../../src/contracts/json.ts';
import { LLM_SCHEMA_BYTES_MAX, LLM_SCHEMA_DEPTH_MAX } from '../../../../src/contracts/limits.ts';
import { problemOfSchema } from '../../../../src/skills/llm/answer/schema.ts';

const nested = (levels: number): JsonObject =>
  levels === 0 ? { type: 'string' } : { type: 'array', items: nested(levels - 1) };

describe('a schema for an answer', () => {
  test.each<[string, JsonObject]>([
    ['nothing', {}],
    ['annotations alone', { $schema: 'x', $id: 'x', title: 'x', description: 'x', 'x-mine': {} }],
    ['every type', { type: ['string', 'number', 'integer', 'boolean', 'null', 'object', 'array'] }],
    ['properties', { type: 'object', properties: { a: true, b: false, c: {} }, required: ['z'] }],
    ['a map', { type: 'object', additionalProperties: { type: 'number' } }],
    ['a tuple', { type: 'array', prefixItems: [{ type: 'string' }], items: false }],
    ['choices', { anyOf: [{ type: 'string' }, { enum: [1, 'a', null, true] }], oneOf: [{}] }],
    ['bounds', { minimum: -1, maximum: 1e9, exclusiveMinimum: 0, multipleOf: 0.1, minLength: 0 }],
    ['a known format', { type: 'string', format: 'date-time' }],
    ['a reference', { $ref: '#/$defs/a', $defs: { a: { type: 'string' } } }],
    ['a reference with an escape', { $ref: '#/definitions/a~1b', definitions: { 'a/b': {} } }],
    [
      'what refers to itself inside a value',
      {
        $defs: { tree: { type: 'object', properties: { next: { $ref: '#/$defs/tree' } } } },
        anyOf: [{ $ref: '#/$defs/tree' }, { type: 'array', items: { $ref: '#' } }],
      },
    ],
    ['a deep nest', nested(LLM_SCHEMA_DEPTH_MAX)],
  ])('may hold %s', (_what, schema) => {
    expect(problemOfSchema(schema)).toBeUndefined();
  });

  test.each<[string, JsonObject, string]>([
    ['a regular expression', { type: 'string', pattern: '(a+)+$' }, 'pattern'],
    ['regular expressions as keys', { patternProperties: { '(a+)+$': {} } }, 'patternProperties'],
    ['`not`', { not: { type: 'string' } }, 'not'],
    ['a condition', { properties: { a: { if: {} } } }, 'properties.a.if'],
    ['a keyword of OpenAPI', { type: 'string', nullable: true }, 'nullable'],
    ['a misspelt keyword', { type: 'string', maxlength: 3 }, 'maxlength'],
    ['a wrapper of another API', { name: 'x', schema: {}, strict: true }, 'name'],
    ['an unknown type', { properties: { a: { type: 'date' } } }, 'properties.a.type'],
    ['no type at all', { type: [] }, 'type'],
    ['an unknown format', { type: 'string', format: 'regex' }, 'format'],
    ['a bound that is no number', { minimum: '3' }, 'minimum'],
    ['a negative length', { minLength: -1 }, 'minLength'],
    ['half a length', { maxItems: 1.5 }, 'maxItems'],
    ['a step of nothing', { multipleOf: 0 }, 'multipleOf'],
    ['an empty choice', { anyOf: [] }, 'anyOf'],
    ['a choice that is no list', { oneOf: {} }, 'oneOf'],
    ['a choice of no schemas', { anyOf: [{ type: 'string' }, 3] }, 'anyOf.1'],
    ['objects to choose from', { enum: [{ a: 1 }] }, 'enum'],
    ['too many values to choose from', { enum: Array.from({ length: 1001 }, (_, n) => n) }, 'enum'],
    ['names that are none', { required: [1] }, 'required'],
    ['properties that are none', { properties: [] }, 'properties'],
    ['a schema that is none', { items: 'string' }, 'items'],
    ['a reference to elsewhere', { $ref: 'https://example.org/a.json' }, '$ref'],
    ['a reference to nothing', { $ref: '#/$defs/a', $defs: {} }, '$ref'],
    ['a reference to a builtin', { $ref: '#/$defs/constructor', $defs: {} }, '$ref'],
    ['a reference that is no text', { $ref: { a: 1 } }, '$ref'],
    ['a bad definition', { $defs: { a: { pattern: 'x' } } }, '$defs.a.pattern'],
    ['itself', { $ref: '#' }, ''],
    ['itself by a choice', { anyOf: [{ type: 'string' }, { allOf: [{ $ref: '#' }] }] }, ''],
    [
      'definitions that are each other',
      { $defs: { a: { $ref: '#/$defs/b' }, b: { oneOf: [{ $ref: '#/$defs/a' }] } } },
      '$defs.a',
    ],
    [
      'too deep a nest',
      nested(LLM_SCHEMA_DEPTH_MAX + 1),
      'items'.concat('.items'.repeat(LLM_SCHEMA_DEPTH_MAX)),
    ],
    ['too many bytes', { description: 'x'.repeat(LLM_SCHEMA_BYTES_MAX) }, ''],
  ])('may not hold %s', (_what, schema, place) => {
    const problem = problemOfSchema(schema);
    expect(problem).toBeDefined();
    expect(problem!.path.join('.')).toBe(place);
    expect(problem!.message).toMatch(/^[a-z].{10,}/);
  });

  test('is judged at once, however its references multiply', () => {
    const $defs: Record<string, Json> = { d40: { type: 'string' } };
    for (let n = 0; n < 40; n += 1) {
      const next = { $ref: `#/$defs/d${n + 1}` };
      $defs[`d${n}`] = { anyOf: [next, next] };
    }
    const startedAt = performance.now();
    expect(problemOfSchema({ $ref: '#/$defs/d0', $defs })).toBeUndefined();
    expect(performance.now() - startedAt).toBeLessThan(2000);
  });
});
