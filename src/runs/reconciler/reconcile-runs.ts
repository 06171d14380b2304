import { createFailure } from '../../contracts/failures.ts';
import type { FailureCode } from '../../contracts/failure-codes.ts';
import { FRUITLESS_EXECUTIONS_MAX, RUN_OVERDUE_MS } from '../../contracts/limits.ts';
import { withTransaction } from '../../storage/pool.ts';
import {
  beginNextExecution,
  claimRunsToCheck,
  listOverdueRuns,
  lockRun,
} from '../../storage/runs.ts';
import type { RunRow } from '../../storage/runs.ts';
import { appendEvents } from '../../storage/events.ts';
import type { Engine } from '../../temporal/engine.ts';
import { tellExecution } from '../cancel-run.ts';
import { closeLockedRun } from '../close-run.ts';
import type { RunDeps } from '../deps.ts';
import { deadlineExceeded } from '../failures.ts';
import { isOpen } from '../run-state.ts';
import { startExecution } from '../start-execution.ts';

export type ReconcileDeps = RunDeps & { engine: Engine };

const RUNS_PER_PASS = 50;
const RUNS_AT_ONCE = 10;
/** When an open run is looked at again. */
const CHECK_AGAIN_MS = 10_000;

/** Looks at the open runs whose time has come and mends what is broken. Answers what it did. */
export async function reconcileRuns(deps: ReconcileDeps): Promise<Record<string, number>> {
  const mends: Record<string, number> = {};
  const runs = await claimRunsToCheck(deps.pool, RUNS_PER_PASS, CHECK_AGAIN_MS);
  const mendOne = async (run: RunRow): Promise<void> => {
    try {
      const mend = await reconcileRun(deps, run);
      if (mend === 'none') return;
      mends[mend] = (mends[mend] ?? 0) + 1;
      deps.metrics.mended(mend);
      deps.logger.info('run.mended', { run_id: run.id, execution: run.execution, mend });
    } catch (error) {
      deps.metrics.mended('failed');
      deps.logger.error('run.mend_failed', error, { run_id: run.id, execution: run.execution });
    }
  };
  for (let from = 0; from < runs.length; from += RUNS_AT_ONCE) {
    await Promise.all(runs.slice(from, from + RUNS_AT_ONCE).map(mendOne));
  }
  return mends;
}

/** Closes the runs that are long past their deadline. Needs no Temporal: a budget is never held by an outage. */
export async function closeOverdueRuns(deps: ReconcileDeps): Promise<number> {
  const runs = await listOverdueRuns(deps.pool, RUNS_PER_PASS, RUN_OVERDUE_MS);
  let closed = 0;
  for (const run of runs) {
    try {
      await close(deps, run, deadlineExceeded(run));
      closed += 1;
      deps.metrics.mended('overdue');
      deps.logger.info('run.mended', { run_id: run.id, execution: run.execution, mend: 'overdue' });
      // An execution that is still there learns from its row that it is closed.
      await deps.engine.terminateExecution(
        run.id,
        run.execution,
        'The run passed its deadline and was closed by AOS.',
      );
    } catch (error) {
      // One run that cannot be closed does not keep the others from being looked at.
      deps.metrics.mended('failed');
      deps.logger.error('run.mend_failed', error, { run_id: run.id, execution: run.execution });
    }
  }
  return closed;
}

type Mend = 'none' | 'closed' | 'started' | 'restarted' | 'cancel_told';

async function reconcileRun(deps: ReconcileDeps, run: RunRow): Promise<Mend> {
  const { engine, pool } = deps;
  const state = await engine.describeExecution(run.id, run.execution);
  switch (state) {
    case 'running':
      if (run.cancel_requested_at === null || run.compensate_until !== null) return 'none';
      await tellExecution(deps, run, run.cancel_reason ?? 'Cancelled on request.', engine);
      return 'cancel_told';
    case 'unknown':
      if (run.cancel_requested_at !== null && run.compensate_until === null) {
        const reason = run.cancel_reason ?? 'Cancelled on request.';
        if ((await tellExecution(deps, run, reason, engine)) !== 'lost') return 'closed';
      }
      if (run.status !== 'queued') return nextExecution(deps, run);
      await startExecution(pool, engine, run);
      return 'started';
    case 'terminated':
      return closeAs(deps, run, 'TERMINATED', 'An operator terminated the execution in Temporal.');
    case 'timed_out':
      return closeAs(deps, run, 'EXECUTION_LOST', 'The execution timed out in Temporal.');
    case 'completed':
    case 'failed':
    case 'cancelled':
      return nextExecution(deps, run);
  }
}

async function closeAs(
  deps: ReconcileDeps,
  run: RunRow,
  code: FailureCode,
  message: string,
): Promise<Mend> {
  await close(deps, run, createFailure(code, message));
  return 'closed';
}

async function close(
  { pool }: ReconcileDeps,
  run: RunRow,
  failure: ReturnType<typeof createFailure>,
): Promise<void> {
  await withTransaction(pool, async (tx) => {
    const locked = await lockRun(tx, run.id);
    if (locked?.execution === run.execution)
      await closeLockedRun(tx, locked, { kind: 'failed', failure });
  });
}

/** The execution is gone, the run is not: the next one takes over its account, its tries and its deadline. */
async function nextExecution(deps: ReconcileDeps, run: RunRow): Promise<Mend> {
  const next = await withTransaction(deps.pool, async (tx) => {
    const locked = await lockRun(tx, run.id);
    if (!locked || !isOpen(locked) || locked.execution !== run.execution) return undefined;
    if (locked.fruitless_executions + 1 >= FRUITLESS_EXECUTIONS_MAX) {
      const failure = createFailure(
        'EXECUTION_LOST',
        `${FRUITLESS_EXECUTIONS_MAX} executions in a row ended without a new outcome.`,
      );
      await closeLockedRun(tx, locked, { kind: 'failed', failure });
      return undefined;
    }
    await beginNextExecution(tx, run.id);
    await appendEvents(tx, run.id, [
      { type: 'run.restarted', data: { execution: run.execution + 1 } },
    ]);
    return lockRun(tx, run.id);
  });
  if (!next) return 'closed';
  await startExecution(deps.pool, deps.engine, next);
  return 'restarted';
}
