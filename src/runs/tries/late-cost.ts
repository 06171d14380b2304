import { entryKeyOf, tryKeyOf } from '../../domain/effect-keys.ts';
import { lockAccount } from '../../storage/accounts.ts';
import { adjust } from '../../storage/ledger.ts';
import type { Transaction } from '../../storage/pool.ts';
import { addRunCost } from '../../storage/runs.ts';
import { addStepCost } from '../../storage/steps.ts';
import { findHoldEnd, hasEntry, listAncestorsHeldOn } from '../../storage/transactions.ts';
import { addTryCost } from '../../storage/tries.ts';
import { entryOf } from './fenced-try.ts';
import type { FencedTry } from './fenced-try.ts';

/**
 * Posts what a call really cost when no open hold stands for it: against what the end of its hold counted, or whole
 * when it had none. On the run's account, or, when that is closed, on the ancestors it held on. A hold that a newer
 * fence keeps, or has ended, is left alone.
 */
export async function postLateCost(
  tx: Transaction,
  call: FencedTry,
  actualMicroCents: number,
): Promise<void> {
  const { run, step, key, fence, holdId } = call;
  const end = holdId === null ? undefined : await findHoldEnd(tx, holdId);
  if (holdId !== null && !end?.key.startsWith(`${tryKeyOf(key)}/${fence}/`)) return;
  const { closedAt } = await lockAccount(tx, run.account_id);
  if (await hasEntry(tx, run.account_id, entryKeyOf(key, fence, 'adjust'))) return;
  const accountIds = closedAt === null ? [run.account_id] : await listAncestorsHeldOn(tx, run.id);
  const deltaMicroCents = actualMicroCents - (end?.spentMicroCents ?? 0);
  const entry = entryOf(call, holdId, 'adjust');
  let posted = false;
  for (const accountId of accountIds)
    posted = (await adjust(tx, accountId, entry, deltaMicroCents, closedAt !== null)) || posted;
  if (!posted) return;
  await addTryCost(tx, key, deltaMicroCents);
  await addStepCost(tx, run.id, step.id, deltaMicroCents);
  if (closedAt !== null) await addRunCost(tx, run.id, deltaMicroCents);
}
