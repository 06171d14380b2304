import {
  adjustChange,
  applyChange,
  holdChange,
  limitChange,
  NO_LIMIT_MICRO_CENTS,
  settleChange,
  spentOf,
  topUpChange,
} from '../domain/balances.ts';
import type { BalanceChange, Balances } from '../domain/balances.ts';
import type { ThresholdPercent } from '../domain/budget-thresholds.ts';
import { changeBalances, lockAccount, writeLimit } from './accounts.ts';
import { spendingChange, tellThresholds } from './budget-events.ts';
import type { AccountChange } from './budget-events.ts';
import { takeHold } from './holds.ts';
import type { Hold } from './holds.ts';
import { giveBack, reserve, settleWithin } from './ledger-statements.ts';
import type { Transaction } from './pool.ts';
import { hasEntry, insertEntry } from './transactions.ts';
import type { EntryBasis, EntrySubject } from './transactions.ts';

/**
 * The operations of the ledger. Each changes its account's balances and appends exactly one entry; each is idempotent
 * under its key. What is ordinary is one statement; the arithmetic of the rest is in `src/domain/balances.ts`.
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
  place: PlaceHold,
): Promise<{ ok: true } | { ok: false; balances: Balances }> {
  const { accountId, amountMicroCents } = place.hold;
  if (await reserve(tx, place)) return { ok: true };
  const { balances, closedAt } = await lockAccount(tx, accountId);
  if (await hasEntry(tx, accountId, place.key)) return { ok: true };
  // Room may have come free just now; under the lock it cannot go again.
  const fits = closedAt === null && holdChange(balances, amountMicroCents) !== undefined;
  return fits && (await reserve(tx, place)) ? { ok: true } : { ok: false, balances };
}

export interface EndHold<H extends string | null = string> {
  holdId: H;
  key: string;
  subject: EntrySubject;
}

/**
 * Ends a hold by what the call really cost, or is presumed to have cost. Answers that, or undefined when it had ended
 * before. The run of the subject, whose row the caller has locked, is told what parts of the limit are reached by it.
 */
export async function settleHold(
  tx: Transaction,
  end: EndHold,
  actualMicroCents: number | 'whole',
  basis: EntryBasis,
): Promise<number | undefined> {
  const { holdId, key, subject } = end;
  const within = await settleWithin(tx, end, actualMicroCents, basis);
  const by = { runId: subject.runId };
  if (within) await tellThresholds(tx, spendingChange(within), by);
  if (within || actualMicroCents === 'whole') return within?.byMicroCents;
  const hold = await takeHold(tx, holdId);
  if (!hold) return undefined;
  const { balances } = await lockAccount(tx, hold.accountId);
  const actual = actualMicroCents;
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
  await tellThresholds(tx, changeOf(hold.accountId, balances, change), by);
  return actual;
}

function changeOf(accountId: string, balances: Balances, by: BalanceChange): AccountChange {
  const [before, after] = [balances, applyChange(balances, by)].map((each) => ({
    limitMicroCents: each.limit,
    spentMicroCents: spentOf(each),
  }));
  return { accountId, before: before!, after: after! };
}

/** Ends a hold without cost. Answers false when it had ended before. */
export const releaseHold = (
  tx: Transaction,
  end: EndHold,
  kind: 'release' | 'expire' = 'release',
): Promise<boolean> => giveBack(tx, end, kind);

/**
 * Posts a cost that came after its hold had ended, and maybe after the end of its run; `deltaMicroCents` may be
 * negative. Answers whether it is new.
 */
export async function adjust(
  tx: Transaction,
  accountId: string,
  { holdId, key, subject }: EndHold<string | null>,
  deltaMicroCents: number,
  hasRunEnded = false,
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
  const by = { runId: subject.runId, isLate: hasRunEnded };
  await tellThresholds(tx, changeOf(accountId, balances, change), by);
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

/** Sets an account's limit, null for none, and answers what parts of it are reached by that; or with the balances that do not fit under it. */
export async function setLimit(
  tx: Transaction,
  accountId: string,
  key: string,
  limitMicroCents: number | null,
  subject: EntrySubject,
): Promise<{ ok: true; reached: ThresholdPercent[] } | { ok: false; balances: Balances }> {
  const { balances } = await lockAccount(tx, accountId);
  if (await hasEntry(tx, accountId, key)) return { ok: true, reached: [] };
  const change = limitChange(balances, limitMicroCents);
  if (!change) return { ok: false, balances };
  await writeLimit(tx, accountId, limitMicroCents, change);
  await insertEntry(tx, {
    accountId,
    idempotencyKey: key,
    kind: 'limit',
    amountMicroCents: limitMicroCents ?? NO_LIMIT_MICRO_CENTS,
    change,
    basis: 'operator',
    subject,
  });
  const to = changeOf(accountId, balances, change);
  return { ok: true, reached: await tellThresholds(tx, to, { runId: undefined }) };
}
