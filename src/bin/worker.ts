import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { createActivities } from '../../activities/index.ts';
import { createWebhookActivities } from '../../activities/webhooks.ts';
import { TASK_QUEUE_DEFAULT } from '../contracts/messages.ts';
import { adoptEngine } from '../runs/reconciler/adopt-engine.ts';
import { startReconciler } from '../runs/reconciler/reconciler.ts';
import { createTemporalClient } from '../temporal/client.ts';
import { createEngine } from '../temporal/engine.ts';
import { ensureSearchAttributes } from '../temporal/search-attributes.ts';
import { startRunWorker } from '../temporal/worker.ts';
import { startDispatcher } from '../webhooks/dispatcher.ts';
import { composeRuns } from './compose.ts';
import { exitWith, readConfigOrExit, sayReady, stopOnSignal } from './lifecycle.ts';
import { serveMetrics } from './serve-metrics.ts';
import { installTemporalRuntime } from './temporal-runtime.ts';
import { startBeating } from './worker-beat.ts';

const CONNECTIONS_MAX = 40;
const WORKFLOW_BUNDLE = fileURLToPath(new URL('../../workflow-bundle.js', import.meta.url));

const config = readConfigOrExit();
const {
  databaseUrl,
  temporalAddress,
  temporalNamespace: namespace,
  keyPepper,
  secretsKey,
} = config;
if (!databaseUrl || !temporalAddress || !keyPepper || !secretsKey) {
  exitWith(
    'The worker needs DATABASE_URL, TEMPORAL_ADDRESS, AOS_KEY_PEPPER and AOS_SECRETS_KEY. `npm start` runs everything.',
  );
}

const identity = `${hostname()}-${process.pid}`;
const { deps, stop } = composeRuns(
  { ...config, keyPepper, secretsKey },
  databaseUrl,
  'worker',
  CONNECTIONS_MAX,
);
const { logger } = deps;
const readTemporal = await installTemporalRuntime(logger).catch(exitWith);
const metrics = await serveMetrics(deps, {
  host: config.metricsHost,
  port: config.workerMetricsPort,
  setting: 'AOS_WORKER_METRICS_PORT',
  audits: true,
  readTemporal,
}).catch(exitWith);

const client = createTemporalClient({ address: temporalAddress, namespace });
const engine = createEngine(client, TASK_QUEUE_DEFAULT);
if (!(await adoptEngine({ ...deps, engine }, config.engineReplaced).catch(exitWith))) {
  exitWith(
    `${temporalAddress} holds another Temporal store than this database belongs with. Check TEMPORAL_ADDRESS; if the ` +
      'store was replaced, start once with AOS_ENGINE_REPLACED=1 and every open run starts again from Postgres.',
  );
}
await ensureSearchAttributes(client).catch(exitWith);

const beat = await startBeating(deps.pool, identity);
const dispatcher = startDispatcher({ ...deps, engine });
const worker = await startRunWorker({
  address: temporalAddress,
  namespace,
  taskQueue: TASK_QUEUE_DEFAULT,
  workflows: { codePath: WORKFLOW_BUNDLE },
  activities: createActivities(deps),
  webhookActivities: createWebhookActivities({ ...deps, onRoom: () => dispatcher.wake() }),
  identity,
}).catch(exitWith);
const reconciler = startReconciler({ ...deps, engine }, config.engineReplaced);

worker.finished.catch(exitWith);
stopOnSignal(async () => {
  await Promise.all([reconciler.stop(), dispatcher.stop(), worker.stop()]);
  await beat.stop();
  await metrics.stop();
  await client.connection.close();
  await stop();
});
logger.info('worker.ready', { identity, metrics_url: metrics.url });
sayReady({ metricsUrl: metrics.url });
