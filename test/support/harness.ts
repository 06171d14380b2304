import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { uuidv7 } from 'uuidv7';
import { createActivities } from '../../activities/index.ts';
import { createWebhookActivities } from '../../activities/webhooks.ts';
import { startApiServer } from '../../api/server.ts';
import { createRefusalRecorder } from '../../src/audit/refusals.ts';
import { createHashKey } from '../../src/bin/installation-keys.ts';
import { readConfig } from '../../src/config.ts';
import type { Environment } from '../../src/config.ts';
import type { Json, JsonObject } from '../../src/contracts/json.ts';
import type { LedgerViolation, RunLedger } from '../../src/contracts/ledger.ts';
import { RATE_PER_MINUTE_MAX } from '../../src/contracts/limits.ts';
import type { Role } from '../../src/contracts/roles.ts';
import type { Run, StepDetail } from '../../src/contracts/run.ts';
import type { Listening } from '../../src/http-server.ts';
import { createKeyCache } from '../../src/keys/key-cache.ts';
import type { KeyCache } from '../../src/keys/key-cache.ts';
import type { RunDeps } from '../../src/runs/deps.ts';
import { createPlanGoal } from '../../src/runs/planning/plan-goal.ts';
import { startReconciler } from '../../src/runs/reconciler/reconciler.ts';
import { createRates } from '../../src/rates/create-rates.ts';
import { createCipher } from '../../src/secrets/cipher.ts';
import { createEgressGuard, parseEgressAllow } from '../../src/skills/egress.ts';
import { createEmailSend } from '../../src/skills/email-send.ts';
import type { EmailSettings } from '../../src/skills/email/settings.ts';
import { createFsRead } from '../../src/skills/fs-read.ts';
import { createFsWrite } from '../../src/skills/fs-write.ts';
import { createHttpCall } from '../../src/skills/http-call.ts';
import { parseHttpPrices } from '../../src/skills/http/prices.ts';
import { createJsonTransform } from '../../src/skills/json-transform.ts';
import { createLlmInvoke } from '../../src/skills/llm-invoke.ts';
import { contractsOf, createRegistry } from '../../src/skills/registry.ts';
import type { Skill } from '../../src/skills/skill.ts';
import { createTransformPool } from '../../src/skills/transform/pool.ts';
import { createWebhookSecretOf } from '../../src/skills/webhook/secret.ts';
import { createWebhookSend } from '../../src/skills/webhook-send.ts';
import { createWorkspace } from '../../src/skills/workspace.ts';
import { ensureApiKey } from '../../src/storage/api-keys.ts';
import type { ApiKey } from '../../src/storage/api-keys.ts';
import type { RateLimiter } from '../../src/rates/rate-limiter.ts';
import { withTransaction } from '../../src/storage/pool.ts';
import type { Pool } from '../../src/storage/pool.ts';
import { ensureTenant } from '../../src/storage/tenants.ts';
import { createLive } from '../../src/live/live.ts';
import { createRedisHints } from '../../src/live/redis-hints.ts';
import { createStreams } from '../../src/live/streams.ts';
import type { StreamLimits } from '../../src/live/streams.ts';
import {
  createWakeupListener,
  createWakeupSender,
  wakeReaders,
} from '../../src/storage/wakeups.ts';
import { beatWorker } from '../../src/storage/workers.ts';
import { reportCommitted } from '../../src/telemetry/committed-events.ts';
import { createMetrics } from '../../src/telemetry/instruments.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { measureSkill } from '../../src/telemetry/measured-skill.ts';
import { createTemporalClient } from '../../src/temporal/client.ts';
import { createEngine } from '../../src/temporal/engine.ts';
import type { Engine } from '../../src/temporal/engine.ts';
import { startRunWorker } from '../../src/temporal/worker.ts';
import type { RunWorker } from '../../src/temporal/worker.ts';
import type { DeliveryTimes } from '../../src/webhooks/delivery-deps.ts';
import { startDispatcher } from '../../src/webhooks/dispatcher.ts';
import type { Dispatcher } from '../../src/webhooks/dispatcher.ts';
import { expectAsDocumented } from './contract.ts';
import { listUnsealedRuns } from './last-events.ts';
import { createTestDatabase } from './database.ts';

