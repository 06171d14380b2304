import { AosError } from '../contracts/failures.ts';
import type { RotateKey } from '../contracts/key.ts';
import { insertApiKey, lockApiKeys, replaceApiKey } from '../storage/api-keys.ts';
import type { ApiKeyRow } from '../storage/api-keys.ts';
import { recordChange } from '../storage/audit-entries.ts';
import type { Actor } from '../storage/audit-entries.ts';
import { withTransaction } from '../storage/pool.ts';
import { refuseTooMany } from './create-key.ts';
import type { MadeKey } from './create-key.ts';
import type { KeyDeps } from './deps.ts';
import { findKey } from './find-key.ts';
import { marksOfKey, randomKey } from './new-key.ts';

/** Replaces a key by a new one that may do the same. Errors: KEY_NOT_FOUND, KEY_NOT_ACTIVE, KEYS_EXCEEDED. */
export async function rotateKey(
  { pool, hashKey }: KeyDeps,
  actor: Actor,
  id: string,
  { overlap_ms: overlapMs, expires_at: expiresAt }: RotateKey,
): Promise<MadeKey> {
  const { tenantId } = actor;
  const key = randomKey();
  const marks = marksOfKey(key, hashKey);
  return withTransaction(pool, async (tx) => {
    await lockApiKeys(tx, tenantId);
    const old = await findKey(tx, tenantId, id);
    refuseEnded(old);
    if (overlapMs > 0) await refuseTooMany(tx, tenantId);
    const row = await insertApiKey(tx, {
      ...marks,
      tenantId,
      name: old.name,
      role: old.role,
      agentId: old.agent_id,
      ratePerMinute: old.rate_limit_per_minute,
      accountId: old.account_id,
      expiresAt: expiresAt === undefined ? old.expires_at : dateOf(expiresAt),
    });
    await replaceApiKey(tx, tenantId, id, { replacedBy: row.id, overlapMs });
    await recordChange(tx, actor, {
      operation: 'rotateKey',
      subject: id,
      detail: { replaced_by: row.id, overlap_ms: overlapMs },
    });
    return { row, key };
  });
}

const dateOf = (text: string | null): Date | null => (text === null ? null : new Date(text));

function refuseEnded({ id, status, replaced_by: replacedBy }: ApiKeyRow): void {
  if (status === 'active' && replacedBy === null) return;
  const why = replacedBy === null ? `is ${status}` : `was rotated to ${replacedBy}`;
  throw new AosError('KEY_NOT_ACTIVE', `${id} ${why}, so it cannot be rotated.`);
}
