import { NativeConnection, Worker } from '@temporalio/worker';
import type { WorkerOptions } from '@temporalio/worker';
import type { RunActivities } from '../contracts/activities.ts';
import type { TemporalAddress } from './client.ts';

export interface RunWorkerOptions extends TemporalAddress {
  taskQueue: string;
  /** A bundle made at build, or the path of the workflows' source. */
  workflows: { codePath: string } | { workflowsPath: string };
  activities: RunActivities;
  identity: string;
}

export interface RunWorker {
  /** Rejects if the worker fails; resolves after `stop`. */
  finished: Promise<void>;
  stop(): Promise<void>;
}

/** Polls for executions and their activities. The settings are what recovery time rests on. */
export async function startRunWorker(options: RunWorkerOptions): Promise<RunWorker> {
  const { address, namespace, taskQueue, workflows, activities, identity } = options;
  const connection = await NativeConnection.connect({ address });
  const code: Partial<WorkerOptions> =
    'codePath' in workflows
      ? { workflowBundle: workflows }
      : { workflowsPath: workflows.workflowsPath };
  const worker = await Worker.create({
    ...code,
    connection,
    namespace,
    taskQueue,
    activities,
    identity,
    stickyQueueScheduleToStartTimeout: '2s',
    maxHeartbeatThrottleInterval: '1s',
    defaultHeartbeatThrottleInterval: '1s',
    shutdownGraceTime: '5s',
    shutdownForceTime: '8s',
    maxCachedWorkflows: 500,
    maxConcurrentWorkflowTaskExecutions: 40,
    maxConcurrentActivityTaskExecutions: 100,
    maxConcurrentLocalActivityExecutions: 100,
  });
  const finished = runAndClose(worker, connection);
  return {
    finished,
    async stop() {
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await finished;
    },
  };
}

async function runAndClose(worker: Worker, connection: NativeConnection): Promise<void> {
  try {
    await worker.run();
  } finally {
    await connection.close();
  }
}
