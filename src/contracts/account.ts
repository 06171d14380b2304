import { z } from 'zod';
import { Budget, Cents, Threshold } from './budget.ts';
import { Problem } from './failures.ts';
import { TransactionView } from './ledger.ts';
import {
  BUDGET_CENTS_MAX,
  IDEMPOTENCY_KEY_LENGTH_MAX,
  TENANT_NAME_LENGTH_MAX,
  TOP_UP_NOTE_LENGTH_MAX,
} from './limits.ts';
import { MICRO_CENTS_PER_CENT } from './money.ts';
import { text } from './text.ts';

/** The tenant of the key and its money. */
export const TenantAccount = z.object({
  tenant_id: z.string(),
  name: z.string(),
  /** Whether only runs that name an agent of the tenant are taken. */
  agents_required: z.boolean(),
  budget: Budget,
  thresholds: z.array(Threshold),
  open_runs: z.int(),
});
export type TenantAccount = z.infer<typeof TenantAccount>;

/** The body of PATCH /api/v1/account: what is not named stays; a limit of null is none. */
export const UpdateAccount = z
  .object({
    name: text(TENANT_NAME_LENGTH_MAX).min(1),
    limit_cents: Cents.nullable(),
    agents_required: z.boolean(),
  })
  .partial();
export type UpdateAccount = z.infer<typeof UpdateAccount>;

export const UpdatedAccount = TenantAccount.extend({
  /** What of the request was ignored. */
  warnings: z.array(Problem),
});
export type UpdatedAccount = z.infer<typeof UpdatedAccount>;

/** The body of POST /api/v1/account/topup: a micro-cent at least. */
export const TopUp = z.object({
  amount_cents: z
    .number()
    .min(1 / MICRO_CENTS_PER_CENT)
    .max(BUDGET_CENTS_MAX),
  note: text(TOP_UP_NOTE_LENGTH_MAX).optional(),
  idempotency_key: text(IDEMPOTENCY_KEY_LENGTH_MAX).min(1).optional(),
});
export type TopUp = z.infer<typeof TopUp>;

/** The account as it is now, and the entry that the top-up made on it. */
export const ToppedUp = z.object({
  account: TenantAccount,
  transaction: TransactionView,
  /** What of the request was ignored. */
  warnings: z.array(Problem),
});
export type ToppedUp = z.infer<typeof ToppedUp>;
