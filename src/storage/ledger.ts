import {
  adjustChange,
  holdChange,
  releaseChange,
  settleChange,
  topUpChange,
} from '../domain/balances.ts';
import type { Balances } from '../domain/balances.ts';
import { changeBalances, lockAccount } from './accounts.ts';
import { insertHold, takeHold } from './holds.ts';
import type { Hold } from './holds.ts';
import type { Transaction } from './pool.ts';
import { hasEntry, insertEntry } from './transactions.ts';
import type { EntryBasis, EntrySubject } from './transactions.ts';

/**
 * The operations of the ledger. Each locks its account, changes its balances and appends exactly one entry; each is
 * idempotent under its key. The arithmetic is in `src/domain/balances.ts`.
 */

export interface PlaceHold {
  hold: Hold;
  key: string;
  basis: EntryBasis;
  subject: EntrySubject;
}

/** Reserves money, or answers with the balances that refuse it. */
export async function placeHold(
  tx: Transaction,
  { hold, key, basis, subject }: PlaceHold,
): Promise<{ ok: true } | { ok: false; balances: Balances }> {
  const { balances, closedAt } = await lockAccount(tx, hold.accountId);
  if (await hasEntry(tx, hold.accountId, key)) return { ok: true };
  const change = closedAt === null ? holdChange(balances, hold.amountMicroCents) : undefined;
  if (!change) return { ok: false, balances };
  await changeBalances(tx, hold.accountId, change);
  await insertHold(tx, hold);
  await insertEntry(tx, {
    accountId: hold.accountId,
    idempotencyKey: key,
    kind: 'hold',
    holdId: hold.id,
    amountMicroCents: hold.amountMicroCents,
    change,
    basis,
    ...(hold.expiresAt && { expiresAt: hold.expiresAt }),
    subject,
  });
  return { ok: true };
}

export interface EndHold<H extends string | null = string> {
  holdId: H;
  key: string;
  subject: EntrySubject;
}

/** Ends a hold by what the call really cost, or is presumed to have cost. Answers that, or undefined when it had ended before. */
export async function settleHold(
  tx: Transaction,
  { holdId, key, subject }: EndHold,
  actualMicroCents: number | 'whole',
  basis: EntryBasis,
): Promise<number | undefined> {
  const hold = await takeHold(tx, holdId);
  if (!hold) return undefined;
  const { balances } = await lockAccount(tx, hold.accountId);
  const actual = actualMicroCents === 'whole' ? hold.amountMicroCents : actualMicroCents;
  const change = settleChange(balances, hold.amountMicroCents, actual);
  await changeBalances(tx, hold.accountId, change);
  await insertEntry(tx, {
    accountId: hold.accountId,
    idempotencyKey: key,
    kind: 'settle',
    holdId,
    amountMicroCents: actual,
    change,
    basis,
    subject,
  });
  return actual;
}

/** Ends a hold without cost. Answers false when it had ended before. */
export async function releaseHold(
  tx: Transaction,
  { holdId, key, subject }: EndHold,
  kind: 'release' | 'expire' = 'release',
): Promise<boolean> {
  const hold = await takeHold(tx, holdId);
  if (!hold) return false;
  await lockAccount(tx, hold.accountId);
  const change = releaseChange(hold.amountMicroCents);
  await changeBalances(tx, hold.accountId, change);
  await insertEntry(tx, {
    accountId: hold.accountId,
    idempotencyKey: key,
    kind,
    holdId,
    amountMicroCents: hold.amountMicroCents,
    change,
    basis: 'actual',
    subject,
  });
  return true;
}

/** Posts a cost that came after its hold had ended; `deltaMicroCents` may be negative. Answers whether it is new. */
export async function adjust(
  tx: Transaction,
  accountId: string,
  { holdId, key, subject }: EndHold<string | null>,
  deltaMicroCents: number,
): Promise<boolean> {
  const { balances } = await lockAccount(tx, accountId);
  if (deltaMicroCents === 0 || (await hasEntry(tx, accountId, key))) return false;
  const change = adjustChange(balances, deltaMicroCents);
  await changeBalances(tx, accountId, change);
  await insertEntry(tx, {
    accountId,
    idempotencyKey: key,
    kind: 'adjust',
    ...(holdId !== null && { holdId }),
    amountMicroCents: deltaMicroCents,
    change,
    basis: 'actual',
    subject,
  });
  return true;
}

/** Raises an account's limit; what is over is paid first. */
export async function topUp(
  tx: Transaction,
  accountId: string,
  key: string,
  amountMicroCents: number,
  subject: EntrySubject,
): Promise<void> {
  const { balances } = await lockAccount(tx, accountId);
  if (await hasEntry(tx, accountId, key)) return;
  const change = topUpChange(balances, amountMicroCents);
  await changeBalances(tx, accountId, change);
  await insertEntry(tx, {
    accountId,
    idempotencyKey: key,
    kind: 'topup',
    amountMicroCents,
    change,
    basis: 'operator',
    subject,
  });
}
