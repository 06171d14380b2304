import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  adjustChange,
  applyChange,
  freeOf,
  holdChange,
  limitChange,
  NO_LIMIT_MICRO_CENTS,
  releaseChange,
  settleChange,
  topUpChange,
} from '../../src/domain/balances.ts';
import type { Balances } from '../../src/domain/balances.ts';

const account = (partial: Partial<Balances> = {}): Balances => ({
  limit: 100,
  reserved: 0,
  settled: 0,
  overage: 0,
  ...partial,
});

describe('an account', () => {
  test('refuses a hold that does not fit and takes one that fits exactly', () => {
    expect(holdChange(account({ settled: 40, reserved: 30 }), 31)).toBeUndefined();
    expect(holdChange(account({ settled: 40, reserved: 30 }), 30)).toMatchObject({ reserved: 30 });
  });

  test('refuses every hold while it is over', () => {
    expect(holdChange(account({ limit: null, overage: 1 }), 1)).toBeUndefined();
  });

  test('settles less than was held and frees the rest', () => {
    const before = account({ reserved: 50 });
    expect(applyChange(before, settleChange(before, 50, 20))).toEqual(account({ settled: 20 }));
  });

  test('settles more than was held from what is free, and the rest as overage', () => {
    const before = account({ reserved: 90 });
    expect(applyChange(before, settleChange(before, 50, 70))).toEqual(
      account({ reserved: 40, settled: 60, overage: 10 }),
    );
  });

  test('takes a late cost off the overage first when it is negative', () => {
    const before = account({ settled: 60, overage: 10 });
    expect(applyChange(before, adjustChange(before, -15))).toEqual(account({ settled: 55 }));
  });

  test('pays what is over first when it is topped up', () => {
    const before = account({ settled: 100, overage: 10 });
    expect(applyChange(before, topUpChange(before, 30))).toEqual(
      account({ limit: 130, settled: 110 }),
    );
  });

  test('takes a limit that holds what is settled and reserved, and none that is lower', () => {
    const before = account({ settled: 40, reserved: 30 });
    expect(applyChange(before, limitChange(before, 70)!)).toEqual({ ...before, limit: 70 });
    expect(limitChange(before, 69)).toBeUndefined();
  });

  test('loses its limit and gets one back', () => {
    const before = account({ settled: 40 });
    const unlimited = applyChange(before, limitChange(before, null)!);
    expect(unlimited).toEqual({ ...before, limit: null });
    expect(limitChange(unlimited, null)).toMatchObject({ limit: 0 });
    expect(limitChange(unlimited, 50)).toMatchObject({ limit: 50 - NO_LIMIT_MICRO_CENTS });
    expect(applyChange(unlimited, limitChange(unlimited, 50)!)).toEqual({ ...before, limit: 50 });
  });

  test('pays what is over first when its limit makes room, as far as it does', () => {
    const before = account({ settled: 90, reserved: 10, overage: 15 });
    expect(applyChange(before, limitChange(before, 110)!)).toEqual(
      account({ limit: 110, settled: 100, reserved: 10, overage: 5 }),
    );
    expect(applyChange(before, limitChange(before, null)!)).toEqual(
      account({ limit: null, settled: 105, reserved: 10 }),
    );
  });

  test('stays within its bounds whatever is asked of it', () => {
    const amount = fc.integer({ min: 0, max: 1000 });
    const limited = fc.record({
      limit: amount,
      reserved: amount,
      settled: amount,
      overage: amount,
    });
    const unlimited = fc.record({
      limit: fc.constant(null),
      reserved: amount,
      settled: amount,
      overage: amount,
    });
    fc.assert(
      fc.property(fc.oneof(limited, unlimited), amount, amount, (start: Balances, held, actual) => {
        fc.pre(freeOf(start) >= 0 && held <= start.reserved);
        const delta = Math.max(actual - held, -start.settled);
        const changes = [
          holdChange(start, actual),
          settleChange(start, held, actual),
          releaseChange(held),
          adjustChange(start, delta),
          topUpChange(start, actual),
          limitChange(start, actual),
          limitChange(start, null),
        ];
        for (const change of changes.filter((each) => each !== undefined)) {
          const after = applyChange(start, change);
          expect(after.reserved).toBeGreaterThanOrEqual(0);
          expect(after.settled).toBeGreaterThanOrEqual(0);
          expect(after.overage).toBeGreaterThanOrEqual(0);
          expect(freeOf(after)).toBeGreaterThanOrEqual(0);
        }
        const settled = settleChange(start, held, actual);
        expect(settled.settled + settled.overage).toBe(actual);
      }),
    );
  });
});
