import { createFailure } from '../contracts/failures.ts';
import type { Failure } from '../contracts/failures.ts';
import { centsFromMicroCents } from '../contracts/money.ts';
import type { Balances } from '../domain/balances.ts';
import { limitNameOf } from '../domain/budget.ts';
import { levelOf } from '../domain/budget-thresholds.ts';
import type { StepRole } from '../contracts/activities.ts';
import type { RunRow, RunState } from '../storage/runs.ts';
import type { StepRowWithSpec } from '../storage/steps.ts';
import { deadlineOf } from './run-state.ts';

/** The failures that a run has by itself, with the facts that their messages name. */

/** A failure as it stands in a column. */
export const parseFailure = (text: string): Failure => JSON.parse(text) as Failure;

export const deadlineExceeded = (run: RunState, role: StepRole = 'main'): Failure =>
  createFailure(
    'DEADLINE_EXCEEDED',
    `${role === 'compensate' ? 'The compensation of the run had until' : "The run's deadline was"} ${deadlineOf(run, role).toISOString()}.`,
  );

export const cancelled = (run: Pick<RunRow, 'cancel_reason'>): Failure =>
  createFailure('CANCELLED', run.cancel_reason ?? 'Cancelled on request.');

export const stepLost = (skill: string, effectKey: string): Failure =>
  createFailure(
    'STEP_LOST',
    `The call of \`${skill}\` ended without an outcome. Its effect key is ${effectKey}.`,
  );

export const effectUnknown = (stepId: string, effectKey: string): Failure =>
  createFailure(
    'EFFECT_UNKNOWN',
    `The worker that called the skill of step ${stepId} was lost, and the call may not safely be repeated. ` +
      `Look in the outside system for the effect key ${effectKey}.`,
  );

export const sealedOtherwise = (stepId: string): string =>
  `The output of step ${stepId} was sealed with another AOS_SECRETS_KEY than this process has, or was changed since.`;

export const openRunsExceeded = (agentId: string, max: number, open: number): Failure =>
  createFailure(
    'CONCURRENT_RUNS_EXCEEDED',
    `Agent ${agentId} may have ${max} open runs at once (max_concurrent_runs), and has ${open}.`,
    {
      retry_after_ms: 1_000,
      limit: { name: 'max_concurrent_runs', value: max, asked: open + 1 },
    },
  );

/** `resetMs` is until the minute that is counted ends. */
export const agentRateExceeded = (agentId: string, perMinute: number, resetMs: number): Failure =>
  createFailure(
    'RATE_LIMITED',
    `Agent ${agentId} may submit ${perMinute} runs a minute (rate_limit_per_minute), and they are used up. ` +
      `The next minute begins in ${Math.ceil(resetMs / 1000)} s.`,
    {
      retry_after_ms: Math.max(1, resetMs),
      limit: { name: 'rate_limit_per_minute', value: perMinute, asked: perMinute + 1 },
    },
  );

/** The two sides of a limit of money, in cents. */
export const ofMoney = (valueMicroCents: number, askedMicroCents: number) => ({
  value: centsFromMicroCents(valueMicroCents),
  asked: centsFromMicroCents(askedMicroCents),
});

const cents = (microCents: number): string => `${centsFromMicroCents(microCents)} cents`;

export function budgetExceeded(
  accountId: string,
  askedMicroCents: number,
  balances: Balances,
): Failure {
  const { limit, settled, reserved, overage } = balances;
  return createFailure(
    'BUDGET_EXCEEDED',
    `Account ${accountId} has a limit of ${limit === null ? 'none' : cents(limit)}: ${cents(settled)} settled, ` +
      `${cents(reserved)} reserved, ${cents(overage)} over. What is asked, up to ${cents(askedMicroCents)}, does not fit.`,
    limit === null
      ? {}
      : {
          limit: {
            name: limitNameOf(levelOf(accountId)),
            ...ofMoney(limit, askedMicroCents),
            account_id: accountId,
          },
        },
  );
}

export function overStepCap(
  { id, spec }: Pick<StepRowWithSpec, 'id' | 'spec'>,
  worstMicroCents: number,
  capMicroCents: number,
): Failure {
  const name = spec.is_cap_of_agent ? 'max_step_cost_cents' : 'max_cost_cents';
  return createFailure(
    'BUDGET_EXCEEDED',
    `A call of step ${id} may cost up to ${cents(worstMicroCents)}, more than ` +
      `${spec.is_cap_of_agent ? "the agent's" : 'its'} ${name} of ${cents(capMicroCents)}.`,
    { limit: { name, ...ofMoney(capMicroCents, worstMicroCents) } },
  );
}
