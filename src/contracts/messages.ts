import { defineQuery, defineSignal, defineUpdate } from '@temporalio/workflow';
import type { StepStatus } from './activities.ts';

/** Type of the workflow that runs one execution of a plan. */
export const RUN_PLAN = 'runPlan';
/** The task queue that workers poll unless told otherwise. */
export const TASK_QUEUE_DEFAULT = 'aos';

export interface CancelRequest {
  reason: string;
}

/** What an operator's query sees of a running execution. */
export interface ExecutionState {
  stopping: boolean;
  steps: Record<string, StepStatus>;
}

/** Stops the run: running skills are told at once, nothing new starts. Answers when the cancel is recorded. */
export const cancelUpdate = defineUpdate<void, [CancelRequest]>('cancel');
export const cancelSignal = defineSignal<[CancelRequest?]>('cancel');
export const stateQuery = defineQuery<ExecutionState>('state');

export const workflowIdOf = (runId: string, execution: number): string => `${runId}.${execution}`;
/** Names a try's activity in Temporal; the spaces, which no step id has, keep the names apart. */
export const tryActivityId = (stepId: string, role: string, number: number): string =>
  `${stepId}${role === 'main' ? '' : ` ${role}`} try ${number}`;

/** What Temporal shows of a run that has failed; by it the worker tells such an end from a fault of its own. */
export const runFailedMessage = (code: string | undefined): string => `The run failed: ${code}.`;

/** What Temporal's lists can be filtered by; all keywords. */
export const SEARCH_ATTRIBUTES = {
  tenant: 'AosTenant',
  status: 'AosStatus',
  agent: 'AosAgent',
} as const;

/** Type of the workflow that delivers one event to one endpoint. */
export const DELIVER_WEBHOOK = 'deliverWebhook';
/** Slow receivers take places on a task queue of their own. */
export const webhookQueueOf = (taskQueue: string): string => `${taskQueue}-webhooks`;
export const deliveryWorkflowId = (deliveryId: string, generation: number): string =>
  `webhook/${deliveryId}/${generation}`;
