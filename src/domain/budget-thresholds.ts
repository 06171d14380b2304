import type { BudgetLevel, Threshold } from '../contracts/budget.ts';
import { BUDGET_THRESHOLDS_PERCENT } from '../contracts/limits.ts';
import { spentOf } from './balances.ts';
import type { Balances } from './balances.ts';

export type ThresholdPercent = (typeof BUDGET_THRESHOLDS_PERCENT)[number];

/** Whether what is spent is so many percent of the limit, or more. No limit, and one of 0, has no parts. */
export function isReached(
  limitMicroCents: number | null,
  spentMicroCents: number,
  percent: ThresholdPercent,
): boolean {
  if (limitMicroCents === null || limitMicroCents === 0) return false;
  // A hundred times a budget is more than a double counts exactly.
  return BigInt(spentMicroCents) * 100n >= BigInt(limitMicroCents) * BigInt(percent);
}

/** What is spent of a limit, in micro-cents. */
export interface SpentOfLimit {
  limitMicroCents: number | null;
  spentMicroCents: number;
}

/** The parts of a limit that were not reached before and are now, lowest first: more is spent, or the limit is lower. */
export const thresholdsCrossed = (before: SpentOfLimit, after: SpentOfLimit): ThresholdPercent[] =>
  BUDGET_THRESHOLDS_PERCENT.filter(
    (percent) =>
      isReached(after.limitMicroCents, after.spentMicroCents, percent) &&
      !isReached(before.limitMicroCents, before.spentMicroCents, percent),
  );

/** When each part of a limit was last reached, and by the spending of which run; null: by a new limit. */
export type ThresholdMarks = Partial<
  Record<`${ThresholdPercent}`, { at: string; run_id: string | null }>
>;

/** The parts of an account's limit as readers see them. */
export const thresholdsOf = (balances: Balances, marks: ThresholdMarks): Threshold[] =>
  BUDGET_THRESHOLDS_PERCENT.map((percent) => {
    const reached = isReached(balances.limit, spentOf(balances), percent);
    // What was reached under another limit, and is not under this one, is past.
    const mark = reached ? marks[`${percent}`] : undefined;
    const reached_at = mark ? new Date(mark.at).toISOString() : null;
    return { percent, reached, reached_at, run_id: mark?.run_id ?? null };
  });

const LEVELS: readonly BudgetLevel[] = ['agent', 'key', 'tenant'];

/** Whose money an account holds: its id says so, and is a run's own where it names nobody above it. */
export const levelOf = (accountId: string): BudgetLevel | 'run' =>
  LEVELS.find((level) => accountId.startsWith(`${level}/`)) ?? 'run';

/** The agent whose money an account holds, if it is one's: `agent/<id>`, with the period behind it. */
export const agentIdOf = (accountId: string): string | null =>
  levelOf(accountId) === 'agent' ? accountId.split('/')[1]! : null;
