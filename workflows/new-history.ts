import { continueAsNew, workflowInfo } from '@temporalio/workflow';
import type { RunPlanInput } from '../src/contracts/activities.ts';
import { hearEverybody } from './cancel.ts';
import { isStopping, toNextInput } from './progress.ts';
import type { Progress } from './progress.ts';
import type { runPlan } from './run-plan.ts';

/** Whether the history should end soon: the engine says so, or the run was told to go on so often. */
export function isHistoryLong({ input, ended }: Progress): boolean {
  const { continue_after_steps: stepsMax } = input;
  return workflowInfo().continueAsNewSuggested || (stepsMax !== undefined && ended >= stepsMax);
}

/** Ends this history and goes on in a new one, unless a cancel comes first. Nothing is in flight. */
export async function goOnInNewHistory(
  progress: Progress,
  changes: Partial<RunPlanInput> = {},
): Promise<void> {
  await hearEverybody(progress);
  if (changes.compensating !== true && isStopping(progress)) return;
  await continueAsNew<typeof runPlan>({ ...toNextInput(progress), ...changes });
}
