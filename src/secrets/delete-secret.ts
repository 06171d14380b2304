import { recordChange } from '../storage/audit-entries.ts';
import type { Actor } from '../storage/audit-entries.ts';
import { withTransaction } from '../storage/pool.ts';
import type { Pool } from '../storage/pool.ts';
import { deleteSecretRow } from '../storage/secrets.ts';
import { secretNotFound } from './failures.ts';

/** Deletes a secret with its value. Errors: SECRET_NOT_FOUND. */
export async function deleteSecret(pool: Pool, actor: Actor, name: string): Promise<void> {
  await withTransaction(pool, async (tx) => {
    if (!(await deleteSecretRow(tx, actor.tenantId, name))) throw secretNotFound(name);
    await recordChange(tx, actor, { operation: 'deleteSecret', subject: name });
  });
}
