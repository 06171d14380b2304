import { AosError } from '../contracts/failures.ts';
import { hasAdminKey, lockApiKeys, revokeApiKey } from '../storage/api-keys.ts';
import type { ApiKeyRow } from '../storage/api-keys.ts';
import { recordChange } from '../storage/audit-entries.ts';
import type { Actor } from '../storage/audit-entries.ts';
import { withTransaction } from '../storage/pool.ts';
import type { KeyDeps } from './deps.ts';
import { findKey } from './find-key.ts';

/**
 * Revokes a key; to revoke it again changes nothing. Only the operator may take the last admin key of a tenant.
 * Errors: KEY_NOT_FOUND, LAST_ADMIN_KEY.
 */
export async function revokeKey(
  { pool }: Pick<KeyDeps, 'pool'>,
  actor: Actor,
  id: string,
): Promise<ApiKeyRow> {
  const { tenantId } = actor;
  return withTransaction(pool, async (tx) => {
    await lockApiKeys(tx, tenantId);
    const found = await findKey(tx, tenantId, id);
    if (found.status === 'revoked') return found;
    const isAdmin = found.role === 'admin' && found.status === 'active';
    if (isAdmin && actor.keyId !== null && !(await hasAdminKey(tx, tenantId, id))) {
      throw new AosError(
        'LAST_ADMIN_KEY',
        `${id} is the last active admin key of the tenant. Create another one first, or rotate this one.`,
      );
    }
    await recordChange(tx, actor, { operation: 'revokeKey', subject: id });
    return revokeApiKey(tx, tenantId, id);
  });
}
