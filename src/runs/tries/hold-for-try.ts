import { uuidv7 } from 'uuidv7';
import type { Failure } from '../../contracts/failures.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { HOLD_GRACE_MS } from '../../contracts/limits.ts';
import type { Skill } from '../../skills/skill.ts';
import { hasOtherStepHold, renewHold } from '../../storage/holds.ts';
import { placeHold, settleHold } from '../../storage/ledger.ts';
import type { Transaction } from '../../storage/pool.ts';
import { addStepCost } from '../../storage/steps.ts';
import { addTryCost } from '../../storage/tries.ts';
import type { TryRow } from '../../storage/tries.ts';
import { budgetExceeded, overStepCap } from '../failures.ts';
import { entryOf } from './fenced-try.ts';
import type { FencedTry } from './fenced-try.ts';

export type HoldReply =
  | { kind: 'held'; holdId: string | null; heldMicroCents: number }
  | { kind: 'busy' }
  | { kind: 'refused'; failure: Failure };

/**
 * Holds the worst case of a call for a fresh fence; `lost` is the try's row when an earlier worker was lost with it.
 * Whatever the answer, a lost call's money has been accounted for, and the caller must write the fence of a lost try.
 */
export async function holdForTry(
  tx: Transaction,
  fenced: FencedTry,
  skill: Skill,
  params: JsonObject,
  deadlineAt: Date,
  lost: TryRow | undefined,
): Promise<HoldReply> {
  const { run, step, key, fence } = fenced;
  const expiresAt = new Date(deadlineAt.getTime() + HOLD_GRACE_MS);
  if (lost?.hold_id && skill.contract.cost.per !== 'call') {
    const isOpen = await renewHold(tx, lost.hold_id, fence, expiresAt);
    if (isOpen) return { kind: 'held', holdId: lost.hold_id, heldMicroCents: 0 };
  }
  if (lost?.hold_id) {
    // Priced per call: the lost one has been paid for, as far as anybody can know.
    const spent = await settleHold(
      tx,
      entryOf({ ...fenced, fence: lost.fence }, lost.hold_id, 'settle'),
      'whole',
      'presumed',
    );
    await addTryCost(tx, key, spent ?? 0);
    await addStepCost(tx, run.id, step.id, spent ?? 0);
  }
  const worstMicroCents = skill.worstCaseMicroCents(params);
  const cap = step.spec.max_cost_micro_cents;
  if (cap !== undefined && worstMicroCents > cap) {
    return { kind: 'refused', failure: overStepCap(step.id, worstMicroCents, cap) };
  }
  if (worstMicroCents === 0) return { kind: 'held', holdId: null, heldMicroCents: 0 };
  const holdId = `hold_${uuidv7()}`;
  const placed = await placeHold(tx, {
    hold: {
      id: holdId,
      accountId: run.account_id,
      amountMicroCents: worstMicroCents,
      runId: run.id,
      stepId: step.id,
      generation: step.generation,
      role: key.role,
      try: key.number,
      fence,
      expiresAt,
    },
    ...entryOf(fenced, holdId, 'hold'),
    basis: 'worst_case',
  });
  if (placed.ok) return { kind: 'held', holdId, heldMicroCents: worstMicroCents };
  if (await hasOtherStepHold(tx, run.account_id, step.id)) return { kind: 'busy' };
  return {
    kind: 'refused',
    failure: budgetExceeded(run.account_id, worstMicroCents, placed.balances),
  };
}
