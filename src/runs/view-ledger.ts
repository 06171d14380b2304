import type { z } from 'zod';
import type { AccountView, TransactionView } from '../contracts/ledger.ts';
import { BUDGET_CENTS_MAX } from '../contracts/limits.ts';
import { centsFromMicroCents, centsOrNull } from '../contracts/money.ts';
import { NO_LIMIT_MICRO_CENTS } from '../domain/balances.ts';
import type { Account } from '../storage/accounts.ts';
import type { Entry } from '../storage/transactions.ts';

export const viewAccount = ({ id, balances, closedAt }: Account): z.infer<typeof AccountView> => ({
  id,
  limit_cents: centsOrNull(balances.limit),
  reserved_cents: centsFromMicroCents(balances.reserved),
  settled_cents: centsFromMicroCents(balances.settled),
  overage_cents: centsFromMicroCents(balances.overage),
  closed_at: closedAt?.toISOString() ?? null,
});

export const viewEntry = (entry: Entry): z.infer<typeof TransactionView> => ({
  id: entry.id,
  kind: entry.kind,
  hold_id: entry.hold_id,
  amount_cents:
    entry.amount_micro_cents === NO_LIMIT_MICRO_CENTS
      ? BUDGET_CENTS_MAX
      : centsFromMicroCents(entry.amount_micro_cents),
  reserved_change_cents: centsFromMicroCents(entry.reserved_change_micro_cents),
  settled_change_cents: centsFromMicroCents(entry.settled_change_micro_cents),
  overage_change_cents: centsFromMicroCents(entry.overage_change_micro_cents),
  basis: entry.basis,
  execution: entry.execution,
  step_id: entry.step_id,
  try: entry.try,
  price_table_version: entry.price_table_version,
  actor: entry.actor,
  at: entry.at.toISOString(),
});
