import type { BeginCompensation, CompensationReply } from '../contracts/activities.ts';
import { appendEvents } from '../storage/events.ts';
import { withTransaction } from '../storage/pool.ts';
import { lockRun, markCompensating, markRunStarted } from '../storage/runs.ts';
import { listStepsToUndo } from '../storage/steps.ts';
import { listCompensationTries } from '../storage/tries.ts';
import type { RunDeps } from './deps.ts';
import { isOpen } from './run-state.ts';

/**
 * Begins to undo what the steps of a run did, or goes on with it. From its commit on no step and no cancel begins;
 * what is to be undone is what Postgres says has succeeded, last done first.
 */
export async function beginCompensation(
  { pool }: RunDeps,
  { run_id, execution }: BeginCompensation,
): Promise<CompensationReply> {
  return withTransaction(pool, async (tx) => {
    const run = await lockRun(tx, run_id);
    if (!run || !isOpen(run) || run.execution !== execution) return { kind: 'closed' };
    const steps = await listStepsToUndo(tx, run.id);
    if (steps.length === 0) return { kind: 'open', deadline_at_ms: Date.now(), steps: [] };
    const until = await markCompensating(tx, run.id);
    if (run.status === 'queued') await markRunStarted(tx, run.id);
    if (run.compensate_until === null) {
      const data = { steps: steps.map((step) => step.id), until: until.toISOString() };
      await appendEvents(tx, run.id, [{ type: 'run.compensating', data }]);
    }
    const tries = await listCompensationTries(tx, run.id);
    return {
      kind: 'open',
      deadline_at_ms: until.getTime(),
      steps: steps.map(({ id, spec }) => ({
        id,
        skill: spec.compensate!.skill,
        try: tries.get(id)?.number ?? 0,
        policy: spec.policy,
      })),
    };
  });
}
