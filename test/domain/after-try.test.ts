import { describe, expect, test } from '@jest/globals';
import type { StepPolicy } from '../../src/contracts/plan.ts';
import { afterTry, backoffMs } from '../../src/domain/after-try.ts';
import type { TryOutcome } from '../../src/domain/after-try.ts';

const policy = (partial: Partial<StepPolicy> = {}): StepPolicy => ({
  max_attempts: 3,
  backoff_ms: 100,
  max_backoff_ms: 1000,
  on_error: 'fail',
  ...partial,
});
const failed = (partial: Partial<TryOutcome> = {}): TryOutcome => ({
  status: 'failed',
  code: 'HTTP_5XX',
  retryable: true,
  ...partial,
});
const HOUR = 3_600_000;

describe('after a try', () => {
  test('a success ends the step', () => {
    const outcome: TryOutcome = { status: 'succeeded' };
    expect(afterTry(policy(), 'main', 1, outcome, HOUR)).toEqual({
      kind: 'end',
      status: 'succeeded',
    });
  });

  test('a retryable failure is tried again with growing pauses', () => {
    expect(afterTry(policy(), 'main', 1, failed(), HOUR)).toEqual({ kind: 'retry', delayMs: 100 });
    expect(afterTry(policy(), 'main', 2, failed(), HOUR)).toEqual({ kind: 'retry', delayMs: 200 });
    expect(backoffMs(policy(), 60)).toBe(1000);
  });

  test('max_attempts counts all tries', () => {
    expect(afterTry(policy(), 'main', 3, failed(), HOUR)).toEqual({
      kind: 'end',
      status: 'failed',
    });
    expect(afterTry(policy({ max_attempts: 1 }), 'main', 1, failed(), HOUR)).toEqual({
      kind: 'end',
      status: 'failed',
    });
  });

  test('a failure that is not retryable ends the step at once', () => {
    expect(afterTry(policy(), 'main', 1, failed({ retryable: false }), HOUR)).toEqual({
      kind: 'end',
      status: 'failed',
    });
  });

  test('a server that names when to come back is not asked earlier', () => {
    expect(afterTry(policy(), 'main', 1, failed({ retry_after_ms: 5000 }), HOUR)).toEqual({
      kind: 'retry',
      delayMs: 5000,
    });
  });

  test('a retry that would begin after the deadline is not made', () => {
    expect(afterTry(policy(), 'main', 1, failed({ retry_after_ms: 5000 }), 4000)).toEqual({
      kind: 'end',
      status: 'failed',
    });
  });

  test('the fallback stands in when the tries are used up, with tries of its own', () => {
    const withFallback = policy({ on_error: 'fallback', fallback_max_attempts: 2 });
    expect(afterTry(withFallback, 'main', 3, failed(), HOUR)).toEqual({ kind: 'fallback' });
    expect(afterTry(withFallback, 'fallback', 1, failed(), HOUR)).toEqual({
      kind: 'retry',
      delayMs: 100,
    });
    expect(afterTry(withFallback, 'fallback', 2, failed(), HOUR)).toEqual({
      kind: 'end',
      status: 'failed',
    });
  });

  test.each(['EFFECT_UNKNOWN', 'STEP_LOST', 'DEADLINE_EXCEEDED'] as const)(
    'no fallback stands in after %s',
    (code) => {
      const outcome = failed({ code, retryable: false });
      expect(afterTry(policy({ on_error: 'fallback' }), 'main', 1, outcome, HOUR)).toEqual({
        kind: 'end',
        status: 'failed',
      });
    },
  );

  test('on_error skip lets the plan go on, but not past the deadline', () => {
    const skipping = policy({ on_error: 'skip' });
    expect(afterTry(skipping, 'main', 3, failed(), HOUR)).toEqual({
      kind: 'end',
      status: 'skipped',
    });
    const late = failed({ code: 'DEADLINE_EXCEEDED', retryable: false });
    expect(afterTry(skipping, 'main', 1, late, 0)).toEqual({ kind: 'end', status: 'failed' });
  });

  test('a cancelled try ends the step as cancelled', () => {
    const outcome: TryOutcome = {
      status: 'cancelled',
      code: 'CANCELLED',
      retryable: false,
    };
    expect(afterTry(policy({ on_error: 'skip' }), 'main', 1, outcome, HOUR)).toEqual({
      kind: 'end',
      status: 'cancelled',
    });
  });

  test('what undoes a step has tries of its own, and no way around a failure', () => {
    const undoing = policy({ on_error: 'skip', compensate_max_attempts: 2 });
    expect(afterTry(undoing, 'compensate', 1, failed(), HOUR)).toEqual({
      kind: 'retry',
      delayMs: 100,
    });
    expect(afterTry(undoing, 'compensate', 2, failed(), HOUR)).toEqual({
      kind: 'end',
      status: 'failed',
    });
    expect(afterTry(undoing, 'compensate', 2, { status: 'succeeded' }, HOUR)).toEqual({
      kind: 'end',
      status: 'compensated',
    });
  });
});
