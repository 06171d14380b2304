import type { Budget, BudgetLevel, BudgetPeriod } from '../contracts/budget.ts';
import { BUDGET_CENTS_MAX } from '../contracts/limits.ts';
import { centsFromMicroCents } from '../contracts/money.ts';
import type { Balances } from './balances.ts';
import { periodAt } from './budget-period.ts';

export interface BudgetFacts {
  level: BudgetLevel;
  accountId: string;
  balances: Balances;
  /** @default total */
  period?: BudgetPeriod;
  at: Date;
}

/** The money of one level as readers see it; what has no limit shows the most that a budget can be. */
export function toBudget({
  level,
  accountId,
  balances,
  period = 'total',
  at,
}: BudgetFacts): Budget {
  const { limit, reserved, settled, overage } = balances;
  const totalCents = limit === null ? BUDGET_CENTS_MAX : centsFromMicroCents(limit);
  const freeCents = limit === null ? totalCents : centsFromMicroCents(limit - reserved - settled);
  // While something is over, nothing new may begin.
  const remainingCents = overage > 0 ? 0 : Math.max(0, freeCents);
  return {
    level,
    account_id: accountId,
    limited: limit !== null,
    total_cents: totalCents,
    remaining_cents: remainingCents,
    reserved_cents: centsFromMicroCents(reserved),
    spent_cents: centsFromMicroCents(settled + overage),
    overage_cents: centsFromMicroCents(overage),
    period,
    resets_at: periodAt(period, at).endsAt?.toISOString() ?? null,
  };
}

/** What the limit of a level is set as. */
export const limitNameOf = (level: BudgetLevel | 'run'): 'limit_cents' | 'budget_cents' =>
  level === 'tenant' ? 'limit_cents' : 'budget_cents';

/** The level that leaves the least to a new run; there is always one. */
export const tightestOf = (budgets: readonly Budget[]): Budget =>
  budgets.reduce((least, each) => (each.remaining_cents < least.remaining_cents ? each : least));
