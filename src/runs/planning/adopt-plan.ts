import type { AdoptPlan, AdoptPlanReply } from '../../contracts/activities.ts';
import { createFailure } from '../../contracts/failures.ts';
import type { Json } from '../../contracts/json.ts';
import { awaitsPlan, stepsOfPlan } from '../../domain/plan/goal-step.ts';
import { contractsOf } from '../../skills/registry.ts';
import { appendEvents } from '../../storage/events.ts';
import { withTransaction } from '../../storage/pool.ts';
import type { Transaction } from '../../storage/pool.ts';
import { clearFruitless, lockRun, setPlan } from '../../storage/runs.ts';
import type { RunRow } from '../../storage/runs.ts';
import { insertSteps, listStepsWithSpec, readStepValues } from '../../storage/steps.ts';
import type { StepRowWithSpec } from '../../storage/steps.ts';
import { withStepCap } from '../admission.ts';
import { hashBody } from '../body-hash.ts';
import { closeLockedRun } from '../close-run.ts';
import type { RunDeps } from '../deps.ts';
import { stateOf } from '../run-state.ts';
import { skeletonOf } from '../skeleton.ts';
import { checkMadePlan } from './check-made-plan.ts';
import { PlanGoalParams } from './contract.ts';
import { plannerFailed } from './planner-failures.ts';

/**
 * Makes the plan that the run's first step has made the run's own: its steps follow that one. Once: whoever asks again
 * is told what was taken over.
 */
export async function adoptPlan(
  deps: RunDeps,
  { run_id, execution }: AdoptPlan,
): Promise<AdoptPlanReply> {
  return withTransaction(deps.pool, async (tx) => {
    const run = await lockRun(tx, run_id);
    if (!run) return { kind: 'closed' };
    const state = stateOf(run, execution);
    if (state !== 'open') return { kind: state };
    const steps = await listStepsWithSpec(tx, run.id);
    if (!awaitsPlan(steps)) return adopted(run.max_parallel, stepsOfPlan(steps));
    const [maker] = steps;
    if (maker?.status !== 'succeeded') return { kind: 'closed' };
    return takeOver(tx, deps, run, maker);
  });
}

async function takeOver(
  tx: Transaction,
  deps: RunDeps,
  run: RunRow,
  maker: StepRowWithSpec,
): Promise<AdoptPlanReply> {
  const [value] = await readStepValues(tx, run.id, [maker.id]);
  const { plan: raw } = JSON.parse(value!.output!) as { plan: Json };
  const wish = PlanGoalParams.parse(maker.spec.params);
  // Once more, since another worker may have made it, with other skills.
  const checked = checkMadePlan(raw, contractsOf(deps.skills), wish, '/plan');
  if (!checked.ok) {
    const { code, message, errors } = plannerFailed(checked.problems);
    const failure = createFailure(code, message, { errors, step_id: maker.id });
    return { kind: 'ended', end: await closeLockedRun(tx, run, { kind: 'failed', failure }) };
  }
  const { plan, warnings } = checked;
  await setPlan(tx, run.id, {
    planJson: JSON.stringify(raw),
    planHash: hashBody(raw).toString('hex'),
    maxParallel: plan.max_parallel,
    compensationMs: plan.compensation_deadline_ms,
    warnings,
  });
  const first = maker.index + 1;
  const { steps: capped } = withStepCap(plan, maker.spec.max_cost_micro_cents);
  const made = capped.map((step) => ({ ...step, index: first + step.index }));
  const steps = await insertSteps(tx, run.id, made);
  await appendEvents(tx, run.id, [{ type: 'run.planned', data: { steps: steps.length } }]);
  if (run.fruitless_executions > 0) await clearFruitless(tx, run.id);
  return adopted(plan.max_parallel, steps);
}

const adopted = (maxParallel: number, steps: readonly StepRowWithSpec[]): AdoptPlanReply => ({
  kind: 'adopted',
  max_parallel: maxParallel,
  steps: steps.map(skeletonOf),
});
