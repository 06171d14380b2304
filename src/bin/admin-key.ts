import { randomBytes } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import { ensureApiKey, hasApiKeys } from '../storage/api-keys.ts';
import { withTransaction } from '../storage/pool.ts';
import type { Pool } from '../storage/pool.ts';
import { ensureTenant, FIRST_TENANT_ID } from '../storage/tenants.ts';

const PREFIX_LENGTH = 12;

/**
 * Ensures the first tenant and the admin key that is configured. Without one, a key is made where there is none yet;
 * only then is it returned, to be shown once.
 */
export async function ensureAdminKey(
  pool: Pool,
  hashKey: (key: string) => Buffer,
  configured: string | undefined,
): Promise<string | undefined> {
  return withTransaction(pool, async (tx) => {
    await ensureTenant(tx, FIRST_TENANT_ID);
    if (configured === undefined && (await hasApiKeys(tx))) return undefined;
    const key = configured ?? `aos_${randomBytes(32).toString('base64url')}`;
    await ensureApiKey(tx, {
      id: `key_${uuidv7()}`,
      tenantId: FIRST_TENANT_ID,
      name: 'admin',
      role: 'admin',
      hash: hashKey(key),
      prefix: key.slice(0, PREFIX_LENGTH),
    });
    return configured === undefined ? key : undefined;
  });
}
