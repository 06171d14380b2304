import { access } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { join, resolve } from 'node:path';
import { AosError } from '../contracts/failures.ts';
import type { Child } from './child.ts';
import { findFreePort, isPortFree } from './free-port.ts';
import { findPostgresAccount } from './postgres-account.ts';
import { preparePostgresBinaries } from './postgres-binaries.ts';
import { lockFileOf, prepareCluster, stopOrphan } from './postgres-cluster.ts';
import { databaseAnswers } from './postgres-database.ts';
import { preparePostgresHome } from './postgres-home.ts';
import { startPostgresProcess } from './postgres-process.ts';
import { endOf } from './run-program.ts';

/** A recovery after a crash replays the log of at most some minutes. */
const READY_MS_MAX = 60_000;
/** After SIGKILL, the processes of the old Postgres may hold its shared memory for some seconds. */
const STALE_LOCK_MS_MAX = 20_000;
/** A port that was free may be taken before Postgres listens on it. */
const TRIES_MAX = 3;
const RETRY_MS = 250;
const POLL_MS = 25;

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
  pid: number;
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
  await stopOrphan(place);
  if (options.port !== undefined && !(await isPortFree(options.port))) {
    throw new AosError(
      'SERVICE_UNAVAILABLE',
      `Port ${options.port} of 127.0.0.1 is busy, so Postgres cannot listen there. Stop what uses it, or set ` +
        'AOS_POSTGRES_PORT to a free port.',
    );
  }
  const password = await prepareCluster(place, onProgress);
  const deadline = Date.now() + STALE_LOCK_MS_MAX;
  for (let tries = 1; ; tries += 1) {
    const port = options.port ?? (await findFreePort());
    const child = await startPostgresProcess(place, port, onLog);
    const server = `postgres://postgres:${password}@127.0.0.1:${port}`;
    if (await becomesReady(child, `${server}/postgres`)) {
      const url = `${server}/aos`;
      return { url, port, pid: child.pid, exited: child.exited, stop: () => child.stop() };
    }
    const isStale = Date.now() < deadline && (await exists(lockFileOf(place)));
    if (!isStale && tries >= TRIES_MAX) throw notStarted(endOf(child.lastLines()));
    await delay(RETRY_MS);
  }
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
