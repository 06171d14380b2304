import { SECRET_USE_NOTED_MS } from '../contracts/limits.ts';
import type { SkillFailure } from '../contracts/skill.ts';
import { quote } from '../domain/plan/wording.ts';
import type { Db } from '../storage/pool.ts';
import { noteSecretsUsed, readSealedSecrets } from '../storage/secrets.ts';
import type { SealedSecretRow } from '../storage/secrets.ts';
import { createCallSecrets } from './call-secrets.ts';
import type { CallSecrets, OpenSecret } from './call-secrets.ts';
import { sealedPlaceOf } from './cipher.ts';
import type { Cipher } from './cipher.ts';

export type OpenedSecrets =
  | { ok: true; secrets: CallSecrets }
  | { ok: false; failure: SkillFailure };

/** Reads and opens the secrets of a call just before it: the values as they are now, in this process's memory alone. */
export async function openSecrets(
  { pool, cipher }: { pool: Db; cipher: Cipher },
  tenantId: string,
  tokens: ReadonlyMap<string, string>,
): Promise<OpenedSecrets> {
  const names = [...tokens.keys()];
  const rows = await readSealedSecrets(pool, tenantId, names);
  const missing = names.find((name) => !rows.some((row) => row.name === name));
  if (missing !== undefined) {
    const message = `There is no secret ${quote(missing)}. It was deleted, or never kept.`;
    return { ok: false, failure: { code: 'SECRET_NOT_FOUND', message } };
  }
  const opened: OpenSecret[] = [];
  for (const row of rows) {
    const value = open(cipher, tenantId, row);
    if (value === undefined) {
      const message = `The secret ${quote(row.name)} was sealed with another AOS_SECRETS_KEY, or its row was changed.`;
      return { ok: false, failure: { code: 'SECRET_UNREADABLE', message } };
    }
    opened.push({ name: row.name, hosts: row.hosts, value, token: tokens.get(row.name)! });
  }
  const nowMs = Date.now();
  const isDue = ({ last_used_at: at }: SealedSecretRow): boolean =>
    at === null || at.getTime() <= nowMs - SECRET_USE_NOTED_MS;
  const due = rows.filter(isDue).map(({ name }) => name);
  if (due.length > 0) await noteSecretsUsed(pool, tenantId, due, SECRET_USE_NOTED_MS);
  return { ok: true, secrets: createCallSecrets(opened) };
}

function open(cipher: Cipher, tenantId: string, row: SealedSecretRow): string | undefined {
  try {
    return cipher.open(row.sealed, sealedPlaceOf(tenantId, row.name));
  } catch {
    // Why is for nobody to know but the operator, who has the key.
    return undefined;
  }
}
