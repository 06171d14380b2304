import type { Json } from '../contracts/json.ts';
import { SECRET_NAME_PATTERN } from '../contracts/secret-name.ts';
import type { SecretHosts } from '../domain/plan/check-secrets.ts';
import { secretNamesIn } from '../domain/plan/references.ts';
import type { Db } from '../storage/pool.ts';
import { readSecretHosts } from '../storage/secrets.ts';

/** Where the secrets that a plan names may be sent; most plans name none, and then nothing is asked. */
export async function loadSecretHosts(db: Db, tenantId: string, plan: Json): Promise<SecretHosts> {
  const names = secretNamesIn(plan).filter((name) => SECRET_NAME_PATTERN.test(name));
  return names.length === 0 ? new Map() : readSecretHosts(db, tenantId, names);
}
