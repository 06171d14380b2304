import { z } from 'zod';
import { BUDGET_CENTS_MAX, BUDGET_THRESHOLDS_PERCENT } from './limits.ts';

export const BUDGET_PERIODS = ['total', 'daily', 'monthly'] as const;
export type BudgetPeriod = (typeof BUDGET_PERIODS)[number];

export const BUDGET_LEVELS = ['tenant', 'key', 'agent'] as const;
export type BudgetLevel = (typeof BUDGET_LEVELS)[number];

/** An amount of money in cents, with fractions down to a micro-cent. */
export const Cents = z.number().min(0).max(BUDGET_CENTS_MAX);

/**
 * Money at one level, in cents. `total_cents` is the limit, or 9,000,000,000 where there is none (`limited: false`);
 * `remaining_cents` is what a new run may still take: the total less what is spent and what open runs hold.
 */
export const Budget = z.object({
  level: z.enum(BUDGET_LEVELS),
  account_id: z.string(),
  limited: z.boolean(),
  total_cents: z.number(),
  remaining_cents: z.number(),
  reserved_cents: z.number(),
  spent_cents: z.number(),
  overage_cents: z.number(),
  period: z.enum(BUDGET_PERIODS),
  /** When the period ends, in UTC, and spending starts from 0 again; null for `total`. */
  resets_at: z.iso.datetime().nullable(),
});
export type Budget = z.infer<typeof Budget>;

/** Whether so many percent of a limit, or more, are spent; never without a limit. */
export const Threshold = z.object({
  percent: z.literal([...BUDGET_THRESHOLDS_PERCENT]),
  reached: z.boolean(),
  /** When it was last reached; null while it is not, and where that was before AOS wrote it down. */
  reached_at: z.iso.datetime().nullable(),
  /** The run whose spending reached it; null where a new limit did. */
  run_id: z.string().nullable(),
});
export type Threshold = z.infer<typeof Threshold>;
