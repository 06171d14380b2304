import type { KeyView } from '../contracts/key.ts';
import { thresholdsOf } from '../domain/budget-thresholds.ts';
import { toBudget } from '../domain/budget.ts';
import { listAccounts } from '../storage/accounts.ts';
import type { Account } from '../storage/accounts.ts';
import type { ApiKeyRow } from '../storage/api-keys.ts';
import type { Pool } from '../storage/pool.ts';

export interface ViewKeyDeps {
  pool: Pool;
  /** What keys without a limit of their own may ask a minute. */
  ratePerMinute: number;
}

/** Keys of one tenant as the API shows them, with what is left of their budgets now. */
export async function viewKeys(
  { pool, ratePerMinute }: ViewKeyDeps,
  tenantId: string,
  rows: readonly ApiKeyRow[],
): Promise<KeyView[]> {
  const ids = [...new Set(rows.flatMap(({ account_id: id }) => id ?? []))];
  const accounts = ids.length === 0 ? [] : await listAccounts(pool, tenantId, ids);
  const accountOf = new Map(accounts.map((account) => [account.id, account]));
  return rows.map((row) => viewKey(row, accountOf.get(row.account_id ?? ''), ratePerMinute));
}

const viewKey = (row: ApiKeyRow, account: Account | undefined, ratePerMinute: number): KeyView => ({
  id: row.id,
  name: row.name,
  role: row.role,
  prefix: row.prefix,
  status: row.status,
  agent_id: row.agent_id,
  rate_limit_per_minute: row.rate_limit_per_minute ?? ratePerMinute,
  budget: account
    ? toBudget({
        level: 'key',
        accountId: account.id,
        balances: account.balances,
        at: new Date(),
      })
    : null,
  thresholds: account ? thresholdsOf(account.balances, account.thresholds) : [],
  created_at: row.created_at.toISOString(),
  expires_at: row.expires_at?.toISOString() ?? null,
  last_used_at: row.last_used_at?.toISOString() ?? null,
  revoked_at: row.revoked_at?.toISOString() ?? null,
  replaced_by: row.replaced_by,
});
