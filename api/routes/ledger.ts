import type { z } from 'zod';
import type { AccountView, RunLedger, TransactionView } from '../../src/contracts/ledger.ts';
import { centsFromMicroCents } from '../../src/contracts/money.ts';
import { findAccount } from '../../src/storage/accounts.ts';
import type { Account } from '../../src/storage/accounts.ts';
import { auditLedger } from '../../src/storage/ledger-audit.ts';
import { listEntries } from '../../src/storage/transactions.ts';
import type { Entry } from '../../src/storage/transactions.ts';
import type { ApiDeps } from '../deps.ts';
import { parseEntryQuery } from '../requests/run-query.ts';
import type { RUN_ROUTES } from '../../src/contracts/routes/runs.ts';
import type { Handlers } from '../handlers.ts';
import { runOf } from '../requests/run-of.ts';

export const createLedgerHandlers = (
  deps: ApiDeps,
): Handlers<Pick<typeof RUN_ROUTES, 'getRunLedger' | 'auditLedger'>> => ({
  async getRunLedger(ctx) {
    const { pool } = deps;
    const run = await runOf(ctx, deps);
    const { limit, cursor } = parseEntryQuery(ctx.query);
    const [account, entries] = await Promise.all([
      findAccount(pool, run.tenant_id, run.account_id),
      listEntries(pool, run.account_id, cursor, limit + 1),
    ]);
    const page = entries.slice(0, limit);
    const hasMore = entries.length > limit;
    const body: RunLedger = {
      run_id: run.id,
      account: viewAccount(account!),
      transactions: page.map(viewEntry),
      has_more: hasMore,
      next_cursor: hasMore ? String(page.at(-1)!.id) : null,
    };
    ctx.body = body;
  },

  async auditLedger(ctx) {
    const violations = await auditLedger(deps.pool, ctx.state.key.tenant_id);
    ctx.body = { violations, checked_at: new Date().toISOString() };
  },
});

const viewAccount = ({ id, balances, closedAt }: Account): z.infer<typeof AccountView> => ({
  id,
  limit_cents: balances.limit === null ? null : centsFromMicroCents(balances.limit),
  reserved_cents: centsFromMicroCents(balances.reserved),
  settled_cents: centsFromMicroCents(balances.settled),
  overage_cents: centsFromMicroCents(balances.overage),
  closed_at: closedAt?.toISOString() ?? null,
});

const viewEntry = (entry: Entry): z.infer<typeof TransactionView> => ({
  id: entry.id,
  kind: entry.kind,
  hold_id: entry.hold_id,
  amount_cents: centsFromMicroCents(entry.amount_micro_cents),
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
