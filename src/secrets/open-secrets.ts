import { SECRET_USE_NOTED_MS } from '../contracts/limits.ts';
import type { SkillFailure } from '../contracts/skill.ts';
import { quote } from '../domain/plan/wording.ts';
import { isKnownAt } from '../domain/secret-hosts.ts';
import type { Db } from '../storage/pool.ts';
import { listSecretHosts, noteSecretsUsed, readSealedSecrets } from '../storage/secrets.ts';
import type { SealedSecretRow } from '../storage/secrets.ts';
import { createCallSecrets } from './call-secrets.ts';
import type { FindOthers, OpenSecret } from './call-secrets.ts';
import { sealedPlaceOf } from './cipher.ts';
import type { Cipher } from './cipher.ts';
import type { RequestSecrets } from '../skills/skill.ts';

export type OpenedSecrets =
  | { ok: true; secrets: RequestSecrets }
  | { ok: false; failure: SkillFailure };

export interface OpenDeps {
  pool: Db;
  cipher: Cipher;
  /** Asks Postgres until it answers, or the call is given up. */
  ask: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Reads and opens the secrets of a call just before it: the values as they are now, in this process's memory alone. */
export async function openSecrets(
  deps: OpenDeps,
  tenantId: string,
  tokens: ReadonlyMap<string, string>,
): Promise<OpenedSecrets> {
  const { pool, cipher, ask } = deps;
  const names = [...tokens.keys()];
  const rows = names.length === 0 ? [] : await ask(() => readSealedSecrets(pool, tenantId, names));
  const missing = names.find((name) => !rows.some((row) => row.name === name));
  if (missing !== undefined) {
    const message = `There is no secret ${quote(missing)}. It was deleted, or never kept.`;
    return { ok: false, failure: { code: 'SECRET_NOT_FOUND', message } };
  }
  const own: OpenSecret[] = [];
  for (const row of rows) {
    const value = open(cipher, row);
    if (value === undefined) {
      const message = `The secret ${quote(row.name)} was sealed with another AOS_SECRETS_KEY, or its row was changed.`;
      return { ok: false, failure: { code: 'SECRET_UNREADABLE', message } };
    }
    own.push({ name: row.name, hosts: row.hosts, value, token: tokens.get(row.name)! });
  }
  const due = rows.filter(isDue).map(({ name }) => name);
  if (due.length > 0) await ask(() => noteSecretsUsed(pool, tenantId, due, SECRET_USE_NOTED_MS));
  return { ok: true, secrets: createCallSecrets(own, othersOf(deps, tenantId)) };
}

const isDue = ({ last_used_at: at }: SealedSecretRow): boolean =>
  at === null || at.getTime() <= Date.now() - SECRET_USE_NOTED_MS;

/** The secrets that may be sent to a server may have been sent there before; what cannot be opened cannot be looked for. */
export const othersOf =
  ({ pool, cipher, ask }: OpenDeps, tenantId: string): FindOthers =>
  async (url, known) => {
    const all = await ask(() => listSecretHosts(pool, tenantId));
    const names = all
      .filter(({ name, hosts }) => !known.has(name) && isKnownAt(url, hosts))
      .map(({ name }) => name);
    if (names.length === 0) return [];
    const rows = await ask(() => readSealedSecrets(pool, tenantId, names));
    return rows.flatMap((row) => {
      const value = open(cipher, row);
      return value === undefined ? [] : [{ name: row.name, value }];
    });
  };

function open(cipher: Cipher, row: SealedSecretRow): string | undefined {
  try {
    return cipher.open(row.sealed, sealedPlaceOf(row.tenant_id, row.name));
  } catch {
    // Why is for nobody to know but the operator, who has the key.
    return undefined;
  }
}
