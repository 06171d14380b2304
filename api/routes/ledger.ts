import type { RunLedger } from '../../src/contracts/ledger.ts';
import { viewAccount, viewEntry } from '../../src/runs/view-ledger.ts';
import { findAccount } from '../../src/storage/accounts.ts';
import { auditLedger } from '../../src/storage/ledger-audit.ts';
import { listEntries } from '../../src/storage/transactions.ts';
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
