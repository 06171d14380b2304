import type { Json } from '../contracts/json.ts';
import { SECRET_NAME_PATTERN } from '../contracts/secret-name.ts';
import type { SecretHosts } from '../domain/plan/check-secrets.ts';
import { secretNamesIn } from '../domain/plan/references.ts';
import type { Db } from '../storage/pool.ts';
import { readSecretHosts } from '../storage/secrets.ts';

/** Where the secrets that a plan names may be sent; undefined for most plans, which name none. */
export async function loadSecretHosts(
  db: Db,
  tenantId: string,
  plan: Json,
): Promise<SecretHosts | undefined> {
  const names = secretNamesIn(plan);
  if (names.length === 0) return undefined;
  const possible = names.filter((name) => SECRET_NAME_PATTERN.test(name));
  return readSecretHosts(db, tenantId, possible);
}
