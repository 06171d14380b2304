import type { UpdateAccount } from '../contracts/account.ts';
import { microCentsFromCents } from '../contracts/money.ts';
import type { ThresholdPercent } from '../domain/budget-thresholds.ts';
import { recordChange } from '../storage/audit-entries.ts';
import type { Actor } from '../storage/audit-entries.ts';
import { setLimit } from '../storage/ledger.ts';
import { withTransaction } from '../storage/pool.ts';
import type { Pool, Transaction } from '../storage/pool.ts';
import { tenantAccountId, updateTenant } from '../storage/tenants.ts';
import { limitBelowSpent } from './failures.ts';

/** Changes what the request names, all of it or nothing. Errors: LIMIT_BELOW_SPENT. */
export async function updateAccount(
  pool: Pool,
  actor: Actor,
  request: UpdateAccount,
): Promise<void> {
  const { name, agents_required: agentsRequired, limit_cents: limitCents } = request;
  await withTransaction(pool, async (tx) => {
    await updateTenant(tx, actor.tenantId, { name, agentsRequired });
    const reached = limitCents === undefined ? [] : await changeLimit(tx, actor, limitCents);
    await recordChange(tx, actor, {
      operation: 'updateAccount',
      subject: tenantAccountId(actor.tenantId),
      detail: {
        ...(name !== undefined && { name }),
        ...(limitCents !== undefined && { limit_cents: limitCents }),
        ...(agentsRequired !== undefined && { agents_required: agentsRequired }),
        ...(reached.length > 0 && { thresholds_reached: reached }),
      },
    });
  });
}

async function changeLimit(
  tx: Transaction,
  { tenantId, keyId, requestId }: Actor,
  limitCents: number | null,
): Promise<ThresholdPercent[]> {
  const accountId = tenantAccountId(tenantId);
  const limit = limitCents === null ? null : microCentsFromCents(limitCents);
  const actor = keyId ?? 'operator';
  const set = await setLimit(tx, accountId, `${requestId}/limit`, limit, { actor });
  if (!set.ok) throw limitBelowSpent(accountId, limit, set.balances);
  return set.reached;
}
