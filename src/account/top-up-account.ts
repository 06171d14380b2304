import { uuidv7 } from 'uuidv7';
import type { TopUp } from '../contracts/account.ts';
import { AosError } from '../contracts/failures.ts';
import { BUDGET_CENTS_MAX } from '../contracts/limits.ts';
import { centsFromMicroCents, microCentsFromCents } from '../contracts/money.ts';
import { lockAccount } from '../storage/accounts.ts';
import { recordChange } from '../storage/audit-entries.ts';
import type { Actor } from '../storage/audit-entries.ts';
import { once } from '../storage/idempotency-keys.ts';
import type { OnceKey } from '../storage/idempotency-keys.ts';
import { topUp } from '../storage/ledger.ts';
import type { Pool, Transaction } from '../storage/pool.ts';
import { tenantAccountId } from '../storage/tenants.ts';
import { findEntry } from '../storage/transactions.ts';
import type { Entry } from '../storage/transactions.ts';

const MAX_MICRO_CENTS = microCentsFromCents(BUDGET_CENTS_MAX);

/**
 * Raises the tenant's limit, once for an idempotency key; a repeat answers with the entry of the first time.
 * Errors: ACCOUNT_UNLIMITED, INVALID_REQUEST, IDEMPOTENCY_KEY_REUSED, IDEMPOTENCY_IN_FLIGHT.
 */
export async function topUpAccount(
  pool: Pool,
  actor: Actor,
  { amount_cents: amountCents, note }: TopUp,
  key: OnceKey | undefined,
): Promise<{ entry: Entry; replayed: boolean }> {
  const { tenantId, keyId } = actor;
  const accountId = tenantAccountId(tenantId);
  const id = `topup_${uuidv7()}`;
  const amount = microCentsFromCents(amountCents);
  const done = await once(pool, { tenantId, key, id }, async (tx) => {
    await refuseUnfit(tx, accountId, amount);
    await topUp(tx, accountId, id, amount, { actor: keyId ?? 'operator' });
    const entry = await findEntry(tx, tenantId, accountId, id);
    await recordChange(tx, actor, {
      operation: 'topUpAccount',
      subject: accountId,
      detail: {
        amount_cents: centsFromMicroCents(amount),
        ...(note !== undefined && { note }),
        transaction_id: entry.id,
      },
    });
    return entry;
  });
  if ('made' in done) return { entry: done.made, replayed: false };
  return {
    entry: await findEntry(pool, tenantId, accountId, done.madeBefore.id),
    replayed: true,
  };
}

async function refuseUnfit(tx: Transaction, accountId: string, amount: number): Promise<void> {
  const { limit } = (await lockAccount(tx, accountId)).balances;
  if (limit === null) {
    throw new AosError(
      'ACCOUNT_UNLIMITED',
      `Account ${accountId} has no limit that could be raised. Set one with PATCH /api/v1/account.`,
    );
  }
  if (limit <= MAX_MICRO_CENTS - amount) return;
  const message =
    `must leave the limit, ${centsFromMicroCents(limit)} cents now, within ${BUDGET_CENTS_MAX} cents: ` +
    `it can be raised by ${centsFromMicroCents(MAX_MICRO_CENTS - limit)} cents at most.`;
  throw new AosError('INVALID_REQUEST', `/amount_cents: ${message}`, {
    errors: [{ pointer: '/amount_cents', code: 'INVALID_TYPE', message }],
  });
}
