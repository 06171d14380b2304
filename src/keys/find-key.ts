import { AosError } from '../contracts/failures.ts';
import { findApiKey } from '../storage/api-keys.ts';
import type { ApiKeyRow } from '../storage/api-keys.ts';
import type { Db } from '../storage/pool.ts';

const KEY_ID = /^key_[0-9a-f-]{36}$/;

/** A key of this tenant by its id. Errors: KEY_NOT_FOUND. */
export async function findKey(db: Db, tenantId: string, id: string): Promise<ApiKeyRow> {
  const row = KEY_ID.test(id) ? await findApiKey(db, tenantId, id) : undefined;
  if (!row) throw new AosError('KEY_NOT_FOUND', `There is no key ${id.slice(0, 100)}.`);
  return row;
}
