import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readConfig } from '../config.ts';
import type { Config, Environment } from '../config.ts';
import { takeDataFolder } from '../embedded/data-folder.ts';
import { findFreePorts, isPortFree } from '../embedded/free-port.ts';
import { keepRunning } from '../embedded/keep-running.ts';
import { startEmbeddedPostgres } from '../embedded/postgres.ts';
import { startScript } from '../embedded/script.ts';
import { findTemporalProgram } from '../embedded/temporal-program.ts';
import { startTemporalServer } from '../embedded/temporal-server.ts';
import { migrate } from '../storage/migrate.ts';
import { createPool } from '../storage/pool.ts';
import { ensureAdminKey } from './admin-key.ts';
import { createHashKey, ensureKeyPepper, ensureSecretsKey } from './installation-keys.ts';
import { logTo } from './log-to.ts';

export interface Stack {
  apiUrl: string;
  metricsUrls: { api: string; worker: string };
  /** Absent with a Temporal of one's own. */
  temporalUiUrl?: string;
  databaseUrl: string;
  temporalAddress: string;
  /** The admin key, if this start has made it. */
  newAdminKey?: string;
  pids: { api: number; worker: number };
  stop(): Promise<void>;
}

export interface StackOptions {
  /** Told what takes long, while it does. */
  onProgress: (text: string) => void;
  /** What api and worker print; the servers under them write to files in the data folder. */
  onLog: (text: string) => void;
  /** Where a fetched temporal program is kept; by default in the data folder. */
  cacheDir?: string;
}

const script = (name: string): string => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

/**
 * Starts all of AOS on this machine, bottom up, with the settings of `environment`; whatever fails, what had been
 * started is stopped again.
 */
