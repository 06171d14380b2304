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

/** What a workflow may ask this worker for. */
export function createActivities(deps: RunDeps): RunActivities {
  const known = <I extends { run_id: string }, O>(
    name: keyof RunActivities,
    work: (input: I) => Promise<O>,
  ) => withMappedErrors(deps.logger, name, withMeasures(deps.metrics, name, work));
  return {
    executeStep: known('executeStep', createExecuteStep(deps)),
    executeInline: known('executeInline', (input) => executeInline(deps, input)),
    abandonStep: known('abandonStep', (input) => abandonTry(deps, input)),
    recordCancel: known('recordCancel', (input) => recordCancel(deps, input)),
    adoptPlan: known('adoptPlan', (input) => adoptPlan(deps, input)),
    beginCompensation: known('beginCompensation', (input) => beginCompensation(deps, input)),
    closeRun: known('closeRun', (input) => closeRun(deps, input)),
  };
}
