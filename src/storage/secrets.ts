import type { Db, Transaction } from './pool.ts';

export interface SecretRow {
  tenant_id: string;
  name: string;
  hosts: string[];
  version: number;
  created_at: Date;
  updated_at: Date;
  last_used_at: Date | null;
}

/** With the value, which only the key of the installation opens. */
export interface SealedSecretRow extends SecretRow {
  sealed: Buffer;
}

const COLUMNS = 'tenant_id, name, hosts, version, created_at, updated_at, last_used_at';

/** Keeps a secret, or replaces its value and hosts; `version` tells which it was. */
export async function upsertSecret(
  db: Db,
  tenantId: string,
  { name, sealed, hosts }: Pick<SealedSecretRow, 'name' | 'sealed' | 'hosts'>,
): Promise<SecretRow> {
  const { rows } = await db.query<SecretRow>(
    `INSERT INTO secrets (tenant_id, name, sealed, hosts) VALUES ($1, $2, $3, $4)
     ON CONFLICT (tenant_id, name) DO UPDATE
       SET sealed = excluded.sealed, hosts = excluded.hosts, version = secrets.version + 1, updated_at = now()
     RETURNING ${COLUMNS}`,
    [tenantId, name, sealed, hosts],
  );
  return rows[0]!;
}

/** What a tenant has beside the secret of this name, under a lock that lets nobody else measure it until the transaction ends. */
export async function measureOtherSecrets(
  tx: Transaction,
  tenantId: string,
  name: string,
): Promise<{ count: number; bytes: number }> {
  await tx.query('SELECT 1 FROM tenants WHERE id = $1 FOR NO KEY UPDATE', [tenantId]);
  const { rows } = await tx.query<{ count: number; bytes: number }>(
    `SELECT count(*) AS count, coalesce(sum(octet_length(sealed)), 0)::bigint AS bytes FROM secrets
     WHERE tenant_id = $1 AND name <> $2`,
    [tenantId, name],
  );
  return rows[0]!;
}

export async function findSecret(
  db: Db,
  tenantId: string,
  name: string,
): Promise<SecretRow | undefined> {
  const { rows } = await db.query<SecretRow>(
    `SELECT ${COLUMNS} FROM secrets WHERE tenant_id = $1 AND name = $2`,
    [tenantId, name],
  );
  return rows[0];
}

/** Secrets in the order of their names, from behind `after`. */
export async function listSecrets(
  db: Db,
  tenantId: string,
  { after, limit }: { after: string | undefined; limit: number },
): Promise<SecretRow[]> {
  const { rows } = await db.query<SecretRow>(
    `SELECT ${COLUMNS} FROM secrets WHERE tenant_id = $1 AND ($2::text IS NULL OR name COLLATE "C" > $2)
     ORDER BY name COLLATE "C" LIMIT $3`,
    [tenantId, after ?? null, limit],
  );
  return rows;
}

/** Where the secrets of these names may be sent; one that is not there is left out. */
export async function readSecretHosts(
  db: Db,
  tenantId: string,
  names: readonly string[],
): Promise<Map<string, string[]>> {
  const { rows } = await db.query<{ name: string; hosts: string[] }>(
    'SELECT name, hosts FROM secrets WHERE tenant_id = $1 AND name = ANY($2::text[])',
    [tenantId, names],
  );
  return new Map(rows.map(({ name, hosts }) => [name, hosts]));
}

/** Where each secret of a tenant may be sent. */
export async function listSecretHosts(
  db: Db,
  tenantId: string,
): Promise<{ name: string; hosts: string[] }[]> {
  const { rows } = await db.query<{ name: string; hosts: string[] }>(
    'SELECT name, hosts FROM secrets WHERE tenant_id = $1',
    [tenantId],
  );
  return rows;
}

/** The secrets of these names with their sealed values, for the call that sends them. */
export async function readSealedSecrets(
  db: Db,
  tenantId: string,
  names: readonly string[],
): Promise<SealedSecretRow[]> {
  const { rows } = await db.query<SealedSecretRow>(
    `SELECT ${COLUMNS}, sealed FROM secrets WHERE tenant_id = $1 AND name = ANY($2::text[])`,
    [tenantId, names],
  );
  return rows;
}

/** Notes that secrets were used, unless that was noted within the interval. */
export async function noteSecretsUsed(
  db: Db,
  tenantId: string,
  names: readonly string[],
  intervalMs: number,
): Promise<void> {
  await db.query(
    `UPDATE secrets SET last_used_at = now() WHERE tenant_id = $1 AND name = ANY($2::text[])
       AND (last_used_at IS NULL OR last_used_at <= now() - $3 * interval '1 millisecond')`,
    [tenantId, names, intervalMs],
  );
}

/** Answers whether there was one. */
export async function deleteSecretRow(db: Db, tenantId: string, name: string): Promise<boolean> {
  const { rowCount } = await db.query('DELETE FROM secrets WHERE tenant_id = $1 AND name = $2', [
    tenantId,
    name,
  ]);
  return rowCount === 1;
}
