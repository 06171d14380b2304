import {
  ApplicationFailure,
  CancellationScope,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';
import type { CloseReason, RunEnd, RunPlanInput } from '../src/contracts/activities.ts';
import { runFailedMessage, SEARCH_ATTRIBUTES, stateQuery } from '../src/contracts/messages.ts';
import { closeRun } from './activities.ts';
import { hearEverybody, listenForCancel } from './cancel.ts';
import { compensate } from './compensate.ts';
import { goOnInNewHistory } from './new-history.ts';
import { createProgress, hasPending, hasPlanToAdopt, isAllDone, isStopping } from './progress.ts';
import type { Progress } from './progress.ts';
import { runSteps } from './run-steps.ts';
import { takeOverPlan } from './take-over-plan.ts';

const statusAttribute = defineSearchAttributeKey(SEARCH_ATTRIBUTES.status, 'KEYWORD');

/** One execution of a run: runs its steps, undoes them if it did not succeed, and closes the run. */
export async function runPlan(input: RunPlanInput): Promise<RunEnd> {
  const progress = createProgress(input);
  const root = CancellationScope.current();
  setHandler(stateQuery, () => ({
    stopping: isStopping(progress),
    steps: Object.fromEntries(progress.statuses),
  }));
  return CancellationScope.nonCancellable(async () => {
    const cancellation = listenForCancel(progress, root);
    if (!input.compensating) await runSteps(progress, cancellation);
    if (hasPlanToAdopt(progress)) {
      await takeOverPlan(progress, cancellation);
      await runSteps(progress, cancellation);
    }
    if (!isStopping(progress) && hasPending(progress) && progress.isHandingOver)
      await goOnInNewHistory(progress);
    if (mustUndo(progress)) await compensate(progress);
    await hearEverybody(progress);
    const { run_id, execution } = input;
    const end = progress.end ?? (await closeRun({ run_id, execution, reason: reasonOf(progress) }));
    return finish(end);
  });
}

const mustUndo = (progress: Progress): boolean =>
  progress.end === undefined &&
  !progress.isClosed &&
  !isAllDone(progress) &&
  progress.input.steps.some((step) => step.compensates === true);

function reasonOf({ isClosed, isCancelled, failedStepId }: Progress): CloseReason {
  if (isClosed) return { kind: 'closed' };
  if (isCancelled) return { kind: 'cancelled' };
  if (failedStepId !== undefined) return { kind: 'step_failed', step_id: failedStepId };
  return { kind: 'done' };
}

/** What operators see of the end: a failed run fails its workflow with the run's code. */
function finish(end: RunEnd): RunEnd {
  upsertSearchAttributes([{ key: statusAttribute, value: end.status }]);
  if (end.status === 'unknown') {
    throw ApplicationFailure.nonRetryable(
      'This execution is not the current one of any run.',
      'RUN_UNKNOWN',
    );
  }
  if (end.status === 'failed')
    throw ApplicationFailure.nonRetryable(runFailedMessage(end.code), end.code);
  return end;
}