export const WORKFLOW_BUNDLE = fileURLToPath(
  new URL('../../dist/workflow-bundle.js', import.meta.url),
);
const REFERENCE_SCRIPT = fileURLToPath(
  new URL('../../dist/reference/standalone.js', import.meta.url),
);
export const PEPPER = 'a pepper for tests that is long enough';
export const SECRETS_KEY = 'a key of secrets for tests, long enough';
export const hashKey = createHashKey(PEPPER);
const webhookSecretOf = createWebhookSecretOf(PEPPER);

let isRuntimeInstalled = false;

/** The engine's own log lines tell a test nothing that its assertions do not. Without a worker none is started. */
export function installQuietRuntime(): void {
  if (isRuntimeInstalled) return;
  isRuntimeInstalled = true;
  Runtime.install({
    shutdownSignals: [],
    logger: new DefaultLogger('ERROR', () => {}),
    telemetryOptions: {
      logging: {
        filter: makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' }),
        forward: {},
      },
    },
  });
}

export interface HarnessOptions {
  /** Skills beside the real ones. */
  skills?: Skill[];
  egressAllow?: string;
  httpPrices?: string;
  email?: EmailSettings | undefined;
  /** The settings of `llm_invoke`, by the names of their variables. @default none: no provider is configured */
  llm?: Environment;
  /** Ends a history after so many steps. @default when Temporal suggests it */
  continueAfterSteps?: number;
  /** Gets every line of the log, debugging too. Without it none is written. */
  onLog?: (line: string) => void;
  /** @default none: each harness counts requests by itself */
  redisUrl?: string;
  /** @default as good as unlimited */
  ratePerMinute?: number;
  corsOrigins?: string[];
  streamLimits?: Partial<StreamLimits>;
  /** @default true */
  worker?: boolean;
  /** Also whether webhooks are dispatched. @default true */
  reconciler?: boolean;
  /** Pauses of deliveries. @default as in production */
  webhooks?: DeliveryTimes;
}

export interface Answer<T = Json> {
  status: number;
  headers: Headers;
  body: T;
}

export interface Harness {
  url: string;
  key: string;
  pool: Pool;
  databaseUrl: string;
  deps: RunDeps;
  engine: Engine;
  client: Client;
  taskQueue: string;
  workspaceDir: string;
  request<T = Json>(
    path: string,
    init?: RequestInit & { key?: string | null; json?: unknown },
  ): Promise<Answer<T>>;
  /** Submits and expects 202. */
  submit(plan: unknown, extra?: JsonObject): Promise<Run>;
  /** Waits for the run's end. */
  ended(runId: string, waitMs?: number): Promise<Run>;
  /** Submits and waits for the end. */
  run(plan: unknown, extra?: JsonObject): Promise<Run>;
  step(runId: string, stepId: string): Promise<StepDetail>;
  ledger(runId: string): Promise<RunLedger>;
  /** What is wrong with the ledger, and the runs whose end is not their last event. */
  audit(): Promise<unknown[]>;
  /** What a key of the tenant submits by, past HTTP: the parts of a submission and of its dependencies. */
  submitterOf(tenantId: string): Promise<{ key: ApiKey; requestId: string }>;
  rates: RateLimiter;
  createKey(tenantId: string, limitMicroCents?: number | null, role?: Role): Promise<string>;
  /** Another api on the same database, which knows nothing of what this one remembers of keys. */
  startServer(keys?: KeyCache): Promise<Listening>;
  startWorker(): Promise<RunWorker>;
  stop(): Promise<void>;
}

