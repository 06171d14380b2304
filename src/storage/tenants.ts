import { insertAccount } from './accounts.ts';
import type { Db, Transaction } from './pool.ts';

export const FIRST_TENANT_ID = 'default';

export const tenantAccountId = (tenantId: string): string => `tenant/${tenantId}`;

export interface Tenant {
  id: string;
  name: string;
  /** Whether it takes only runs that name an agent of it. */
  agents_required: boolean;
  created_at: Date;
}

const COLUMNS = 'id, name, agents_required, created_at';

export async function findTenant(db: Db, id: string): Promise<Tenant | undefined> {
  const { rows } = await db.query<Tenant>(`SELECT ${COLUMNS} FROM tenants WHERE id = $1`, [id]);
  return rows[0];
}

/** The tenant of a key, which is always there. */
export async function readTenant(db: Db, id: string): Promise<Tenant> {
  const tenant = await findTenant(db, id);
  if (!tenant) throw new Error(`tenant ${id} does not exist`);
  return tenant;
}

/** Every tenant, by its id: only for the operator. */
export async function listTenants(db: Db): Promise<Tenant[]> {
  const { rows } = await db.query<Tenant>(`SELECT ${COLUMNS} FROM tenants ORDER BY id`);
  return rows;
}

/** Changes what is given and leaves the rest; the row is locked until the transaction ends. */
export async function updateTenant(
  tx: Transaction,
  id: string,
  { name, agentsRequired }: { name?: string | undefined; agentsRequired?: boolean | undefined },
): Promise<Tenant> {
  const { rows } = await tx.query<Tenant>(
    `UPDATE tenants SET name = coalesce($2, name), agents_required = coalesce($3, agents_required)
     WHERE id = $1 RETURNING ${COLUMNS}`,
    [id, name ?? null, agentsRequired ?? null],
  );
  return rows[0]!;
}

/** How many runs of the tenant have not ended. */
export async function countOpenRunsOfTenant(db: Db, id: string): Promise<number> {
  const { rows } = await db.query<{ open: number }>(
    `SELECT count(*) AS open FROM runs WHERE tenant_id = $1 AND status IN ('queued', 'running')`,
    [id],
  );
  return rows[0]!.open;
}

/**
 * Creates the tenant and its account if they are not there, and answers whether it did; the account has no limit unless
 * one is given.
 */
export async function ensureTenant(
  tx: Transaction,
  id: string,
  limitMicroCents: number | null = null,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    'INSERT INTO tenants (id, name) VALUES ($1, $1) ON CONFLICT DO NOTHING',
    [id],
  );
  if (rowCount === 0) return false;
  await insertAccount(tx, {
    id: tenantAccountId(id),
    tenantId: id,
    parentId: null,
    limitMicroCents,
  });
  return true;
}
