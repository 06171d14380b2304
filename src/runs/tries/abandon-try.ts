import type { TryAddress, TryReply } from '../../contracts/activities.ts';
import { effectKeyOf } from '../../domain/effect-keys.ts';
import { withTransaction } from '../../storage/pool.ts';
import { lockRun } from '../../storage/runs.ts';
import { findStep } from '../../storage/steps.ts';
import { findTry } from '../../storage/tries.ts';
import type { RunDeps } from '../deps.ts';
import { cancelled, stepLost } from '../failures.ts';
import { recordTryEnd, standingOutcome } from './try-outcomes.ts';

/** Records that a try's activity ended without a value, unless its outcome stands. Its hold is presumed spent. */
export async function abandonTry({ pool }: RunDeps, address: TryAddress): Promise<TryReply> {
  return withTransaction(pool, async (tx) => {
    const run = await lockRun(tx, address.run_id);
    const step = run && (await findStep(tx, run.id, address.step_id));
    if (!step || run.execution !== address.execution) return { kind: 'closed' };
    const key = {
      runId: run.id,
      stepId: step.id,
      generation: step.generation,
      role: address.role,
      number: address.try,
    };
    const row = await findTry(tx, key);
    const stands = standingOutcome(step, row);
    if (stands) return stands;
    if (!row) return { kind: 'not_begun' };
    const failure =
      run.cancel_requested_at === null ? stepLost(step.skill, effectKeyOf(key)) : cancelled(run);
    const fenced = { run, step, key, fence: row.fence, holdId: row.hold_id };
    return (await recordTryEnd(tx, fenced, { failure, hold: { kind: 'presume' } }))!;
  });
}
