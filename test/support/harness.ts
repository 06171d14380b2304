import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { uuidv7 } from 'uuidv7';
import { createActivities } from '../../activities/index.ts';
import { startApiServer } from '../../api/server.ts';
import { createHashKey } from '../../src/bin/key-pepper.ts';
import type { Json, JsonObject } from '../../src/contracts/json.ts';
import type { LedgerViolation, RunLedger } from '../../src/contracts/ledger.ts';
import type { Run, StepDetail } from '../../src/contracts/run.ts';
import type { RunDeps } from '../../src/runs/deps.ts';
import { startReconciler } from '../../src/runs/reconciler/reconciler.ts';
import { createEgressGuard, parseEgressAllow } from '../../src/skills/egress.ts';
import { createFsRead } from '../../src/skills/fs-read.ts';
import { createFsWrite } from '../../src/skills/fs-write.ts';
import { createHttpCall } from '../../src/skills/http-call.ts';
import { parseHttpPrices } from '../../src/skills/http/prices.ts';
import { createJsonTransform } from '../../src/skills/json-transform.ts';
import { createRegistry } from '../../src/skills/registry.ts';
import type { Skill } from '../../src/skills/skill.ts';
import { createTransformPool } from '../../src/skills/transform/pool.ts';
import { createWorkspace } from '../../src/skills/workspace.ts';
import { ensureApiKey } from '../../src/storage/api-keys.ts';
import { withTransaction } from '../../src/storage/pool.ts';
import type { Pool } from '../../src/storage/pool.ts';
import { ensureTenant } from '../../src/storage/tenants.ts';
import { createWakeupListener, createWakeupSender } from '../../src/storage/wakeups.ts';
import { beatWorker } from '../../src/storage/workers.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createTemporalClient } from '../../src/temporal/client.ts';
import { createEngine } from '../../src/temporal/engine.ts';
import type { Engine } from '../../src/temporal/engine.ts';
import { startRunWorker } from '../../src/temporal/worker.ts';
import type { RunWorker } from '../../src/temporal/worker.ts';
import { createTestDatabase } from './database.ts';

export const WORKFLOW_BUNDLE = fileURLToPath(
  new URL('../../dist/workflow-bundle.js', import.meta.url),
);
const hashKey = createHashKey('a pepper for tests, long enough');

let isRuntimeInstalled = false;

/** The engine's own log lines tell a test nothing that its assertions do not. Without a worker none is started. */
function installQuietRuntime(): void {
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
  /** @default true */
  worker?: boolean;
  /** @default true */
  reconciler?: boolean;
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
  audit(): Promise<LedgerViolation[]>;
  createKey(tenantId: string, limitMicroCents?: number | null): Promise<string>;
  startWorker(): Promise<RunWorker>;
  stop(): Promise<void>;
}

/** AOS in this process, on a database and a task queue of its own, over the suite's Postgres and Temporal. */
export async function startHarness(options: HarnessOptions = {}): Promise<Harness> {
  const database = await createTestDatabase();
  const { pool } = database;
  const workspaceDir = await mkdtemp(join(tmpdir(), 'aos-workspace-'));
  const address = process.env['AOS_TEST_TEMPORAL_ADDRESS']!;
  const taskQueue = `test-${uuidv7()}`;
  const transforms = createTransformPool({});
  const workspace = createWorkspace({ root: workspaceDir });
  const prices = parseHttpPrices(options.httpPrices ?? '');
  const egress = createEgressGuard({ allow: parseEgressAllow(options.egressAllow ?? '') });
  const logger = createLogger('silent', 'test');
  const deps: RunDeps = {
    pool,
    skills: createRegistry([
      createHttpCall({ egress, prices }),
      createJsonTransform({ pool: transforms }),
      createFsRead({ workspace }),
      createFsWrite({ workspace }),
      ...(options.skills ?? []),
    ]),
    priceTableVersion: prices.version,
    wakeups: createWakeupSender(pool),
    logger,
  };
  const client = createTemporalClient({ address, namespace: 'aos' });
  const engine = createEngine(client, taskQueue);
  const listener = createWakeupListener(database.url);
  const workers: RunWorker[] = [];

  const createKey = async (
    tenantId: string,
    limitMicroCents: number | null = null,
  ): Promise<string> => {
    const key = `aos_${uuidv7()}${uuidv7()}`;
    await withTransaction(pool, (tx) => ensureTenant(tx, tenantId, limitMicroCents));
    const row = {
      id: `key_${uuidv7()}`,
      tenantId,
      name: 'test',
      role: 'admin' as const,
      prefix: 'aos_',
    };
    await ensureApiKey(pool, { ...row, hash: hashKey(key) });
    return key;
  };
  const startWorker = async (): Promise<RunWorker> => {
    installQuietRuntime();
    const worker = await startRunWorker({
      address,
      namespace: 'aos',
      taskQueue,
      workflows: { codePath: WORKFLOW_BUNDLE },
      activities: createActivities(deps),
      identity: `test-${process.pid}-${workers.length}`,
    });
    workers.push(worker);
    await beatWorker(pool, `test-${workers.length}`);
    return worker;
  };

  const key = await createKey('default');
  const server = await startApiServer(
    { ...deps, engine, listener, hashKey, version: 'test' },
    { host: '127.0.0.1', port: 0 },
  );
  if (options.worker !== false) await startWorker();
  const reconciler =
    options.reconciler === false ? undefined : startReconciler({ ...deps, engine }, true);

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
      return { status: response.status, headers: response.headers, body: JSON.parse(text) as T };
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
    audit: async () =>
      (await harness.request<{ violations: LedgerViolation[] }>('/api/v1/ledger/audit')).body
        .violations,
    createKey,
    startWorker,
    async stop() {
      await reconciler?.stop();
      const stopped = server.stop();
      await listener.stop();
      await stopped;
      await Promise.all(workers.map((worker) => worker.stop()));
      await client.connection.close();
      await transforms.stop();
      await database.drop();
      await rm(workspaceDir, { recursive: true, force: true });
    },
  };
  return harness;
}
