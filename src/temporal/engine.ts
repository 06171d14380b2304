import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import type { Client } from '@temporalio/client';
import {
  defineSearchAttributeKey,
  TypedSearchAttributes,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
} from '@temporalio/common';
import type { RunPlanInput } from '../contracts/activities.ts';
import {
  cancelUpdate,
  DELIVER_WEBHOOK,
  deliveryWorkflowId,
  RUN_PLAN,
  SEARCH_ATTRIBUTES,
  tryActivityId,
  workflowIdOf,
} from '../contracts/messages.ts';
import type { DeliverWebhook } from '../contracts/webhook-activities.ts';

export interface ExecutionLabels {
  tenantId: string;
  agentId: string | null;
  summary: string;
}

export type ExecutionStatus =
  | 'running'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'terminated'
  | 'timed_out'
  | 'unknown';

/** What AOS asks of Temporal, in its own words; every call is bounded. */
export interface Engine {
  /** Starts an execution, or finds it started. Throws when Temporal does not answer within `START_MS`. */
  startExecution(input: RunPlanInput, labels: ExecutionLabels): Promise<void>;
  /** `pending`: Temporal or the worker did not answer in time. `unknown`: no such execution is open. */
  cancelExecution(
    runId: string,
    execution: number,
    reason: string,
  ): Promise<'told' | 'pending' | 'unknown'>;
  terminateExecution(runId: string, execution: number, reason: string): Promise<void>;
  /** Throws when Temporal does not answer. */
  describeExecution(runId: string, execution: number): Promise<ExecutionStatus>;
  isTryAlive(
    runId: string,
    execution: number,
    stepId: string,
    role: string,
    number: number,
  ): Promise<boolean>;
  /** Starts the workflow of a delivery, or finds it: `over` when it has ended. Throws when Temporal does not answer. */
  startDelivery(input: DeliverWebhook): Promise<'open' | 'over'>;
  /** Changes when Temporal's store is replaced. Throws when Temporal does not answer. */
  namespaceId(): Promise<string>;
}

const CLOSED_STATUSES: Record<string, ExecutionStatus> = {
  COMPLETED: 'completed',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'terminated',
  TIMED_OUT: 'timed_out',
};

const START_MS = 1_000;
const CALL_MS = 2_000;

export interface EngineOptions {
  /** Ends a history after so many steps, besides when the engine suggests it. */
  continueAfterSteps?: number;
}

export function createEngine(
  client: Client,
  taskQueue: string,
  { continueAfterSteps }: EngineOptions = {},
): Engine {
  const within = <T>(ms: number, work: () => Promise<T>): Promise<T> =>
    client.withDeadline(Date.now() + ms, work);
  const handle = (runId: string, execution: number) =>
    client.workflow.getHandle(workflowIdOf(runId, execution));

  return {
    async startExecution(input, { tenantId, agentId, summary }) {
      const attributes = [
        { key: defineSearchAttributeKey(SEARCH_ATTRIBUTES.tenant, 'KEYWORD'), value: tenantId },
        { key: defineSearchAttributeKey(SEARCH_ATTRIBUTES.status, 'KEYWORD'), value: 'running' },
        ...(agentId === null
          ? []
          : [
              { key: defineSearchAttributeKey(SEARCH_ATTRIBUTES.agent, 'KEYWORD'), value: agentId },
            ]),
      ];
      try {
        await within(START_MS, () =>
          client.workflow.start(RUN_PLAN, {
            workflowId: workflowIdOf(input.run_id, input.execution),
            taskQueue,
            args: [
              {
                ...input,
                ...(continueAfterSteps !== undefined && {
                  continue_after_steps: continueAfterSteps,
                }),
              },
            ],
            workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
            workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
            workflowTaskTimeout: '5s',
            typedSearchAttributes: new TypedSearchAttributes(attributes),
            staticSummary: summary,
          }),
        );
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
    },

    async cancelExecution(runId, execution, reason) {
      try {
        await within(CALL_MS, () =>
          handle(runId, execution).executeUpdate(cancelUpdate, {
            args: [{ reason }],
            updateId: `cancel-${execution}`,
          }),
        );
        return 'told';
      } catch (error) {
        return error instanceof WorkflowNotFoundError ? 'unknown' : 'pending';
      }
    },

    async terminateExecution(runId, execution, reason) {
      try {
        await within(CALL_MS, () => handle(runId, execution).terminate(reason));
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }
    },

    async describeExecution(runId, execution) {
      try {
        const { status } = await within(CALL_MS, () => handle(runId, execution).describe());
        return CLOSED_STATUSES[status.name] ?? 'running';
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return 'unknown';
        throw error;
      }
    },

    async isTryAlive(runId, execution, stepId, role, number) {
      try {
        const { raw } = await within(CALL_MS, () => handle(runId, execution).describe());
        const id = tryActivityId(stepId, role, number);
        return (raw.pendingActivities ?? []).some((activity) => activity.activityId === id);
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      }
    },

    async startDelivery(input) {
      try {
        await within(START_MS, () =>
          client.workflow.start(DELIVER_WEBHOOK, {
            workflowId: deliveryWorkflowId(input.delivery_id, input.generation),
            taskQueue,
            args: [input],
            workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
            workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
            workflowTaskTimeout: '5s',
          }),
        );
        return 'open';
      } catch (error) {
        if (error instanceof WorkflowExecutionAlreadyStartedError) return 'over';
        throw error;
      }
    },

    async namespaceId() {
      const reply = await within(CALL_MS, () =>
        client.workflowService.describeNamespace({ namespace: client.options.namespace }),
      );
      return reply.namespaceInfo?.id ?? '';
    },
  };
}
