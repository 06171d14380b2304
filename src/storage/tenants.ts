import { insertAccount } from './accounts.ts';
import type { Transaction } from './pool.ts';

export const FIRST_TENANT_ID = 'default';

export const tenantAccountId = (tenantId: string): string => `tenant/${tenantId}`;

/** Creates the tenant and its account if they are not there; the account has no limit unless one is given. */
export async function ensureTenant(
  tx: Transaction,
  id: string,
  limitMicroCents: number | null = null,
): Promise<void> {
  const { rowCount } = await tx.query(
    'INSERT INTO tenants (id, name) VALUES ($1, $1) ON CONFLICT DO NOTHING',
    [id],
  );
  if (rowCount === 0) return;
  await insertAccount(tx, {
    id: tenantAccountId(id),
    tenantId: id,
    parentId: null,
    limitMicroCents,
  });
}
