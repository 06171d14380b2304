import { fileURLToPath } from 'node:url';
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { exitWith, sayReady, stopOnSignal } from '../../src/bin/lifecycle.ts';
import type { RunActivities } from '../../src/contracts/activities.ts';
import { startRunWorker } from '../../src/temporal/worker.ts';
import { bareActivities } from './activities.ts';

/** A worker without AOS, made by the same function as AOS's own, so that its settings are the same for ever. */
const {
  BENCH_ADDRESS: address = '',
  BENCH_NAMESPACE: namespace = '',
  BENCH_TASK_QUEUE: taskQueue = '',
} = process.env;

Runtime.install({
  shutdownSignals: [],
  logger: new DefaultLogger('ERROR'),
  telemetryOptions: {
    logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }), forward: {} },
  },
});
const worker = await startRunWorker({
  address,
  namespace,
  taskQueue,
  workflows: { workflowsPath: fileURLToPath(new URL('./workflow.js', import.meta.url)) },
  activities: bareActivities as unknown as RunActivities,
  identity: `bare-${process.pid}`,
}).catch(exitWith);
worker.finished.catch(exitWith);
stopOnSignal(() => worker.stop());
sayReady();
