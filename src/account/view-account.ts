import type { TenantAccount } from '../contracts/account.ts';
import { BUDGET_THRESHOLDS_PERCENT } from '../contracts/limits.ts';
import { spentOf } from '../domain/balances.ts';
import { isReached } from '../domain/budget-thresholds.ts';
import { toBudget } from '../domain/budget.ts';
import { findAccount } from '../storage/accounts.ts';
import type { Pool } from '../storage/pool.ts';
import { countOpenRunsOfTenant, readTenant, tenantAccountId } from '../storage/tenants.ts';

/** The tenant and its money as the API shows them, now. */
export async function loadTenantAccount(pool: Pool, tenantId: string): Promise<TenantAccount> {
  const [tenant, account, openRuns] = await Promise.all([
    readTenant(pool, tenantId),
    findAccount(pool, tenantId, tenantAccountId(tenantId)),
    countOpenRunsOfTenant(pool, tenantId),
  ]);
  const { id: accountId, balances } = account!;
  return {
    tenant_id: tenantId,
    name: tenant.name,
    agents_required: tenant.agents_required,
    budget: toBudget({ level: 'tenant', accountId, balances, at: new Date() }),
    thresholds: BUDGET_THRESHOLDS_PERCENT.map((percent) => ({
      percent,
      reached: isReached(balances.limit, spentOf(balances), percent),
    })),
    open_runs: openRuns,
  };
}
