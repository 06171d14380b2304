import type { TryAddress, TryReply } from '../../contracts/activities.ts';
import { effectKeyOf } from '../../domain/effect-keys.ts';
import { withTransaction } from '../../storage/pool.ts';
import { lockRun } from '../../storage/runs.ts';
import { findStepWithTry } from '../../storage/steps.ts';
import type { RunDeps } from '../deps.ts';
import { cancelled, stepLost } from '../failures.ts';
import { callOf } from './step-calls.ts';
import { recordTryEnd, standingEnd } from './try-outcomes.ts';

/** Records that a try's activity ended without a value, unless its outcome stands. Its hold is presumed spent. */
export async function abandonTry(
  { pool, priceTableVersion }: RunDeps,
  { run_id, execution, step_id, role, try: number }: TryAddress,
): Promise<TryReply> {
  return withTransaction(pool, async (tx) => {
    const run = await lockRun(tx, run_id);
    const row = run && (await findStepWithTry(tx, run.id, step_id, role, number));
    if (!row || run.execution !== execution) return { kind: 'closed' };
    const { step, found } = row;
    const stands = standingEnd(step, role, found);
    if (stands) return stands;
    if (!found) return { kind: 'not_begun' };
    const key = { runId: run.id, stepId: step.id, generation: step.generation, role, number };
    const isCancelled = run.cancel_requested_at !== null && role !== 'compensate';
    const failure = isCancelled
      ? cancelled(run)
      : stepLost(callOf(step.spec, role).skill, effectKeyOf(key));
    const fenced = { run, step, key, fence: found.fence, holdId: found.hold_id, priceTableVersion };
    return (await recordTryEnd(tx, fenced, { failure, hold: { kind: 'presume' } }))!;
  });
}
