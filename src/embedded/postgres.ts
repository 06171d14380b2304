import { access } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { join, resolve } from 'node:path';
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
import { databaseAnswers } from './postgres-database.ts';
import { preparePostgresHome } from './postgres-home.ts';
import { endOf } from './run-program.ts';

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
  onLog: (text: string) => void;
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
  for (const deadline = Date.now() + STALE_LOCK_MS_MAX; ;) {
    const port = options.port ?? (await findFreePort());
    const child = await startServer(place, port, onLog);
    const server = `postgres://postgres:${password}@127.0.0.1:${port}`;
    if (await becomesReady(child, `${server}/postgres`)) {
      const url = `${server}/aos`;
      return { url, port, exited: child.exited, stop: () => child.stop() };
    }
    const mayRetry = options.port === undefined || (await exists(lockFileOf(place)));
    if (!mayRetry || Date.now() > deadline) throw notStarted(endOf(child.lastLines()));
    await delay(RETRY_MS);
  }
}

function startServer(place: PostgresPlace, port: number, onLog: (text: string) => void) {
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

/** False when the process ended before it answered. */
async function becomesReady(child: Child, url: string): Promise<boolean> {
  const deadline = Date.now() + READY_MS_MAX;
  try {
    while (!(await databaseAnswers(url))) {
      if (child.hasExited()) {
        await child.exited;
        return false;
      }
      if (Date.now() > deadline) throw new Error(`no answer in ${READY_MS_MAX} ms`);
      await delay(POLL_MS);
    }
    return true;
  } catch (cause) {
    await child.stop();
    throw notStarted((cause as Error).message, { cause });
  }
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

function notStarted(why: string, options?: ErrorOptions): AosError {
  return new AosError(
    'SERVICE_UNAVAILABLE',
    `Postgres did not start: ${why}. If it says that a lock file exists and no Postgres runs on that folder, ` +
      'remove the file; else correct what it says, or set DATABASE_URL to a Postgres of your own.',
    {},
    options,
  );
}
