import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { startApiServer } from '../../api/server.ts';
import { createKeyCache } from '../keys/key-cache.ts';
import { createRefusalRecorder } from '../audit/refusals.ts';
import { createLive } from '../live/live.ts';
import { createRedisHints } from '../live/redis-hints.ts';
import { createStreams } from '../live/streams.ts';
import { createWakeupListener } from '../storage/wakeups.ts';
import { createRates } from '../rates/create-rates.ts';
import { createTemporalClient } from '../temporal/client.ts';
import { createEngine } from '../temporal/engine.ts';
import { TASK_QUEUE_DEFAULT } from '../contracts/messages.ts';
import { createWebhookSecretOf } from '../skills/webhook/secret.ts';
import { composeRuns } from './compose.ts';
import { createHashKey } from './installation-keys.ts';
import { exitWith, readConfigOrExit, sayReady, stopOnSignal } from './lifecycle.ts';
import { serveMetrics } from './serve-metrics.ts';

const CONNECTIONS_MAX = 20;

const config = readConfigOrExit();
const { databaseUrl, temporalAddress, keyPepper, secretsKey } = config;
if (!databaseUrl || !temporalAddress || !keyPepper || !secretsKey) {
  exitWith(
    'The api needs DATABASE_URL, TEMPORAL_ADDRESS, AOS_KEY_PEPPER and AOS_SECRETS_KEY. `npm start` runs everything.',
  );
}

const { deps, stop } = composeRuns(
  { ...config, keyPepper, secretsKey },
  databaseUrl,
  'api',
  CONNECTIONS_MAX,
);
const client = createTemporalClient({
  address: temporalAddress,
  namespace: config.temporalNamespace,
});
const hashKey = createHashKey(keyPepper);
const listener = createWakeupListener(config.databaseDirectUrl ?? databaseUrl);
const redis = createRedisHints(config.redisUrl, deps.logger);
redis.subscribe(listener.hear);
const live = createLive({ ...deps, listener });
const streams = createStreams();
const rates = createRates({ url: config.redisUrl, logger: deps.logger });
const refusals = createRefusalRecorder(deps);
const { version } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
) as {
  version: string;
};

const metrics = await serveMetrics(deps, {
  host: config.metricsHost,
  port: config.metricsPort,
  setting: 'AOS_METRICS_PORT',
}).catch(exitWith);
const server = await startApiServer(
  {
    ...deps,
    engine: createEngine(client, TASK_QUEUE_DEFAULT),
    listener,
    live,
    streams,
    hashKey,
    keys: createKeyCache({ ...deps, hashKey }),
    webhookSecretOf: createWebhookSecretOf(keyPepper),
    rates,
    refusals,
    ratePerMinute: config.ratePerMinute,
    corsOrigins: config.corsOrigins,
    version,
    referenceScript: fileURLToPath(new URL('../../reference/standalone.js', import.meta.url)),
  },
  config,
).catch((error: NodeJS.ErrnoException) =>
  exitWith(
    error.code === 'EADDRINUSE'
      ? `Port ${config.port} on ${config.host} is busy. Set AOS_PORT to another one.`
      : error,
  ),
);

stopOnSignal(async () => {
  const stopped = server.stop();
  await listener.stop();
  await stopped;
  await streams.stop();
  await live.stop();
  await redis.stop();
  await metrics.stop();
  await rates.stop();
  await refusals.stop();
  await client.connection.close();
  await stop();
});
deps.logger.info('api.ready', { url: server.url, metrics_url: metrics.url });
sayReady({ url: server.url, metricsUrl: metrics.url });