export async function startStack(environment: Environment, options: StackOptions): Promise<Stack> {
  const config = readConfig(environment);
  const { onLog, onProgress } = options;
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    const errors: unknown[] = [];
    for (const each of stops.splice(0).toReversed())
      await each().catch((error) => errors.push(error));
    if (errors.length > 0) throw errors[0];
  };
  try {
    await mkdir(config.dataDir, { recursive: true });
    const folder = await takeDataFolder(config.dataDir);
    stops.push(() => folder.release());
    const { port, metricsPort, workerMetricsPort, host, metricsHost } = config;
    await refuseBusyPort('AOS_PORT', port, host);
    await refuseBusyPort('AOS_METRICS_PORT', metricsPort, metricsHost);
    await refuseBusyPort('AOS_WORKER_METRICS_PORT', workerMetricsPort, metricsHost);
    const [postgres, temporal] = await startEngines(config, stops, options);

    const databaseUrl = postgres.url;
    const directUrl = config.databaseDirectUrl ?? databaseUrl;
    await migrate(directUrl);
    const pepper = config.keyPepper ?? (await ensureKeyPepper(config.dataDir));
    const secretsKey = config.secretsKey ?? (await ensureSecretsKey(config.dataDir));
    const pool = createPool({ url: databaseUrl, connectionsMax: 1, onError: () => {} });
    const newAdminKey = await ensureAdminKey(pool, createHashKey(pepper), config.adminKey);
    await pool.end();

    const env: Environment = {
      ...environment,
      DATABASE_URL: databaseUrl,
      DATABASE_DIRECT_URL: directUrl,
      // No pooler stands before an embedded Postgres.
      ...(config.databaseUrl === undefined && { DATABASE_STATEMENTS: 'named' }),
      TEMPORAL_ADDRESS: temporal.address,
      TEMPORAL_NAMESPACE: config.temporalNamespace,
      AOS_KEY_PEPPER: pepper,
      AOS_SECRETS_KEY: secretsKey,
      AOS_DATA_DIR: config.dataDir,
      AOS_WORKSPACE_DIR: config.workspaceDir,
      // Both stores are of this folder, so a new one can only be a replaced one.
      ...(temporal.isOurs && config.databaseUrl === undefined && { AOS_ENGINE_REPLACED: '1' }),
    };
    const keepScript = async (name: keyof typeof PORTS) => {
      let ports: Environment = {};
      const start = async () => {
        const started = await startScript({
          name,
          path: script(name),
          env: { ...env, ...ports },
          onLog,
        });
        ports = portsOf(name, started.facts);
        return started;
      };
      const kept = await keepRunning(name, start, onLog);
      scripts.push(kept);
      return kept;
    };
    onProgress('Starting the worker and the api');
    const scripts: { stop(): Promise<void> }[] = [];
    stops.push(async () => void (await Promise.all(scripts.map((kept) => kept.stop()))));
    const [first, second] = await Promise.allSettled([keepScript('worker'), keepScript('api')]);
    if (first.status === 'rejected') throw first.reason;
    if (second.status === 'rejected') throw second.reason;
    const [worker, api] = [first.value, second.value];
    return {
      apiUrl: api.current.facts['url']!,
      metricsUrls: {
        api: api.current.facts['metricsUrl']!,
        worker: worker.current.facts['metricsUrl']!,
      },
      ...(temporal.uiUrl !== undefined && { temporalUiUrl: temporal.uiUrl }),
      databaseUrl,
      temporalAddress: temporal.address,
      ...(newAdminKey !== undefined && { newAdminKey }),
      get pids() {
        return { api: api.current.pid, worker: worker.current.pid };
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What a process says where it listens, and the setting that says so. */
const PORTS = {
  api: { url: 'AOS_PORT', metricsUrl: 'AOS_METRICS_PORT' },
  worker: { metricsUrl: 'AOS_WORKER_METRICS_PORT' },
} as const;

/** The ports that a process has, free ones too: should it have to be started again, it is found where it was. */
const portsOf = (name: keyof typeof PORTS, facts: Record<string, string>): Environment =>
  Object.fromEntries(
    Object.entries(PORTS[name]).map(([fact, setting]) => [
      setting,
      new URL(facts[fact]!).port || '80',
    ]),
  );

async function refuseBusyPort(setting: string, port: number, host: string): Promise<void> {
  if (port === 0 || (await isPortFree(port, host))) return;
  throw new Error(`Port ${port} on ${host} is busy. Set ${setting} to another one.`);
}

interface Temporal {
  address: string;
  uiUrl?: string;
  isOurs: boolean;
}

/** Postgres and Temporal side by side: given ones are used, missing ones are started. */
async function startEngines(
  config: Config,
  stops: (() => Promise<void>)[],
  { onProgress, onLog, cacheDir }: StackOptions,
): Promise<[{ url: string }, Temporal]> {
  const { dataDir } = config;
  // Chosen once, so that a server that has to be started again is found where it was.
  const [postgresPort, temporalPort, uiPort] = await findFreePorts(3);
  const servers: { stop(): Promise<void> }[] = [];
  const postgres = async (): Promise<{ url: string }> => {
    if (config.databaseUrl !== undefined) return { url: config.databaseUrl };
    const port = config.postgresPort || postgresPort!;
    const start = () =>
      startEmbeddedPostgres({ dataDir, port, onProgress, onLog: logTo(dataDir, 'postgres') });
    const server = await keepRunning('Postgres', start, onLog);
    servers.push(server);
    return { url: server.current.url };
  };
  const temporal = async (): Promise<Temporal> => {
    if (config.temporalAddress !== undefined)
      return { address: config.temporalAddress, isOurs: false };
    const program = await findTemporalProgram({
      ...(config.temporalCli !== undefined && { configured: config.temporalCli }),
      cacheDir: cacheDir ?? join(dataDir, 'cache'),
      onProgress,
    });
    const options = {
      program,
      dataDir,
      port: config.temporalPort || temporalPort!,
      uiPort: config.temporalUiPort || uiPort!,
      namespace: config.temporalNamespace,
      onLog: logTo(dataDir, 'temporal'),
    };
    const server = await keepRunning('Temporal', () => startTemporalServer(options), onLog);
    servers.push(server);
    return { address: server.current.address, uiUrl: server.current.uiUrl, isOurs: true };
  };
  const [first, second] = await Promise.allSettled([postgres(), temporal()]);
  stops.push(async () => void (await Promise.all(servers.map((kept) => kept.stop()))));
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
  return [first.value, second.value];
}
