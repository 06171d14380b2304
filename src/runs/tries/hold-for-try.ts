import type { JsonObject } from '../../contracts/json.ts';
import { HOLD_GRACE_MS } from '../../contracts/limits.ts';
import type { Balances } from '../../domain/balances.ts';
import type { Skill } from '../../skills/skill.ts';
import { hasOtherStepHold, renewHold } from '../../storage/holds.ts';
import { settleHold } from '../../storage/ledger.ts';
import type { Transaction } from '../../storage/pool.ts';
import { addStepCost } from '../../storage/steps.ts';
import { addTryCost } from '../../storage/tries.ts';
import type { TryMark } from '../../storage/tries.ts';
import type { RunDeps } from '../deps.ts';
import { budgetExceeded, overStepCap } from '../failures.ts';
import {
  reserveCompensation,
  takeCompensationHold,
  worstCaseOfCompensation,
} from './compensation-hold.ts';
import { entryOf, placeTryHold } from './fenced-try.ts';
import type { FencedTry, HoldReply } from './fenced-try.ts';
import type { LoadedScope } from './load-scope.ts';

/** A call whose money is asked for, under the fence of its caller. */
export interface PricedCall extends FencedTry {
  skill: Skill;
  params: JsonObject;
  deadlineAt: Date;
}

/**
 * Holds the worst case of a call for a fresh fence, and with it that of the step's compensation; `lost` is the try's
 * row when an earlier worker was lost with it. Whatever the answer, a lost call's money has been accounted for, and
 * the caller must write the fence of a lost try.
 */
export async function holdForTry(
  tx: Transaction,
  deps: RunDeps,
  scope: LoadedScope,
  call: PricedCall,
  lost: TryMark | undefined,
): Promise<HoldReply> {
  const { run, step, key, skill, params } = call;
  if (lost?.hold_id && skill.contract.cost.per !== 'call') {
    const isOpen = await renewHold(tx, lost.hold_id, call.fence, expiryOf(call));
    if (isOpen) return { kind: 'held', holdId: lost.hold_id, heldMicroCents: 0 };
  }
  if (lost?.hold_id) {
    // Priced per call: the lost one has been paid for, as far as anybody can know.
    const entry = entryOf({ ...call, fence: lost.fence }, lost.hold_id, 'settle');
    const spent = (await settleHold(tx, entry, 'whole', 'presumed')) ?? 0;
    await addTryCost(tx, key, spent);
    await addStepCost(tx, run.id, step.id, spent);
  }
  const worstMicroCents = skill.worstCaseMicroCents(params);
  const undoMicroCents =
    key.role === 'compensate' ? 0 : worstCaseOfCompensation(deps.skills, step, scope);
  // What may not be undone is not begun.
  const dearest = Math.max(worstMicroCents, undoMicroCents);
  const cap = step.spec.max_cost_micro_cents ?? Infinity;
  if (dearest > cap) return { kind: 'refused', failure: overStepCap(step, dearest, cap) };
  if (key.role === 'compensate') return takeCompensationHold(tx, call, worstMicroCents);
  if (undoMicroCents === 0) return holdWorstCase(tx, call, worstMicroCents);
  // Both or neither: a step begins only if what undoes it is paid for as well.
  await tx.query('SAVEPOINT both_holds');
  const held = await holdWorstCase(tx, call, worstMicroCents);
  const refusal = held.kind === 'held' && (await reserveCompensation(tx, call, undoMicroCents));
  if (!refusal) return held;
  await tx.query('ROLLBACK TO SAVEPOINT both_holds');
  const reserved = refusal.reserved - worstMicroCents;
  return refused(tx, call, worstMicroCents + undoMicroCents, { ...refusal, reserved });
}

/** What waits for a compensation does not expire: the run's close ends it. */
const expiryOf = ({ key, deadlineAt }: PricedCall): Date | null =>
  key.role === 'compensate' ? null : new Date(deadlineAt.getTime() + HOLD_GRACE_MS);

async function holdWorstCase(
  tx: Transaction,
  call: PricedCall,
  worstMicroCents: number,
): Promise<HoldReply> {
  if (worstMicroCents === 0) return { kind: 'held', holdId: null, heldMicroCents: 0 };
  const placed = await placeTryHold(tx, call, worstMicroCents, expiryOf(call));
  if (placed.ok) return { kind: 'held', holdId: placed.holdId, heldMicroCents: worstMicroCents };
  return refused(tx, call, worstMicroCents, placed.balances);
}

/** While another step's try is in flight, what it does not spend may come back. */
async function refused(
  tx: Transaction,
  { run, step }: PricedCall,
  askedMicroCents: number,
  balances: Balances,
): Promise<HoldReply> {
  if (await hasOtherStepHold(tx, run.account_id, step.id)) return { kind: 'busy' };
  return { kind: 'refused', failure: budgetExceeded(run.account_id, askedMicroCents, balances) };
}
