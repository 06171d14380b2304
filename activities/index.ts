import type { RunActivities } from '../src/contracts/activities.ts';
import { beginCompensation } from '../src/runs/begin-compensation.ts';
import { abandonTry } from '../src/runs/tries/abandon-try.ts';
import { recordCancel } from '../src/runs/cancel-run.ts';
import { closeRun } from '../src/runs/close-run.ts';
import type { RunDeps } from '../src/runs/deps.ts';
import { executeInline } from '../src/runs/chains/execute-inline.ts';
import { adoptPlan } from '../src/runs/planning/adopt-plan.ts';
import { createExecuteStep } from './execute-step.ts';
import { withMappedErrors } from './failure.ts';
import { withMeasures } from './measure.ts';

/** What a workflow may ask this worker for; every change of a run wakes those who wait for one. */
export function createActivities(deps: RunDeps): RunActivities {
  const waking = <I extends { run_id: string }, O>(
    name: keyof RunActivities,
    work: (input: I) => Promise<O>,
  ) => {
    const wakingWork = async (input: I): Promise<O> => {
      const reply = await work(input);
      deps.wakeups.wake(input.run_id);
      return reply;
    };
    return withMappedErrors(deps.logger, name, withMeasures(deps.metrics, name, wakingWork));
  };
  return {
    executeStep: waking('executeStep', createExecuteStep(deps)),
    executeInline: waking('executeInline', (input) => executeInline(deps, input)),
    abandonStep: waking('abandonStep', (input) => abandonTry(deps, input)),
    recordCancel: waking('recordCancel', (input) => recordCancel(deps, input)),
    adoptPlan: waking('adoptPlan', (input) => adoptPlan(deps, input)),
    beginCompensation: waking('beginCompensation', (input) => beginCompensation(deps, input)),
    closeRun: waking('closeRun', (input) => closeRun(deps, input)),
  };
}
