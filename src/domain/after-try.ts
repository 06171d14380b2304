import type { StepRole, StepStatus, TryOutcome } from '../contracts/activities.ts';
import type { StepPolicy } from '../contracts/plan.ts';
import { RETRY_DELAY_MAX_MS } from '../contracts/limits.ts';

export type NextMove =
  | { kind: 'retry'; delayMs: number }
  | { kind: 'fallback' }
  | { kind: 'end'; status: Exclude<StepStatus, 'pending' | 'running'> };

/** Failures after which another skill may not stand in: the run is over, or the first effect may have happened. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  'DEADLINE_EXCEEDED',
  'EFFECT_UNKNOWN',
  'STEP_LOST',
]);

/** Doubles from `backoff_ms` with each try, up to `max_backoff_ms`. */
export const backoffMs = (policy: StepPolicy, number: number): number =>
  Math.min(policy.backoff_ms * 2 ** Math.min(number - 1, 30), policy.max_backoff_ms);

/**
 * Decides what follows the outcome of a try. `remainingMs` is the time to the run's deadline: a retry that would
 * begin after it is not made.
 */
export function afterTry(
  policy: StepPolicy,
  role: StepRole,
  number: number,
  outcome: TryOutcome,
  remainingMs: number,
): NextMove {
  if (outcome.status !== 'failed') return { kind: 'end', status: outcome.status };
  const triesMax = role === 'main' ? policy.max_attempts : (policy.fallback_max_attempts ?? 1);
  if (outcome.retryable === true && number < triesMax) {
    const delayMs = Math.max(backoffMs(policy, number), outcome.retry_after_ms ?? 0);
    if (delayMs <= RETRY_DELAY_MAX_MS && delayMs < remainingMs) return { kind: 'retry', delayMs };
  }
  if (outcome.code === 'DEADLINE_EXCEEDED') return { kind: 'end', status: 'failed' };
  if (role === 'main' && policy.on_error === 'fallback' && !FINAL_CODES.has(outcome.code ?? '')) {
    return { kind: 'fallback' };
  }
  return { kind: 'end', status: policy.on_error === 'skip' ? 'skipped' : 'failed' };
}
