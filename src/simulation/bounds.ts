import type { Budget } from '../contracts/budget.ts';
import type { Problem } from '../contracts/failures.ts';
import { centsFromMicroCents } from '../contracts/money.ts';
import type { Bound } from '../contracts/simulation.ts';
import type { AgentRow } from '../storage/agents.ts';

/** The limits beside the budget that a run of this cost would meet: what is left at each level, and the agent's caps. */
export function boundsOf(
  costCents: number,
  dearestCallCents: number,
  budgets: readonly Budget[],
  agent: AgentRow | undefined,
): Bound[] {
  const cap = (name: Bound['name'], microCents: number | null, needed: number): Bound[] => {
    if (microCents === null) return [];
    const limitCents = centsFromMicroCents(microCents);
    const sufficient = needed <= limitCents;
    return [{ name, level: 'agent', limited: true, limit_cents: limitCents, sufficient }];
  };
  return [
    ...budgets.map(({ level, limited, remaining_cents: remaining }): Bound => ({
      name: 'remaining_budget',
      level,
      limited,
      limit_cents: remaining,
      sufficient: costCents <= remaining,
    })),
    ...(agent
      ? [
          ...cap('max_run_cost_cents', agent.max_run_cost_micro_cents, costCents),
          ...cap('max_step_cost_cents', agent.max_step_cost_micro_cents, dearestCallCents),
        ]
      : []),
  ];
}

/** A run holds its whole budget from its begin, so one that is larger than what is left is refused for that alone. */
export function warnOfBudget(budgetCents: number, bounds: readonly Bound[]): Problem[] {
  const holding = bounds.filter(({ name }) => name !== 'max_step_cost_cents');
  const mostCents = Math.min(...holding.map((bound) => bound.limit_cents));
  if (holding.length === 0 || budgetCents <= mostCents) return [];
  const { name, level } = holding.find((bound) => bound.limit_cents === mostCents)!;
  const limit = name === 'remaining_budget' ? `what is left to the ${level}` : name;
  const message = `a run that names a budget of more than ${mostCents} cents (${limit}) is refused; this is ${budgetCents}.`;
  return [{ pointer: '/budget_cents', code: 'BUDGET_TOO_LARGE', message }];
}
