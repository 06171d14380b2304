import type { RecordCancel } from '../contracts/activities.ts';
import { AosError } from '../contracts/failures.ts';
import { recordChange } from '../storage/audit-entries.ts';
import type { Actor } from '../storage/audit-entries.ts';
import { appendEvents } from '../storage/events.ts';
import { withTransaction } from '../storage/pool.ts';
import type { Transaction } from '../storage/pool.ts';
import { findRun, lockRun, markCancelRequested } from '../storage/runs.ts';
import type { RunRow } from '../storage/runs.ts';
import { listStepsToUndo } from '../storage/steps.ts';
import type { Engine } from '../temporal/engine.ts';
import { closeLockedRun } from './close-run.ts';
import type { RunDeps } from './deps.ts';
import { isOpen } from './run-state.ts';

/** Writes the intent into the run's row; the first reason stands. */
async function recordIntent(tx: Transaction, run: RunRow, reason: string): Promise<void> {
  if (run.cancel_requested_at !== null) return;
  await markCancelRequested(tx, run.id, reason);
  await appendEvents(tx, run.id, [{ type: 'run.cancel_requested', data: { reason } }]);
}

/** Records a cancel that came through Temporal. */
export async function recordCancel(
  { pool }: RunDeps,
  { run_id, execution, reason }: RecordCancel,
): Promise<void> {
  await withTransaction(pool, async (tx) => {
    const run = await lockRun(tx, run_id);
    const isCancellable = run && isOpen(run) && run.compensate_until === null;
    if (isCancellable && run.execution === execution) await recordIntent(tx, run, reason);
  });
}

/**
 * Cancels a run of this tenant: records the intent, then tells the execution. Unanswered within 2 s the cancel is
 * pending and the reconciler tells it again. Errors: RUN_NOT_FOUND, RUN_CLOSED.
 */
export async function cancelRun(
  deps: RunDeps & { engine: Engine },
  actor: Actor,
  runId: string,
  reason: string,
): Promise<RunRow> {
  const { pool, engine } = deps;
  const { tenantId } = actor;
  const recorded = await withTransaction(pool, async (tx) => {
    const found = await findRun(tx, tenantId, runId);
    const run = found && (await lockRun(tx, runId));
    if (!run) throw new AosError('RUN_NOT_FOUND', `There is no run ${runId}.`);
    if (run.status === 'cancelled') return run;
    if (!isOpen(run)) throw new AosError('RUN_CLOSED', `Run ${runId} has already ${run.status}.`);
    if (run.compensate_until !== null) {
      if (run.cancel_requested_at !== null) return run;
      throw new AosError(
        'RUN_COMPENSATING',
        `Run ${runId} has failed and undoes its steps until ${run.compensate_until.toISOString()} at most.`,
      );
    }
    if (run.cancel_requested_at === null)
      await recordChange(tx, actor, { operation: 'cancelRun', subject: runId, detail: { reason } });
    await recordIntent(tx, run, reason);
    return run;
  });
  if (isOpen(recorded) && recorded.compensate_until === null)
    await tellExecution(deps, recorded, reason, engine);
  return (await findRun(pool, tenantId, runId))!;
}

/**
 * Delivers a recorded cancel. A run that no execution knows is closed in Postgres, unless it has steps to undo: that
 * takes an execution, which the reconciler starts (`lost`).
 */
export async function tellExecution(
  { pool }: RunDeps,
  run: RunRow,
  reason: string,
  engine: Engine,
): Promise<'told' | 'closed' | 'lost'> {
  if ((await engine.cancelExecution(run.id, run.execution, reason)) !== 'unknown') return 'told';
  return withTransaction(pool, async (tx) => {
    const locked = await lockRun(tx, run.id);
    if (!locked || locked.execution !== run.execution) return 'told';
    if ((await listStepsToUndo(tx, run.id)).length > 0) return 'lost';
    await closeLockedRun(tx, locked, { kind: 'cancelled' });
    return 'closed';
  });
}
