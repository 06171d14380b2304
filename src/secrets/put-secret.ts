import { SECRETS_BYTES_PER_TENANT_MAX, SECRETS_PER_TENANT_MAX } from '../contracts/limits.ts';
import type { PutSecret } from '../contracts/secret.ts';
import { recordChange } from '../storage/audit-entries.ts';
import type { Actor } from '../storage/audit-entries.ts';
import { withTransaction } from '../storage/pool.ts';
import type { Pool } from '../storage/pool.ts';
import { measureOtherSecrets, upsertSecret } from '../storage/secrets.ts';
import type { SecretRow } from '../storage/secrets.ts';
import { sealedPlaceOf } from './cipher.ts';
import type { Cipher } from './cipher.ts';
import { secretBytesExceeded, secretsExceeded } from './failures.ts';

/** Keeps a secret, or gives it a new value and new hosts. The record of changes has all but the value. Errors: SECRETS_EXCEEDED. */
export async function putSecret(
  { pool, cipher }: { pool: Pool; cipher: Cipher },
  actor: Actor,
  name: string,
  { value, hosts }: PutSecret,
): Promise<SecretRow> {
  const { tenantId } = actor;
  const sealed = cipher.seal(value, sealedPlaceOf(tenantId, name));
  return withTransaction(pool, async (tx) => {
    const others = await measureOtherSecrets(tx, tenantId, name);
    if (others.count >= SECRETS_PER_TENANT_MAX) throw secretsExceeded(others.count);
    const bytes = others.bytes + sealed.length;
    if (bytes > SECRETS_BYTES_PER_TENANT_MAX) throw secretBytesExceeded(bytes);
    const row = await upsertSecret(tx, tenantId, { name, sealed, hosts });
    const detail = { hosts, version: row.version };
    await recordChange(tx, actor, { operation: 'putSecret', subject: name, detail });
    return row;
  });
}
