import { describe, expect, test } from '@jest/globals';
import {
  ENDPOINT_RETRY_AFTER_MAX_MS,
  ENDPOINT_RETRY_DELAYS_MS,
} from '../../src/contracts/limits.ts';
import { pauseAfter, pauseWhenFull } from '../../src/domain/delivery-backoff.ts';

const HOUR_MS = 3600_000;
const backoff = {
  delaysMs: ENDPOINT_RETRY_DELAYS_MS,
  retryAfterMaxMs: ENDPOINT_RETRY_AFTER_MAX_MS,
};

describe('the pause after an attempt', () => {
  test('grows from seconds to a day over three days, and then there is no further attempt', () => {
    const pauses = ENDPOINT_RETRY_DELAYS_MS.map((_, at) =>
      pauseAfter(at + 1, undefined, backoff, 0.5),
    );
    expect(pauses).toEqual([...ENDPOINT_RETRY_DELAYS_MS]);
    const totalMs = ENDPOINT_RETRY_DELAYS_MS.reduce((total, delayMs) => total + delayMs, 0);
    expect(totalMs / HOUR_MS).toBeGreaterThan(72);
    expect(pauseAfter(pauses.length + 1, undefined, backoff, 0.5)).toBeUndefined();
    expect(pauseAfter(pauses.length + 1, HOUR_MS, backoff, 0.5)).toBeUndefined();
  });

  test('is spread by a tenth', () => {
    expect(pauseAfter(2, undefined, backoff, 0)).toBe(270_000);
    expect(pauseAfter(2, undefined, backoff, 1)).toBe(330_000);
  });

  test('is what the receiver asks for, never shorter and never longer than a day', () => {
    expect(pauseAfter(1, HOUR_MS, backoff, 0.5)).toBe(HOUR_MS);
    expect(pauseAfter(2, 1_000, backoff, 0.5)).toBe(300_000);
    expect(pauseAfter(1, 1e12, backoff, 0.5)).toBe(24 * HOUR_MS);
  });
});

test('a delivery that finds no place asks again the later, the more others ask', () => {
  expect(pauseWhenFull(0, 8, 0.5)).toBe(1_000);
  expect(pauseWhenFull(800, 8, 0.5)).toBe(101_000);
  expect(pauseWhenFull(1e6, 8, 0.5)).toBe(300_000);
});
