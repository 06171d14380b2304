import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  setHandler,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import { defineSearchAttributeKey } from '@temporalio/common';
import type { CloseReason, RunEnd, RunPlanInput } from '../src/contracts/activities.ts';
import { SEARCH_ATTRIBUTES, stateQuery } from '../src/contracts/messages.ts';
import { abandonStep, closeRun } from './activities.ts';
import { listenForCancel } from './cancel.ts';
import type { Cancellation } from './cancel.ts';
import { createProgress, isStopping, readyNow } from './progress.ts';
import type { Progress } from './progress.ts';
import { runChain } from './run-chain.ts';
import { runStep } from './run-step.ts';

/** How long running skills may take to notice a cancel before their tries are abandoned. */
const CANCEL_GRACE = '30s';
const CHAIN = '(chain)';
const statusAttribute = defineSearchAttributeKey(SEARCH_ATTRIBUTES.status, 'KEYWORD');

/** One execution of a run: while steps are ready, runs them together; then closes the run. */
export async function runPlan(input: RunPlanInput): Promise<RunEnd> {
  const progress = createProgress(input);
  const root = CancellationScope.current();
  setHandler(stateQuery, () => ({
    stopping: isStopping(progress),
    steps: Object.fromEntries(progress.statuses),
  }));
  return CancellationScope.nonCancellable(async () => {
    await runSteps(progress, listenForCancel(progress, root));
    const { run_id, execution } = input;
    await condition(allHandlersFinished);
    const end = progress.end ?? (await closeRun({ run_id, execution, reason: reasonOf(progress) }));
    return finish(end);
  });
}

async function runSteps(progress: Progress, cancellation: Cancellation): Promise<void> {
  const launch = (name: string, work: Promise<void>): void => {
    progress.inFlight.add(name);
    void work.finally(() => progress.inFlight.delete(name));
  };
  for (;;) {
    if (!isStopping(progress)) {
      const { inline, effectful } = readyNow(progress);
      if (inline.length > 0 && !progress.inFlight.has(CHAIN))
        launch(CHAIN, runChain(progress, inline, cancellation));
      for (const step of effectful.slice(0, progress.input.max_parallel - progress.inFlight.size)) {
        launch(step.id, runStep(progress, step, cancellation));
      }
    }
    const { size } = progress.inFlight;
    if (size === 0) return;
    if (progress.isCancelled) {
      if (!(await condition(() => progress.inFlight.size === 0, CANCEL_GRACE)))
        await abandonTries(progress);
      return;
    }
    await condition(() => progress.inFlight.size < size || progress.isCancelled);
  }
}

/** Skills that ignore a cancel do not hold up the run: what they cost is presumed. */
async function abandonTries(progress: Progress): Promise<void> {
  const deaf = [...progress.tries.values()].filter((address) =>
    progress.inFlight.has(address.step_id),
  );
  await Promise.all(deaf.map((address) => abandonStep(address)));
}

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
    throw ApplicationFailure.nonRetryable(`The run failed: ${end.code}.`, end.code);
  return end;
}
