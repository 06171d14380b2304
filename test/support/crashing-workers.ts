import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../src/config.ts';
import { SECRETS_KEY } from './harness.ts';
import type { Harness } from './harness.ts';

const PROGRAM = fileURLToPath(new URL('./crashing-worker.js', import.meta.url));

export interface CrashingWorkers {
  /** Starts a worker process that ends itself at the moment `crashAt`, or never. */
  start(crashAt?: string): Promise<ChildProcess>;
  /** Ends those that have not ended themselves. */
  stop(): Promise<void>;
}

/** Worker processes of a harness that has none of its own; what the program reads is in `crashing-worker.js`. */
export function createCrashingWorkers(aos: Harness, env: Environment = {}): CrashingWorkers {
  const workers: ChildProcess[] = [];
  return {
    async start(crashAt = '') {
      const worker = fork(PROGRAM, {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        env: {
          ...process.env,
          ...env,
          NODE_OPTIONS: '',
          DATABASE_URL: aos.databaseUrl,
          AOS_KEY_PEPPER: 'a pepper for tests that is long enough',
          AOS_SECRETS_KEY: SECRETS_KEY,
          TEMPORAL_ADDRESS: process.env['AOS_TEST_TEMPORAL_ADDRESS'],
          TEST_TASK_QUEUE: aos.taskQueue,
          TEST_CRASH_AT: crashAt,
        },
      });
      workers.push(worker);
      await once(worker, 'message');
      return worker;
    },
    async stop() {
      for (const worker of workers.splice(0)) {
        if (worker.exitCode !== null || worker.signalCode !== null) continue;
        worker.kill('SIGKILL');
        await once(worker, 'exit');
      }
    },
  };
}
