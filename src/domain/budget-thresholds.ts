import type { BudgetLevel } from '../contracts/budget.ts';
import { BUDGET_THRESHOLDS_PERCENT } from '../contracts/limits.ts';

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

/** The parts of a limit that spending has reached on the way from one amount to the other, lowest first. */
export function thresholdsCrossed(
  limitMicroCents: number | null,
  beforeMicroCents: number,
  afterMicroCents: number,
): ThresholdPercent[] {
  if (afterMicroCents <= beforeMicroCents) return [];
  return BUDGET_THRESHOLDS_PERCENT.filter(
    (percent) =>
      isReached(limitMicroCents, afterMicroCents, percent) &&
      !isReached(limitMicroCents, beforeMicroCents, percent),
  );
}

const LEVELS: readonly BudgetLevel[] = ['agent', 'key', 'tenant'];

/** Whose money an account holds: its id says so, and is a run's own where it names nobody above it. */
export const levelOf = (accountId: string): BudgetLevel | 'run' =>
  LEVELS.find((level) => accountId.startsWith(`${level}/`)) ?? 'run';
