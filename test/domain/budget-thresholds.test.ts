import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { BUDGET_CENTS_MAX, BUDGET_THRESHOLDS_PERCENT } from '../../src/contracts/limits.ts';
import { MICRO_CENTS_PER_CENT } from '../../src/contracts/money.ts';
import { isReached, levelOf, thresholdsCrossed } from '../../src/domain/budget-thresholds.ts';

const LARGEST = BUDGET_CENTS_MAX * MICRO_CENTS_PER_CENT;

const crossedBy = (limit: number | null, before: number, after: number) =>
  thresholdsCrossed(
    { limitMicroCents: limit, spentMicroCents: before },
    { limitMicroCents: limit, spentMicroCents: after },
  );

describe('the parts of a budget', () => {
  test.each([
    { what: 'less than half', before: 0, after: 49, crossed: [] },
    { what: 'exactly half', before: 0, after: 50, crossed: [50] },
    { what: 'more, from half on', before: 50, after: 79, crossed: [] },
    { what: 'two parts at once', before: 49, after: 80, crossed: [50, 80] },
    { what: 'all at once', before: 0, after: 100, crossed: [50, 80, 100] },
    { what: 'more than all', before: 99, after: 130, crossed: [100] },
    { what: 'still more than all', before: 100, after: 130, crossed: [] },
    { what: 'nothing', before: 80, after: 80, crossed: [] },
    { what: 'less than before', before: 100, after: 40, crossed: [] },
  ])('are reached by spending $what', ({ before, after, crossed }) => {
    expect(crossedBy(100, before, after)).toEqual(crossed);
  });

  test.each([null, 0])('are none where the limit is %s', (limit) => {
    expect(crossedBy(limit, 0, 1_000)).toEqual([]);
    expect(isReached(limit, 1_000, 50)).toBe(false);
  });

  test('are exact to the micro-cent, of the largest budget too', () => {
    expect(crossedBy(LARGEST, 0, LARGEST * 0.8 - 1)).toEqual([50]);
    expect(crossedBy(LARGEST, LARGEST * 0.8 - 1, LARGEST * 0.8)).toEqual([80]);
    expect(crossedBy(LARGEST - 1, 0, (LARGEST - 2) / 2)).toEqual([]);
    expect(crossedBy(LARGEST - 1, 0, LARGEST / 2)).toEqual([50]);
    expect(crossedBy(3, 1, 2)).toEqual([50]);
    expect(crossedBy(1, 0, 1)).toEqual([50, 80, 100]);
  });

  test('are each reached once, in order, however the same is spent', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: LARGEST }),
        fc.array(fc.integer({ min: 0, max: LARGEST / 100 }), { maxLength: 20 }),
        (limit, costs) => {
          const crossed: number[] = [];
          let spent = 0;
          for (const cost of costs) {
            crossed.push(...crossedBy(limit, spent, spent + cost));
            spent += cost;
          }
          const reached = BUDGET_THRESHOLDS_PERCENT.filter((each) => isReached(limit, spent, each));
          expect(crossed).toEqual(reached);
        },
      ),
    );
  });
});

test.each([
  ['tenant/default', 'tenant'],
  ['key/key_1', 'key'],
  ['agent/agent_1', 'agent'],
  ['agent/agent_1/2026-11', 'agent'],
  ['run_1/1', 'run'],
  ['agents', 'run'],
])('the account %s is the money of a %s', (accountId, level) => {
  expect(levelOf(accountId)).toBe(level);
});