/** AOS in this process, on a database and a task queue of its own, over the suite's Postgres and Temporal. */
export async function startHarness(options: HarnessOptions = {}): Promise<Harness> {
  const { onLog } = options;
  const logger = onLog
    ? createLogger('debug', 'test', { write: onLog })
    : createLogger('silent', 'test');
  const metrics = createMetrics({ service: 'both', isSkill: (id) => deps.skills.has(id) });
  const report = reportCommitted({ metrics, logger });
  const database = await createTestDatabase({
    onCommitted: (events) => {
      report(events);
      wakeReaders(wakeups, events);
    },
  });
  const { pool } = database;
  const redis = createRedisHints(options.redisUrl, logger);
  const wakeups = createWakeupSender(pool, redis.publish);
  const workspaceDir = await mkdtemp(join(tmpdir(), 'aos-workspace-'));
  const address = process.env['AOS_TEST_TEMPORAL_ADDRESS']!;
  const taskQueue = `test-${uuidv7()}`;
  const transforms = createTransformPool({});
  const workspace = createWorkspace({ root: workspaceDir });
  const prices = parseHttpPrices(options.httpPrices ?? '');
  const egress = createEgressGuard({ allow: parseEgressAllow(options.egressAllow ?? '') });
  const { llm } = readConfig(options.llm ?? {});
  const llmInvoke = createLlmInvoke({ settings: llm, egress });
  const deps: RunDeps = {
    pool,
    skills: createRegistry(
      [
        createHttpCall({ egress, prices }),
        createJsonTransform({ pool: transforms }),
        createFsRead({ workspace }),
        createFsWrite({ workspace }),
        createEmailSend({ email: options.email }),
        llmInvoke,
        createPlanGoal({ llm: llmInvoke, contracts: () => contractsOf(deps.skills) }),
        createWebhookSend({ egress, prices, secretOf: webhookSecretOf }),
        ...(options.skills ?? []),
      ].map((skill) => measureSkill(skill, metrics)),
    ),
    priceTableVersion: `${prices.version}+${llm.prices.version}`,
    cipher: createCipher(SECRETS_KEY),
    egress,
    logger,
    metrics,
  };
  const client = createTemporalClient({ address, namespace: 'aos' });
  const engine = createEngine(client, taskQueue, {
    ...(options.continueAfterSteps !== undefined && {
      continueAfterSteps: options.continueAfterSteps,
    }),
  });
  const listener = createWakeupListener(database.url);
  redis.subscribe(listener.hear);
  const live = createLive({ pool, listener, logger });
  const streams = createStreams(options.streamLimits);
  const workers: RunWorker[] = [];
  const servers: Listening[] = [];
  // A busy machine must not look like a Redis that hangs.
  const rates = createRates({ url: options.redisUrl, logger, commandMsMax: 20_000 });
  const refusals = createRefusalRecorder({ pool, logger });

  const createKey = async (
    tenantId: string,
    limitMicroCents: number | null = null,
    role: Role = 'admin',
  ): Promise<string> => {
    const key = `aos_${uuidv7()}${uuidv7()}`;
    await withTransaction(pool, (tx) => ensureTenant(tx, tenantId, limitMicroCents));
    const row = {
      id: `key_${uuidv7()}`,
      tenantId,
      name: 'test',
      role,
      prefix: 'aos_',
    };
    await ensureApiKey(pool, { ...row, hash: hashKey(key) });
    return key;
  };
  let dispatcher: Dispatcher | undefined;
  const webhookActivities = createWebhookActivities({
    ...deps,
    times: options.webhooks,
    onRoom: () => dispatcher?.wake(),
  });
  const startWorker = async (): Promise<RunWorker> => {
    installQuietRuntime();
    const worker = await startRunWorker({
      address,
      namespace: 'aos',
      taskQueue,
      workflows: { codePath: WORKFLOW_BUNDLE },
      activities: createActivities(deps),
      webhookActivities,
      identity: `test-${process.pid}-${workers.length}`,
    });
    workers.push(worker);
    await beatWorker(pool, `test-${workers.length}`);
    return worker;
  };

  const key = await createKey('default');
  const startServer = async (
    keys: KeyCache = createKeyCache({ pool, hashKey, logger }),
  ): Promise<Listening> => {
    const started = await startApiServer(
      {
        ...deps,
        engine,
        listener,
        live,
        streams,
        hashKey,
        keys,
        webhookSecretOf,
        rates,
        refusals,
        ratePerMinute: options.ratePerMinute ?? RATE_PER_MINUTE_MAX,
        corsOrigins: options.corsOrigins ?? [],
        version: 'test',
        referenceScript: REFERENCE_SCRIPT,
      },
      { host: '127.0.0.1', port: 0 },
    );
    servers.push(started);
    return started;
  };
  const server = await startServer();
  if (options.worker !== false) await startWorker();
  const reconciler =
    options.reconciler === false ? undefined : startReconciler({ ...deps, engine }, true);
  if (reconciler)
    dispatcher = startDispatcher({ ...deps, engine, checkMs: options.webhooks?.checkMs });

  const harness: Harness = {
    url: server.url,
    key,
    pool,
    databaseUrl: database.url,
    deps,
    engine,
    client,
    taskQueue,
    workspaceDir,
    async request<T = Json>(
      path: string,
      init: RequestInit & { key?: string | null; json?: unknown } = {},
    ) {
      const { key: asKey = key, json, ...rest } = init;
      const response = await fetch(server.url + path, {
        ...rest,
        ...(json !== undefined && { body: JSON.stringify(json), method: rest.method ?? 'POST' }),
        headers: {
          ...(asKey !== null && { 'X-API-Key': asKey }),
          ...(rest.headers as Record<string, string>),
        },
      });
      const text = await response.text();
      // A page and a script are the only bodies that are no JSON.
      const isJson = /json/.test(response.headers.get('Content-Type') ?? '');
      const body = (isJson ? JSON.parse(text) : text) as T;
      const method = rest.method ?? (json === undefined ? 'GET' : 'POST');
      const { status, headers } = response;
      expectAsDocumented({ method, path, status, headers, body });
      return { status, headers, body };
    },
    async submit(plan, extra = {}) {
      const { status, body } = await harness.request<Run>('/api/v1/runs', {
        json: { plan, ...extra },
      });
      if (status !== 202) throw new Error(`submit answered ${status}: ${JSON.stringify(body)}`);
      return body;
    },
    async ended(runId, waitMs = 60_000) {
      const deadline = Date.now() + waitMs;
      for (;;) {
        const { body } = await harness.request<Run>(`/api/v1/runs/${runId}?wait=5s`);
        if (body.status !== 'queued' && body.status !== 'running') return body;
        if (Date.now() > deadline)
          throw new Error(`run ${runId} is still ${body.status}: ${JSON.stringify(body)}`);
      }
    },
    async run(plan, extra) {
      return harness.ended((await harness.submit(plan, extra)).run_id);
    },
    step: async (runId, stepId) =>
      (await harness.request<StepDetail>(`/api/v1/runs/${runId}/steps/${stepId}`)).body,
    ledger: async (runId) =>
      (await harness.request<RunLedger>(`/api/v1/runs/${runId}/ledger`)).body,
    audit: async () => [
      ...(await harness.request<{ violations: LedgerViolation[] }>('/api/v1/ledger/audit')).body
        .violations,
      ...(await listUnsealedRuns(pool)),
    ],
    async submitterOf(tenantId) {
      const { rows } = await pool.query<ApiKey>(
        `SELECT * FROM api_keys WHERE tenant_id = $1 ORDER BY created_at LIMIT 1`,
        [tenantId],
      );
      return { key: rows[0]!, requestId: 'req_test' };
    },
    rates,
    createKey,
    startServer,
    startWorker,
    async stop() {
      await reconciler?.stop();
      await dispatcher?.stop();
      const stopped = Promise.all(servers.map((each) => each.stop()));
      await listener.stop();
      await stopped;
      await streams.stop();
      await live.stop();
      await redis.stop();
      await Promise.all(workers.map((worker) => worker.stop()));
      await client.connection.close();
      await rates.stop();
      await refusals.stop();
      await transforms.stop();
      await database.drop();
      await rm(workspaceDir, { recursive: true, force: true });
    },
  };
  return harness;
}
