import type { HashKey } from '../keys/deps.ts';
import { marksOfKey, randomKey } from '../keys/new-key.ts';
import { ensureApiKey, hasAdminKey } from '../storage/api-keys.ts';
import { withTransaction } from '../storage/pool.ts';
import type { Pool } from '../storage/pool.ts';
import { ensureTenant, FIRST_TENANT_ID } from '../storage/tenants.ts';

/**
 * Ensures the first tenant and the admin key that is configured. Without one, a key is made where no admin key works;
 * only then is it returned, to be shown once.
 */
export async function ensureAdminKey(
  pool: Pool,
  hashKey: HashKey,
  configured: string | undefined,
): Promise<string | undefined> {
  return withTransaction(pool, async (tx) => {
    await ensureTenant(tx, FIRST_TENANT_ID);
    if (configured === undefined && (await hasAdminKey(tx, FIRST_TENANT_ID))) return undefined;
    const key = configured ?? randomKey();
    await ensureApiKey(tx, {
      ...marksOfKey(key, hashKey),
      tenantId: FIRST_TENANT_ID,
      name: 'admin',
      role: 'admin',
    });
    return configured === undefined ? key : undefined;
  });
}
