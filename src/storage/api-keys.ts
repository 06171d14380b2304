import type { KEY_STATUSES } from '../contracts/key.ts';
import type { Role } from '../contracts/roles.ts';
import type { Db, Transaction } from './pool.ts';

/** What a request acts with. */
export interface ApiKey {
  id: string;
  tenant_id: string;
  name: string;
  role: Role;
  /** The one agent that the key acts for; null: for all. */
  agent_id: string | null;
  /** Null: the default of the installation. */
  rate_limit_per_minute: number | null;
  /** The account of the key's own budget; null: it has none. */
  account_id: string | null;
  expires_at: Date | null;
}

/** All of a key that its readers may see. */
export interface ApiKeyRow extends ApiKey {
  prefix: string;
  /** By the clock of Postgres, which decides whether it works. */
  status: (typeof KEY_STATUSES)[number];
  created_at: Date;
  last_used_at: Date | null;
  revoked_at: Date | null;
  replaced_by: string | null;
}

export interface ListedApiKey extends ApiKeyRow {
  cursor_at: string;
}

const KEY_COLUMNS =
  'id, tenant_id, name, role, agent_id, rate_limit_per_minute, account_id, expires_at';
const STATUS = `CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= now() THEN 'expired'
  ELSE 'active' END AS status`;
const COLUMNS = `${KEY_COLUMNS}, prefix, created_at, last_used_at, revoked_at, replaced_by, ${STATUS}`;
const IS_ACTIVE = 'revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())';

/** The account of a key's own budget, which the keys that replace it go on with. */
export const keyAccountId = (keyId: string): string => `key/${keyId}`;

export interface FoundApiKey {
  hash: Buffer;
  key: ApiKey;
  /** Whether it works, by the clock of Postgres. */
  status: ApiKeyRow['status'];
  /** By the clock of Postgres; null: never. */
  expiresInMs: number | null;
}

/** The keys with these hashes, of whatever tenant, those that have ended too. */
export async function findApiKeys(db: Db, hashes: readonly Buffer[]): Promise<FoundApiKey[]> {
  const { rows } = await db.query<
    ApiKey & { hash: Buffer; status: FoundApiKey['status']; expires_in_ms: number | null }
  >(
    `SELECT ${KEY_COLUMNS}, ${STATUS}, hash,
       (extract(epoch FROM expires_at - clock_timestamp()) * 1000)::float8 AS expires_in_ms
     FROM api_keys WHERE hash = ANY($1)`,
    [hashes],
  );
  return rows.map(({ hash, status, expires_in_ms: expiresInMs, ...key }) => ({
    hash,
    key,
    status,
    expiresInMs,
  }));
}

/** Writes that the key is in use, unless that was written within the interval. */
export async function noteKeyUse(
  db: Db,
  { tenant_id: tenantId, id }: ApiKey,
  intervalMs: number,
): Promise<void> {
  await db.query(
    `UPDATE api_keys SET last_used_at = now() WHERE tenant_id = $1 AND id = $2
       AND (last_used_at IS NULL OR last_used_at <= now() - $3 * interval '1 millisecond')`,
    [tenantId, id, intervalMs],
  );
}

export async function findApiKey(
  db: Db,
  tenantId: string,
  id: string,
): Promise<ApiKeyRow | undefined> {
  const { rows } = await db.query<ApiKeyRow>(
    `SELECT ${COLUMNS} FROM api_keys WHERE tenant_id = $1 AND id = $2`,
    [tenantId, id],
  );
  return rows[0];
}

/** A page of keys, newest first; `cursor_at` keeps the microseconds. */
export async function listApiKeys(
  db: Db,
  tenantId: string,
  { after, limit }: { after?: { createdAt: string; id: string } | undefined; limit: number },
): Promise<ListedApiKey[]> {
  const { rows } = await db.query<ListedApiKey>(
    `SELECT ${COLUMNS}, created_at::text AS cursor_at FROM api_keys
     WHERE tenant_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
     ORDER BY created_at DESC, id DESC LIMIT $4`,
    [tenantId, after?.createdAt ?? null, after?.id ?? null, limit],
  );
  return rows;
}

/** Those who make or revoke keys of a tenant take turns, so that what they count holds. */
export async function lockApiKeys(tx: Transaction, tenantId: string): Promise<void> {
  await tx.query('SELECT 1 FROM tenants WHERE id = $1 FOR NO KEY UPDATE', [tenantId]);
}

export async function countActiveApiKeys(db: Db, tenantId: string): Promise<number> {
  const { rows } = await db.query<{ active: number }>(
    `SELECT count(*) AS active FROM api_keys WHERE tenant_id = $1 AND ${IS_ACTIVE}`,
    [tenantId],
  );
  return rows[0]!.active;
}

/** Whether an admin key beside this one stays; one that was rotated away is about to go. */
export async function hasAdminKey(db: Db, tenantId: string, besideId = ''): Promise<boolean> {
  const { rows } = await db.query(
    `SELECT 1 FROM api_keys WHERE tenant_id = $1 AND id <> $2 AND role = 'admin' AND replaced_by IS NULL
       AND ${IS_ACTIVE} LIMIT 1`,
    [tenantId, besideId],
  );
  return rows.length > 0;
}

export interface NewApiKey {
  id: string;
  tenantId: string;
  name: string;
  role: Role;
  hash: Buffer;
  prefix: string;
  agentId?: string | null;
  ratePerMinute?: number | null;
  accountId?: string | null;
  expiresAt?: Date | null;
}

const INSERT = `INSERT INTO api_keys
  (id, tenant_id, name, role, hash, prefix, agent_id, rate_limit_per_minute, account_id, expires_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`;

const valuesOf = (key: NewApiKey): unknown[] => [
  key.id,
  key.tenantId,
  key.name,
  key.role,
  key.hash,
  key.prefix,
  key.agentId ?? null,
  key.ratePerMinute ?? null,
  key.accountId ?? null,
  key.expiresAt ?? null,
];

export async function insertApiKey(tx: Transaction, key: NewApiKey): Promise<ApiKeyRow> {
  const { rows } = await tx.query<ApiKeyRow>(`${INSERT} RETURNING ${COLUMNS}`, valuesOf(key));
  return rows[0]!;
}

/** Answers whether the key is new. */
export async function ensureApiKey(db: Db, key: NewApiKey): Promise<boolean> {
  const { rowCount } = await db.query(`${INSERT} ON CONFLICT (hash) DO NOTHING`, valuesOf(key));
  return rowCount === 1;
}

/** A key that is revoked already keeps the moment at which it was. */
export async function revokeApiKey(
  tx: Transaction,
  tenantId: string,
  id: string,
): Promise<ApiKeyRow> {
  const { rows } = await tx.query<ApiKeyRow>(
    `UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE tenant_id = $1 AND id = $2
     RETURNING ${COLUMNS}`,
    [tenantId, id],
  );
  return rows[0]!;
}

/** Says by which key this one is replaced, and ends it after the overlap at the latest. */
export async function replaceApiKey(
  tx: Transaction,
  tenantId: string,
  id: string,
  { replacedBy, overlapMs }: { replacedBy: string; overlapMs: number },
): Promise<void> {
  await tx.query(
    `UPDATE api_keys SET replaced_by = $3, revoked_at = CASE WHEN $4::float8 = 0 THEN now() END,
       expires_at = CASE WHEN $4 = 0 THEN expires_at
         ELSE least(expires_at, now() + $4 * interval '1 millisecond') END
     WHERE tenant_id = $1 AND id = $2`,
    [tenantId, id, replacedBy, overlapMs],
  );
}
