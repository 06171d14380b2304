import { z } from 'zod';
import { loadBudgets } from '../account/load-budgets.ts';
import type { Budget } from '../contracts/budget.ts';
import type { RemainingBudget } from '../contracts/question.ts';
import type { Question } from './question.ts';

const NoParams = z.object({});

/** Differences of cents, to the micro-cent. */
const exact = (cents: number): number => Math.round(cents * 1e6) / 1e6;

/** What a new run may still take, at the level that has the least. */
export const remainingBudgetCents: Question<typeof NoParams> = {
  params: NoParams,
  async answer({ pool }, { key, agent, at, warnings }) {
    const budgets = await loadBudgets(pool, key, agent, at);
    const tightest = budgets.reduce((least, each) =>
      remainingOf(each) < remainingOf(least) ? each : least,
    );
    const remaining = remainingOf(tightest);
    const result: z.infer<typeof RemainingBudget> = {
      remaining_cents: remaining,
      // Held by open runs is as good as spent: the three numbers always add up.
      spent_cents: exact(tightest.total_cents - remaining),
      total_cents: tightest.total_cents,
      limited: tightest.limited,
      level: tightest.level,
      budgets,
      warnings,
    };
    return result;
  },
};

/** What has no limit counts down from the most that a budget can be. */
function remainingOf(budget: Budget): number {
  if (budget.limited) return budget.remaining_cents;
  const { total_cents: total, spent_cents: spent, reserved_cents: reserved } = budget;
  return Math.max(0, exact(total - spent - reserved));
}
