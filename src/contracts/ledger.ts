import { z } from 'zod';

/** An account in cents; `limit_cents` is null when there is none. */
export const AccountView = z.object({
  id: z.string(),
  limit_cents: z.number().nullable(),
  reserved_cents: z.number(),
  settled_cents: z.number(),
  overage_cents: z.number(),
  closed_at: z.iso.datetime().nullable(),
});

/**
 * One entry of the ledger: `amount_cents` is what it is about, the others what it did to the account. That of a `limit`
 * is the new limit, or 9,000,000,000 when there is none any more.
 */
export const TransactionView = z.object({
  id: z.int(),
  kind: z.enum(['hold', 'settle', 'release', 'expire', 'topup', 'overage', 'adjust', 'limit']),
  hold_id: z.string().nullable(),
  amount_cents: z.number(),
  reserved_change_cents: z.number(),
  settled_change_cents: z.number(),
  overage_change_cents: z.number(),
  basis: z.enum(['worst_case', 'actual', 'presumed', 'budget', 'operator']),
  execution: z.int().nullable(),
  step_id: z.string().nullable(),
  try: z.int().nullable(),
  price_table_version: z.string().nullable(),
  actor: z.string(),
  at: z.iso.datetime(),
});

export const RunLedger = z.object({
  run_id: z.string(),
  account: AccountView,
  transactions: z.array(TransactionView),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
export type RunLedger = z.infer<typeof RunLedger>;

/** A broken invariant of the ledger: which one, on what, and the numbers that disagree. */
export const LedgerViolation = z.object({
  invariant: z.string(),
  subject: z.string(),
  detail: z.string(),
});
export type LedgerViolation = z.infer<typeof LedgerViolation>;

export const LedgerAudit = z.object({
  violations: z.array(LedgerViolation),
  checked_at: z.iso.datetime(),
});
