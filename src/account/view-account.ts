import type { TenantAccount } from '../contracts/account.ts';
import { thresholdsOf } from '../domain/budget-thresholds.ts';
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
  const { id: accountId, balances, thresholds: marks } = account!;
  return {
    tenant_id: tenantId,
    name: tenant.name,
    agents_required: tenant.agents_required,
    budget: toBudget({ level: 'tenant', accountId, balances, at: new Date() }),
    thresholds: thresholdsOf(balances, marks),
    open_runs: openRuns,
  };
}
