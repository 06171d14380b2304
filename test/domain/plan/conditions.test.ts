import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Json } from '../../../src/contracts/json.ts';
import { CONDITION_OPERATORS } from '../../../src/contracts/plan.ts';
import type { Condition } from '../../../src/contracts/plan.ts';
import { equalJson, evaluateCondition } from '../../../src/domain/plan/conditions.ts';

const scope = {
  input: { n: 5, s: 'hello', list: [1, { a: 2 }], object: { key: null, other: 1 }, nothing: null },
  stepIds: ['a'],
  steps: new Map([['a', { output: { ok: true } }]]),
  previousId: 'a',
};

const evaluate = (ref: string, op: Condition['op'], value?: Json): boolean =>
  evaluateCondition({ ref, op, ...(value !== undefined && { value }) }, scope);

describe('a condition holds', () => {
  test.each<[string, Condition['op'], Json | undefined]>([
    ['input.n', 'eq', 5],
    ['{{ input.n }}', 'eq', 5],
    ['input.list', 'eq', [1, { a: 2 }]],
    ['input.object', 'eq', { other: 1, key: null }],
    ['input.n', 'ne', '5'],
    ['input.missing', 'ne', 1],
    ['input.n', 'gt', 4],
    ['input.n', 'gte', 5],
    ['input.n', 'lt', 6],
    ['input.n', 'lte', 5],
    ['input.s', 'gt', 'hell'],
    ['input.s', 'contains', 'ell'],
    ['input.list', 'contains', { a: 2 }],
    ['input.object', 'contains', 'key'],
    ['input.s', 'starts_with', 'he'],
    ['input.s', 'ends_with', 'lo'],
    ['input.nothing', 'exists', undefined],
    ['input.missing', 'not_exists', undefined],
    ['steps.b.output', 'not_exists', undefined],
    ['steps.a.output.ok', 'eq', true],
    ['steps[0].result.ok', 'eq', true],
    ['previous.output.ok', 'exists', undefined],
  ])('%s %s %j', (ref, op, value) => {
    expect(evaluate(ref, op, value)).toBe(true);
  });
});

describe('a condition does not hold', () => {
  test.each<[string, Condition['op'], Json | undefined]>([
    ['input.n', 'eq', '5'],
    ['input.missing', 'eq', null],
    ['input.list', 'eq', [1]],
    ['input.list', 'eq', { 0: 1 }],
    ['input.object', 'eq', { key: null, toString: 1 }],
    ['input.n', 'ne', 5],
    ['input.n', 'gt', '4'],
    ['input.n', 'gt', 5],
    ['input.nothing', 'lte', null],
    ['input.list', 'gte', [0]],
    ['input.missing', 'lt', 9],
    ['input.missing', 'contains', 'x'],
    ['input.n', 'contains', 5],
    ['input.s', 'contains', 1],
    ['input.object', 'contains', 'constructor'],
    ['input.n', 'starts_with', '5'],
    ['input.missing', 'ends_with', ''],
    ['input.missing', 'exists', undefined],
    ['input.nothing', 'not_exists', undefined],
    ['input.n', 'eq', undefined],
    ['input.n', 'lt', undefined],
    ['nonsense', 'exists', undefined],
  ])('%s %s %j', (ref, op, value) => {
    expect(evaluate(ref, op, value)).toBe(false);
  });
});

test('ne is the opposite of eq, and exists of not_exists, for every value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (actual, wanted) => {
      const held = { ...scope, input: actual as Json };
      const value = wanted as Json;
      const holds = (op: Condition['op']) => evaluateCondition({ ref: 'input', op, value }, held);
      expect(holds('ne')).toBe(!holds('eq'));
      expect(holds('exists')).toBe(!holds('not_exists'));
      for (const op of CONDITION_OPERATORS) expect(typeof holds(op)).toBe('boolean');
    }),
  );
});

test('a value equals its copy, whatever the order of its keys', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const copy = JSON.parse(JSON.stringify(value), (_, inner: unknown) =>
        typeof inner === 'object' && inner !== null && !Array.isArray(inner)
          ? Object.fromEntries(Object.entries(inner).reverse())
          : inner,
      ) as Json;
      expect(equalJson(JSON.parse(JSON.stringify(value)) as Json, copy)).toBe(true);
      expect(equalJson(copy, [copy])).toBe(false);
    }),
  );
});
