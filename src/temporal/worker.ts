import { NativeConnection, Worker } from '@temporalio/worker';
import type { WorkerOptions } from '@temporalio/worker';
import type { RunActivities } from '../contracts/activities.ts';
import { webhookQueueOf } from '../contracts/messages.ts';
import type { WebhookActivities } from '../contracts/webhook-activities.ts';
import type { TemporalAddress } from './client.ts';

export interface RunWorkerOptions extends TemporalAddress {
  taskQueue: string;
  /** A bundle made at build, or the path of the workflows' source. */
  workflows: { codePath: string } | { workflowsPath: string };
  activities: RunActivities;
  /** Absent in a worker that delivers no webhooks. */
  webhookActivities?: WebhookActivities;
  identity: string;
}

export interface RunWorker {
  /** Rejects if the worker fails; resolves after `stop`. */
  finished: Promise<void>;
  stop(): Promise<void>;
}

/** Of one worker; each only waits for a receiver. */
const DELIVERIES_AT_ONCE = 64;

/** Polls for executions and their activities. The settings are what recovery time rests on. */
export async function startRunWorker(options: RunWorkerOptions): Promise<RunWorker> {
  const { address, namespace, taskQueue, workflows, activities, webhookActivities, identity } =
    options;
  const connection = await NativeConnection.connect({ address });
  const code: Partial<WorkerOptions> =
    'codePath' in workflows
      ? { workflowBundle: workflows }
      : { workflowsPath: workflows.workflowsPath };
  const shared: Omit<WorkerOptions, 'taskQueue'> = {
    connection,
    namespace,
    identity,
    maxHeartbeatThrottleInterval: '1s',
    defaultHeartbeatThrottleInterval: '1s',
    shutdownGraceTime: '5s',
    shutdownForceTime: '8s',
  };
  const runs = await Worker.create({
    ...code,
    ...shared,
    taskQueue,
    activities,
    stickyQueueScheduleToStartTimeout: '2s',
    maxCachedWorkflows: 500,
    maxConcurrentWorkflowTaskExecutions: 40,
    maxConcurrentActivityTaskExecutions: 100,
    maxConcurrentLocalActivityExecutions: 100,
  });
  const workers = [runs];
  if (webhookActivities) {
    // However many receivers are slow, they take none of the places of runs.
    const deliveries = await Worker.create({
      ...shared,
      taskQueue: webhookQueueOf(taskQueue),
      activities: webhookActivities,
      maxConcurrentActivityTaskExecutions: DELIVERIES_AT_ONCE,
    });
    workers.push(deliveries);
  }
  const finished = runAndClose(workers, connection);
  return {
    finished,
    async stop() {
      shutDown(workers);
      await finished;
    },
  };
}

function shutDown(workers: readonly Worker[]): void {
  for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
}

async function runAndClose(
  workers: readonly Worker[],
  connection: NativeConnection,
): Promise<void> {
  const running = workers.map((worker) => worker.run());
  try {
    await Promise.all(running);
  } finally {
    // One that has failed ends the others.
    shutDown(workers);
    await Promise.allSettled(running);
    await connection.close();
  }
}
