import type { ResourceContract } from '../contracts/capabilities.ts';
import { CONCURRENT_RUNS_MAX } from '../contracts/limits.ts';
import { tightestOf } from '../domain/budget.ts';
import { centsOrNull } from '../contracts/money.ts';
import type { Standing } from './load-standing.ts';

/** What may be used under a name: one shape for whatever it is called. */
export function toResourceContract(
  resourceId: string,
  { agent, budgets, rates, concurrency, warnings }: Standing,
  at: Date,
): ResourceContract {
  const budget = tightestOf(budgets);
  return {
    resource_id: resourceId,
    agent_id: agent?.id ?? null,
    budget,
    budget_cents: budget.total_cents,
    budgets,
    rate_limits: rates,
    concurrency,
    max_concurrency: concurrency.limit ?? CONCURRENT_RUNS_MAX,
    max_step_cost_cents: centsOrNull(agent?.max_step_cost_micro_cents),
    max_run_cost_cents: centsOrNull(agent?.max_run_cost_micro_cents),
    warnings: warnings.map((warning) => ({ ...warning, pointer: '' })),
    timestamp: at.toISOString(),
  };
}
