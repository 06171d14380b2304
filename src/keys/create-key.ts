import { AosError } from '../contracts/failures.ts';
import type { CreateKey } from '../contracts/key.ts';
import { KEYS_PER_TENANT_MAX } from '../contracts/limits.ts';
import { microCentsFromCents } from '../contracts/money.ts';
import { insertAccount } from '../storage/accounts.ts';
import {
  countActiveApiKeys,
  insertApiKey,
  keyAccountId,
  lockApiKeys,
} from '../storage/api-keys.ts';
import type { ApiKeyRow } from '../storage/api-keys.ts';
import { recordChange } from '../storage/audit-entries.ts';
import type { Actor } from '../storage/audit-entries.ts';
import { withTransaction } from '../storage/pool.ts';
import type { Transaction } from '../storage/pool.ts';
import { tenantAccountId } from '../storage/tenants.ts';
import type { KeyDeps } from './deps.ts';
import { marksOfKey, randomKey } from './new-key.ts';

/** A key just made: the only moment at which the key itself is known. */
export interface MadeKey {
  row: ApiKeyRow;
  key: string;
}

/** Makes a key whose request has no problems. Errors: KEYS_EXCEEDED. */
export async function createKey(
  { pool, hashKey }: KeyDeps,
  actor: Actor,
  request: CreateKey,
): Promise<MadeKey> {
  const { tenantId } = actor;
  const { name, role, expires_at: expiresAt, budget_cents: budgetCents } = request;
  const key = randomKey();
  const marks = marksOfKey(key, hashKey);
  return withTransaction(pool, async (tx) => {
    await lockApiKeys(tx, tenantId);
    await refuseTooMany(tx, tenantId);
    const accountId = budgetCents === undefined ? null : keyAccountId(marks.id);
    if (accountId !== null) {
      await insertAccount(tx, {
        id: accountId,
        tenantId,
        parentId: tenantAccountId(tenantId),
        limitMicroCents: microCentsFromCents(budgetCents!),
      });
    }
    const row = await insertApiKey(tx, {
      ...marks,
      tenantId,
      name,
      role,
      agentId: request.agent_id ?? null,
      ratePerMinute: request.rate_limit_per_minute ?? null,
      accountId,
      expiresAt: expiresAt === undefined ? null : new Date(expiresAt),
    });
    await recordChange(tx, actor, {
      operation: 'createKey',
      subject: row.id,
      detail: JSON.parse(JSON.stringify(request)),
    });
    return { row, key };
  });
}

/** Under the lock of the tenant's keys. Errors: KEYS_EXCEEDED. */
export async function refuseTooMany(tx: Transaction, tenantId: string): Promise<void> {
  const active = await countActiveApiKeys(tx, tenantId);
  if (active < KEYS_PER_TENANT_MAX) return;
  throw new AosError(
    'KEYS_EXCEEDED',
    `The tenant has ${active} active keys and may have ${KEYS_PER_TENANT_MAX}. Revoke one first.`,
    { limit: { name: 'keys_per_tenant_max', value: KEYS_PER_TENANT_MAX, asked: active + 1 } },
  );
}
