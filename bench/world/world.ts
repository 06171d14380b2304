import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startStack } from '../../src/bin/stack.ts';
import { SETTINGS } from '../../src/config.ts';
import { RATE_PER_MINUTE_MAX } from '../../src/contracts/limits.ts';
import { startScript } from '../../src/embedded/script.ts';
import type { RunningScript } from '../../src/embedded/script.ts';
import { createBareClient } from '../bare/client.ts';
import type { BareClient } from '../bare/client.ts';
import { parentOf } from '../measure/cpu.ts';
import { openPostgresProbe } from '../measure/postgres-counters.ts';
import type { PostgresProbe } from '../measure/postgres-counters.ts';
import { prepareStatementStatistics } from '../profile/statements.ts';
import { createAosClient } from './aos-client.ts';
import type { AosClient } from './aos-client.ts';

/** Processes by what they are; `client` is the bench itself. */
export type ProcessName =
  | 'postgres'
  | 'temporal'
  | 'api'
  | 'worker'
  | 'bare worker'
  | 'dbos'
  | 'client';

/** What runs while the bench measures: all of AOS as `npm start` starts it, and a worker without AOS beside it. */
export interface World {
  aos: AosClient;
  bare: BareClient;
  probe: PostgresProbe;
  databaseUrl: string;
  /** Answers every request at once; a call of it costs money. */
  noopUrl: string;
  dataDir: string;
  pids: Record<Exclude<ProcessName, 'dbos'>, number> & { dbos?: number };
  /** Runs a script of the bench as a process of its own until the world stops. */
  startProcess(name: string, path: string, env: Record<string, string>): Promise<RunningScript>;
  log: string[];
  stop(): Promise<void>;
}

const NAMESPACE = 'aos';
const BARE_TASK_QUEUE = 'bare';
/** Cents for a call and for a MiB of its response: every call is held at its worst case and settled at less. */
const PRICE = '0.5+0.1/MiB';
/** Settings that this version may have: whichever has a port of its own takes none here. */
const OPTIONAL_PORTS = ['AOS_METRICS_PORT', 'AOS_WORKER_METRICS_PORT'];

const script = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

export interface WorldOptions {
  /** Where api and worker write CPU profiles when they end; Postgres then counts statements too. */
  profileDir?: string;
  onProgress: (text: string) => void;
}

export async function startWorld({ profileDir, onProgress }: WorldOptions): Promise<World> {
  const stops: (() => Promise<unknown>)[] = [];
  const stopAll = async (): Promise<void> => {
    for (const each of stops.splice(0).toReversed()) await each().catch(() => undefined);
  };
  // A signal and what fails through it both stop the world, and both wait until it has stopped.
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= stopAll());
  try {
    return await start(stops, stop, profileDir, onProgress);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  stops: (() => Promise<unknown>)[],
  stop: () => Promise<void>,
  profileDir: string | undefined,
  onProgress: (text: string) => void,
): Promise<World> {
  const log: string[] = [];
  const onLog = (text: string): void => void log.push(text);
  const dataDir = await mkdtemp(join(tmpdir(), 'aos-bench-'));
  stops.push(() => rm(dataDir, { recursive: true, force: true }));
  const startProcess = async (name: string, path: string, env: Record<string, string>) => {
    const running = await startScript({
      name,
      path,
      env: { PATH: process.env['PATH'], ...env },
      onLog,
    });
    stops.push(() => running.stop());
    return running;
  };
  const noop = await startProcess('noop', script('world/noop-server.js'), {});
  const target = `127.0.0.1:${noop.facts['port']!}`;

  if (profileDir !== undefined) await prepareStatementStatistics(dataDir, onProgress, onLog);
  const adminKey = `aos_${randomBytes(24).toString('hex')}`;
  const environment = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    TEMPORAL_CLI: process.env['TEMPORAL_CLI'],
    AOS_DATA_DIR: dataDir,
    AOS_PORT: '0',
    TEMPORAL_UI_PORT: '0',
    AOS_ADMIN_KEY: adminKey,
    AOS_EGRESS_ALLOW: target,
    AOS_HTTP_PRICES: `${target}=${PRICE}`,
    AOS_RATE_LIMIT_PER_MINUTE: String(RATE_PER_MINUTE_MAX),
    LOG_LEVEL: 'warn',
    ...Object.fromEntries(
      OPTIONAL_PORTS.filter((name) => name in SETTINGS).map((name) => [name, '0']),
    ),
  };
  // A forked process takes over the flags of its parent, and no environment variable may carry this one.
  const flags = profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`];
  process.execArgv.push(...flags);
  const stack = await startStack(environment, {
    cacheDir: resolve('.aos/cache'),
    onProgress,
    onLog,
  }).finally(() => process.execArgv.splice(process.execArgv.length - flags.length));
  stops.push(() => stack.stop());

  onProgress('Starting the worker without AOS');
  const bareWorker = await startProcess('bare', script('bare/worker.js'), {
    BENCH_ADDRESS: stack.temporalAddress,
    BENCH_NAMESPACE: NAMESPACE,
    BENCH_TASK_QUEUE: BARE_TASK_QUEUE,
  });
  const bare = createBareClient(stack.temporalAddress, NAMESPACE, BARE_TASK_QUEUE);
  stops.push(() => bare.close());
  const aos = createAosClient(stack.apiUrl, adminKey);
  stops.push(() => aos.close());
  const probe = await openPostgresProbe(stack.databaseUrl, parentOf);
  stops.push(() => probe.close());
  const temporal = await readFile(join(dataDir, 'temporal.pid.json'), 'utf8');

  return {
    aos,
    bare,
    probe,
    databaseUrl: stack.databaseUrl,
    noopUrl: `http://${target}/`,
    dataDir,
    pids: {
      postgres: probe.serverPid,
      temporal: (JSON.parse(temporal) as { pid: number }).pid,
      ...stack.pids,
      'bare worker': bareWorker.pid,
      client: process.pid,
    },
    startProcess,
    log,
    stop,
  };
}
