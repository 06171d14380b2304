import type { TryEnd } from '../../contracts/activities.ts';
import { createFailure } from '../../contracts/failures.ts';
import type { Failure } from '../../contracts/failures.ts';
import type { SkillResult } from '../../contracts/skill.ts';
import { withTransaction } from '../../storage/pool.ts';
import { lockRun } from '../../storage/runs.ts';
import type { RunRow } from '../../storage/runs.ts';
import { findStepWithTry } from '../../storage/steps.ts';
import type { BegunCall } from './begin-try.ts';
import type { RunDeps } from '../deps.ts';
import { deadlineExceeded } from '../failures.ts';
import { postLateCost } from './late-cost.ts';
import { outputTooLargeMessage, packOutput } from '../outputs.ts';
import type { PackedOutput } from '../outputs.ts';
import { remainingMsOf } from '../run-state.ts';
import { failureOfSkill } from '../skill-failure.ts';
import { recordTryEnd, standingEnd } from './try-outcomes.ts';

/** Nothing was recorded and nothing stands: the engine calls the step again, or abandons it. */
export class OutcomeNotMine extends Error {}

/**
 * Part (c) of a step's try: settles the cost and writes the outcome in one transaction, if the fence still holds.
 * A late one posts its cost and answers what stands.
 */
export async function finishTry(
  deps: RunDeps,
  call: BegunCall,
  result: SkillResult,
): Promise<TryEnd> {
  const end = await withTransaction(deps.pool, async (tx) => {
    const run = (await lockRun(tx, call.run.id))!;
    const { cost_micro_cents: actualMicroCents, presumed = false } = result.usage;
    const ending = endingOf(deps, run, call, result);
    const recorded = await recordTryEnd(
      tx,
      { ...call, run },
      { ...ending, hold: { kind: 'settle', actualMicroCents, presumed } },
    );
    if (recorded) return recorded;

    // My own commit, whose answer was lost, differs by nothing and posts nothing.
    await postLateCost(tx, { ...call, run }, actualMicroCents);
    const { stepId, role, number } = call.key;
    const row = await findStepWithTry(tx, run.id, stepId, role, number);
    return row && standingEnd(row.step, role, row.found);
  });
  // Only now: thrown inside, it would take the late cost back.
  if (!end) throw new OutcomeNotMine(`step ${call.key.stepId}: another fence holds the try`);
  return end;
}

function endingOf(
  { cipher }: RunDeps,
  run: RunRow,
  call: BegunCall,
  result: SkillResult,
): { output?: PackedOutput; failure?: Failure } {
  if (result.ok) {
    const output = packOutput(cipher, run, call.step, result.output);
    return output
      ? { output }
      : { failure: createFailure('OUTPUT_TOO_LARGE', outputTooLargeMessage('')) };
  }
  const { code } = result.failure;
  const isOver = remainingMsOf(run, call.key.role) <= 0;
  if (isOver && (code === 'TIMEOUT' || code === 'CANCELLED'))
    return { failure: deadlineExceeded(run, call.key.role) };
  return { failure: failureOfSkill(call.step, result.failure) };
}
