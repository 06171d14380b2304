import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startStack } from '../../src/bin/stack.ts';
import { RATE_PER_MINUTE_MAX } from '../../src/contracts/limits.ts';
import { startScript } from '../../src/embedded/script.ts';
import { createBareClient } from '../bare/client.ts';
import type { BareClient } from '../bare/client.ts';
import { parentOf } from '../measure/cpu.ts';
import { openPostgresProbe } from '../measure/postgres-counters.ts';
import type { PostgresProbe } from '../measure/postgres-counters.ts';
import { createAosClient } from '../world/aos-client.ts';

/** All of AOS as `npm start` starts it, with a run that has ended, and a server without AOS on the same Postgres. */
export interface ApiWorld {
  apiUrl: string;
  bareUrl: string;
  key: string;
  runId: string;
  databaseUrl: string;
  dataDir: string;
  probe: PostgresProbe;
  bare: BareClient;
  pids: { api: number; worker: number; bare: number };
  log: string[];
  stop(): Promise<void>;
}

const STEPS = 3;
const CONNECTIONS = '20';
const PLAN = Array.from({ length: STEPS }, (_, index) => ({
  id: `s${index}`,
  skill: 'json_transform',
  params: { data: { i: index }, query: '.' },
}));

/** With a folder for profiles, the API writes one when it ends. */
export async function startApiWorld(
  profileDir: string | undefined,
  onProgress: (text: string) => void,
): Promise<ApiWorld> {
  const log: string[] = [];
  const onLog = (text: string): void => void log.push(text);
  const stops: (() => Promise<unknown>)[] = [];
  let stopping: Promise<void> | undefined;
  const stopAll = async (): Promise<void> => {
    for (const each of stops.splice(0).toReversed()) await each().catch(() => undefined);
  };
  const stop = (): Promise<void> => (stopping ??= stopAll());
  try {
    const dataDir = await mkdtemp(join(tmpdir(), 'aos-bench-api-'));
    stops.push(() => rm(dataDir, { recursive: true, force: true }));
    const key = `aos_${randomBytes(24).toString('hex')}`;
    const environment = {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      TEMPORAL_CLI: process.env['TEMPORAL_CLI'],
      AOS_DATA_DIR: dataDir,
      AOS_PORT: '0',
      AOS_METRICS_PORT: '0',
      AOS_WORKER_METRICS_PORT: '0',
      TEMPORAL_UI_PORT: '0',
      AOS_ADMIN_KEY: key,
      AOS_RATE_LIMIT_PER_MINUTE: String(RATE_PER_MINUTE_MAX),
      LOG_LEVEL: 'warn',
    };
    const flags = profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`];
    process.execArgv.push(...flags);
    const cacheDir = resolve('.aos/cache');
    const stack = await startStack(environment, { cacheDir, onProgress, onLog }).finally(() =>
      process.execArgv.splice(process.execArgv.length - flags.length),
    );
    stops.push(() => stack.stop());
    const { apiUrl, databaseUrl } = stack;
    const client = createAosClient(apiUrl, key);
    stops.push(() => client.close());
    const { run_id: runId } = await client.execute(PLAN);
    const server = await startScript({
      name: 'bare server',
      path: fileURLToPath(new URL('./bare-server.js', import.meta.url)),
      env: {
        PATH: process.env['PATH'],
        BENCH_DATABASE_URL: databaseUrl,
        BENCH_CONNECTIONS: CONNECTIONS,
        BENCH_RUN_ID: runId,
      },
      onLog,
    });
    stops.push(() => server.stop());
    const bare = createBareClient(stack.temporalAddress, 'aos', 'none');
    stops.push(() => bare.close());
    const probe = await openPostgresProbe(databaseUrl, parentOf);
    stops.push(() => probe.close());
    const pids = { ...stack.pids, bare: server.pid };
    const bareUrl = `http://127.0.0.1:${server.facts['port']!}/`;
    return { apiUrl, bareUrl, key, runId, databaseUrl, dataDir, probe, bare, pids, log, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
