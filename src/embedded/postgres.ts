import { access } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { AosError } from '../contracts/failures.ts';
import { startChild } from './child.ts';
import type { Child } from './child.ts';
import { findFreePort, isPortFree } from './free-port.ts';
import { findPostgresAccount } from './postgres-account.ts';
import { preparePostgresBinaries } from './postgres-binaries.ts';
import {
  dataOf,
  lockFileOf,
  POSTGRES_ENV,
  prepareCluster,
  stopOrphan,
  SUPERVISOR_SETTING,
} from './postgres-cluster.ts';
import type { PostgresPlace } from './postgres-cluster.ts';
import { preparePostgresHome } from './postgres-home.ts';
import { lastLineOf } from './run-program.ts';

/** A recovery after a crash replays the log of at most some minutes. */
const READY_MS_MAX = 60_000;
/** After SIGKILL, the processes of the old Postgres may hold its shared memory for some seconds. */
const STALE_LOCK_MS_MAX = 20_000;
const RETRY_MS = 250;
const POLL_MS = 25;
/** A fast shutdown, then an immediate one. */
const STOP_STEPS = [
  { signal: 'SIGINT' as const, waitMs: 10_000 },
  { signal: 'SIGQUIT' as const, waitMs: 10_000 },
];

export interface EmbeddedPostgresOptions {
  dataDir: string;
  /** @default a free port */
  port?: number | undefined;
  /** Where root puts the data if the user of the database may not enter dataDir. @default '/var/lib/aos' */
  outsideDir?: string;
  onProgress: (text: string) => void;
  onLog: (line: string) => void;
}

export interface EmbeddedPostgres {
  /** Holds the password. */
  url: string;
  port: number;
  /** Settles when Postgres has ended, asked or not. */
  exited: Promise<void>;
  stop(): Promise<void>;
}

/** Starts the Postgres of a data folder, with a database `aos`; what a killed parent left behind is cleared up first. */
export async function startEmbeddedPostgres(
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const { outsideDir = '/var/lib/aos', onProgress, onLog } = options;
  const dataDir = resolve(options.dataDir);
  const account = await findPostgresAccount(join(dataDir, 'postgres', 'data'));
  const home = await preparePostgresHome({ dataDir, account, outsideDir, onProgress });
  const place = { home, account, bin: await preparePostgresBinaries(home, account) };
  const password = await prepareCluster(place, onProgress);
  await stopOrphan(place);
  if (options.port !== undefined && !(await isPortFree(options.port))) {
    throw new AosError(
      'SERVICE_UNAVAILABLE',
      `Port ${options.port} of 127.0.0.1 is busy, so Postgres cannot listen there. Stop what uses it, or set ` +
        'AOS_POSTGRES_PORT to a free port.',
    );
  }
  for (const deadline = Date.now() + STALE_LOCK_MS_MAX; ; ) {
    const port = options.port ?? (await findFreePort());
    const child = await startServer(place, port, onLog);
    if (await becomesReady(child, port, password)) {
      const url = urlOf(port, password, 'aos');
      return { url, port, exited: child.exited, stop: child.stop };
    }
    const mayRetry = options.port === undefined || (await exists(lockFileOf(place)));
    if (!mayRetry || Date.now() > deadline) throw notStarted(place, child);
    await delay(RETRY_MS);
  }
}

function startServer(place: PostgresPlace, port: number, onLog: (line: string) => void) {
  const settings = [
    // With a space behind its value, as stopOrphan looks for it.
    `${SUPERVISOR_SETTING}=${process.pid}`,
    'listen_addresses=127.0.0.1',
    `port=${port}`,
    'unix_socket_directories=',
    'max_connections=200',
    'shared_buffers=128MB',
    'wal_compression=on',
    'fsync=on',
    'synchronous_commit=on',
    'timezone=UTC',
    'log_timezone=UTC',
  ];
  const args = ['-D', dataOf(place), ...settings.flatMap((setting) => ['-c', setting])];
  const { bin, home: cwd, account } = place;
  const file = join(bin, 'postgres');
  return startChild({ file, args, cwd, env: POSTGRES_ENV, account, onLog }, STOP_STEPS);
}

const urlOf = (port: number, password: string, database: string): string =>
  `postgres://postgres:${password}@127.0.0.1:${port}/${database}`;

/** False when the process ended before it answered. */
async function becomesReady(child: Child, port: number, password: string): Promise<boolean> {
  const deadline = Date.now() + READY_MS_MAX;
  for (;;) {
    try {
      await createDatabase(urlOf(port, password, 'postgres'));
      return true;
    } catch (error) {
      if (child.hasExited()) {
        await child.exited;
        return false;
      }
      if (isStarting(error) && Date.now() < deadline) await delay(POLL_MS);
      else {
        await child.stop();
        throw error;
      }
    }
  }
}

const CANNOT_CONNECT_NOW = '57P03';
const isStarting = (error: unknown): boolean =>
  [CANNOT_CONNECT_NOW, 'ECONNREFUSED', 'ECONNRESET'].includes(
    (error as { code?: string }).code ?? '',
  );

async function createDatabase(connectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5000 });
  // Without a listener an error of the idle connection ends this process.
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rowCount } = await client.query(`SELECT FROM pg_database WHERE datname = 'aos'`);
    if (rowCount === 0) await client.query('CREATE DATABASE aos');
  } finally {
    await client.end();
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

function notStarted(place: PostgresPlace, child: Child): AosError {
  return new AosError(
    'SERVICE_UNAVAILABLE',
    `Postgres did not start on ${dataOf(place)}: ${lastLineOf(child.lastLines())}. If it says that a lock file ` +
      'exists and no Postgres runs there, remove postmaster.pid from that folder; then start again.',
  );
}
