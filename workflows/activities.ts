import {
  ActivityCancellationType,
  ActivityFailure,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
} from '@temporalio/workflow';
import type { RunActivities, TryAddress, TryReply } from '../src/contracts/activities.ts';
import { tryActivityId } from '../src/contracts/messages.ts';

/** Temporal repeats an activity only when its worker or Postgres was lost; tries are counted by the workflow. */
const infrastructureRetry = {
  initialInterval: 200,
  backoffCoefficient: 2,
  maximumInterval: 5_000,
} as const;

/** How long after the run's deadline an activity may still be writing what it knows. */
const RECORDING_MS = 10_000;

const bookkeeping = proxyActivities<RunActivities>({
  startToCloseTimeout: '30s',
  retry: infrastructureRetry,
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
});

const local = proxyLocalActivities<RunActivities>({
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '10s',
  retry: infrastructureRetry,
  localRetryThreshold: '2s',
});

/** Quick where Postgres answers; in an outage every try of a local activity grows the history, so a regular one waits it out. */
const localFirst =
  <I, O>(quick: (input: I) => Promise<O>, patient: (input: I) => Promise<O>) =>
  async (input: I): Promise<O> => {
    try {
      return await quick(input);
    } catch (error) {
      if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
      return patient(input);
    }
  };

export const executeInline = localFirst(local.executeInline, bookkeeping.executeInline);
export const adoptPlan = localFirst(local.adoptPlan, bookkeeping.adoptPlan);
export const recordCancel = localFirst(local.recordCancel, bookkeeping.recordCancel);
export const closeRun = localFirst(local.closeRun, bookkeeping.closeRun);
export const { abandonStep, beginCompensation } = bookkeeping;

/** One try, as an activity that the Web UI shows by its step's id. */
export function executeStep(
  address: TryAddress,
  skill: string,
  deadlineAtMs: number,
): Promise<TryReply> {
  const remainingMs = Math.max(deadlineAtMs - Date.now(), 0) + RECORDING_MS;
  const activities = proxyActivities<RunActivities>({
    activityId: tryActivityId(address.step_id, address.role, address.try),
    summary: `${address.step_id}: ${skill}${address.role === 'main' ? '' : ` (${address.role})`}, try ${address.try}`,
    startToCloseTimeout: remainingMs,
    scheduleToCloseTimeout: remainingMs,
    heartbeatTimeout: '5s',
    retry: infrastructureRetry,
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  });
  return activities.executeStep(address);
}
