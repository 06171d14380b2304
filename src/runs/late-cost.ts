import { entryKeyOf, tryKeyOf } from '../domain/effect-keys.ts';
import { lockAccount } from '../storage/accounts.ts';
import { adjust } from '../storage/ledger.ts';
import type { Transaction } from '../storage/pool.ts';
import { addRunCost } from '../storage/runs.ts';
import type { RunRow } from '../storage/runs.ts';
import { addStepCost } from '../storage/steps.ts';
import { findHoldEnd, listAncestorsHeldOn } from '../storage/transactions.ts';
import { addTryCost } from '../storage/tries.ts';
import type { TryKey } from '../storage/tries.ts';

/** A call whose hold may have ended before its cost was known. */
export interface LateCall {
  run: RunRow;
  key: TryKey;
  fence: string;
  holdId: string;
}

/**
 * Posts what a call really cost, after its hold had ended under its own fence, against what the end counted. On the
 * run's account, or, when that is closed, on the ancestors it held on. A hold that a newer fence keeps is left alone.
 */
export async function postLateCost(
  tx: Transaction,
  late: LateCall,
  actualMicroCents: number,
): Promise<void> {
  const { run, key, fence, holdId } = late;
  const end = await findHoldEnd(tx, holdId);
  if (!end?.key.startsWith(`${tryKeyOf(key)}/${fence}/`)) return;
  const { closedAt } = await lockAccount(tx, run.account_id);
  const accountIds = closedAt === null ? [run.account_id] : await listAncestorsHeldOn(tx, run.id);
  const subject = {
    runId: run.id,
    execution: run.execution,
    stepId: key.stepId,
    try: key.number,
    priceTableVersion: run.price_table_version,
    actor: 'worker',
  };
  const deltaMicroCents = actualMicroCents - end.spentMicroCents;
  const entry = { holdId, key: entryKeyOf(key, fence, 'adjust'), subject };
  let posted = false;
  for (const accountId of accountIds)
    posted = (await adjust(tx, accountId, entry, deltaMicroCents)) || posted;
  if (!posted) return;
  await addTryCost(tx, key, deltaMicroCents);
  await addStepCost(tx, run.id, key.stepId, deltaMicroCents);
  if (closedAt !== null) await addRunCost(tx, run.id, deltaMicroCents);
}
