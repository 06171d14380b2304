import type { Role } from '../contracts/roles.ts';
import type { Db } from './pool.ts';

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

const COLUMNS =
  'id, tenant_id, name, role, agent_id, rate_limit_per_minute, account_id, expires_at';

/** The key with this hash, if it is neither revoked nor expired. */
export async function findApiKey(db: Db, hash: Buffer): Promise<ApiKey | undefined> {
  const { rows } = await db.query<ApiKey>(
    `SELECT ${COLUMNS} FROM api_keys
     WHERE hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`,
    [hash],
  );
  return rows[0];
}

export interface NewApiKey {
  id: string;
  tenantId: string;
  name: string;
  role: Role;
  hash: Buffer;
  prefix: string;
}

/** Answers whether the key is new. */
export async function ensureApiKey(db: Db, key: NewApiKey): Promise<boolean> {
  const { rowCount } = await db.query(
    `INSERT INTO api_keys (id, tenant_id, name, role, hash, prefix) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (hash) DO NOTHING`,
    [key.id, key.tenantId, key.name, key.role, key.hash, key.prefix],
  );
  return rowCount === 1;
}

export async function hasApiKeys(db: Db): Promise<boolean> {
  const { rows } = await db.query('SELECT 1 FROM api_keys WHERE revoked_at IS NULL LIMIT 1');
  return rows.length > 0;
}
