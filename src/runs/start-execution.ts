import type { RunPlanInput } from '../contracts/activities.ts';
import { awaitsPlan } from '../domain/plan/goal-step.ts';
import type { Pool } from '../storage/pool.ts';
import type { RunRow } from '../storage/runs.ts';
import { listStepsWithSpec } from '../storage/steps.ts';
import type { StepRowWithSpec } from '../storage/steps.ts';
import { listLastTries } from '../storage/tries.ts';
import type { Engine } from '../temporal/engine.ts';
import { skeletonOf } from './skeleton.ts';

/**
 * Starts the run's current execution from what Postgres knows; `known` are its steps, if they were just written. No
 * param, output or secret goes into it. Throws when Temporal does not answer; safe to repeat.
 */
export async function startExecution(
  pool: Pool,
  engine: Engine,
  run: RunRow,
  known?: readonly StepRowWithSpec[],
): Promise<void> {
  const steps = known ?? (await listStepsWithSpec(pool, run.id));
  const begun = steps.filter((step) => step.status !== 'pending' && step.status !== 'compensated');
  const lastTries = begun.length > 0 ? await listLastTries(pool, run.id) : [];
  const input: RunPlanInput = {
    run_id: run.id,
    execution: run.execution,
    deadline_at_ms: run.deadline_at.getTime(),
    max_parallel: run.max_parallel,
    steps: steps.map(skeletonOf),
    ...(awaitsPlan(steps) && { planning: true }),
    ...(run.cancel_requested_at !== null && { cancelled: true }),
    ...(run.compensate_until !== null && { compensating: true }),
    progress: begun.map(({ id, status, role }) => ({
      id,
      status,
      role,
      try: lastTries.find((row) => row.step_id === id)?.number ?? 1,
    })),
  };
  const summary = `${steps.length} ${steps.length === 1 ? 'step' : 'steps'}: ${steps[0]?.skill ?? ''}${steps.length > 1 ? ', …' : ''}`;
  await engine.startExecution(input, { tenantId: run.tenant_id, agentId: run.agent_id, summary });
}
