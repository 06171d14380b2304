import type { NextMove, StepRole } from '../contracts/activities.ts';
import type { FailureCode } from '../contracts/failure-codes.ts';
import type { StepPolicy } from '../contracts/plan.ts';
import { RETRY_DELAY_MAX_MS } from '../contracts/limits.ts';

/** The outcome of a try, as far as it decides what follows. */
export interface TryOutcome {
  status: 'succeeded' | 'failed' | 'skipped' | 'cancelled';
  code?: FailureCode;
  retryable?: boolean;
  retry_after_ms?: number;
}

/** Failures after which another skill may not stand in: the run is over, or the first effect may have happened. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  'DEADLINE_EXCEEDED',
  'EFFECT_UNKNOWN',
  'STEP_LOST',
]);

/** Doubles from `backoff_ms` with each try, up to `max_backoff_ms`. */
export const backoffMs = (policy: StepPolicy, number: number): number =>
  Math.min(policy.backoff_ms * 2 ** Math.min(number - 1, 30), policy.max_backoff_ms);

const triesMaxOf = (policy: StepPolicy, role: StepRole): number => {
  switch (role) {
    case 'main':
      return policy.max_attempts;
    case 'fallback':
      return policy.fallback_max_attempts ?? 1;
    case 'compensate':
      return policy.compensate_max_attempts ?? 1;
  }
};

/**
 * Decides what follows the outcome of a try. `remainingMs` is the time to the run's deadline, or to that of its
 * compensation: a retry that would begin after it is not made.
 */
export function afterTry(
  policy: StepPolicy,
  role: StepRole,
  number: number,
  outcome: TryOutcome,
  remainingMs: number,
): NextMove {
  if (outcome.status !== 'failed') {
    const isUndone = role === 'compensate' && outcome.status === 'succeeded';
    return { kind: 'end', status: isUndone ? 'compensated' : outcome.status };
  }
  if (outcome.retryable === true && number < triesMaxOf(policy, role)) {
    const delayMs = Math.max(backoffMs(policy, number), outcome.retry_after_ms ?? 0);
    if (delayMs <= RETRY_DELAY_MAX_MS && delayMs < remainingMs) return { kind: 'retry', delayMs };
  }
  if (outcome.code === 'DEADLINE_EXCEEDED' || role === 'compensate')
    return { kind: 'end', status: 'failed' };
  if (role === 'main' && policy.on_error === 'fallback' && !FINAL_CODES.has(outcome.code ?? '')) {
    return { kind: 'fallback' };
  }
  return { kind: 'end', status: policy.on_error === 'skip' ? 'skipped' : 'failed' };
}
