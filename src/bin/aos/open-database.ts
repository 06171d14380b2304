import { mkdir } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Config } from '../../config.ts';
import { DataFolderInUse, takeDataFolder } from '../../embedded/data-folder.ts';
import type { DataFolder } from '../../embedded/data-folder.ts';
import { startEmbeddedPostgres } from '../../embedded/postgres.ts';
import { findRunningPostgres } from '../../embedded/running-postgres.ts';
import { migrate } from '../../storage/migrate.ts';
import { isOutage, sqlStateOf } from '../../storage/pool.ts';
import { ensureKeyPepper } from '../installation-keys.ts';
import { logTo } from '../log-to.ts';

export interface OpenDatabase {
  url: string;
  pepper: string;
  /** Ends what was started for the moment. */
  stop(): Promise<void>;
}

const SCRIPT = 'aos.js';
const WAIT_MS_MAX = 60_000;
const RETRY_MS = 250;
const NO_SUCH_DATABASE = '3D000';

/**
 * The database of this installation: the configured one, else that of the data folder, whose Postgres is used where
 * `npm start` runs it and is started for the moment where nothing does.
 */
export async function openDatabase(
  config: Config,
  onProgress: (text: string) => void,
): Promise<OpenDatabase> {
  const { dataDir, databaseUrl, keyPepper } = config;
  if (databaseUrl !== undefined && keyPepper !== undefined)
    return { url: databaseUrl, pepper: keyPepper, stop: async () => {} };
  await mkdir(dataDir, { recursive: true });
  const deadline = Date.now() + WAIT_MS_MAX;
  for (;;) {
    const taken = await takeDataFolder(dataDir).catch((error: unknown) => {
      if (error instanceof DataFolderInUse) return error;
      throw error;
    });
    if (!(taken instanceof DataFolderInUse)) return startForNow(config, taken, onProgress);
    // Another of these commands stops its Postgres as soon as it is done.
    const url = taken.script === SCRIPT ? undefined : await findRunningPostgres(dataDir);
    if (url !== undefined && (await becomesCurrent(url))) {
      return { url, pepper: await pepperOf(config), stop: async () => {} };
    }
    if (Date.now() > deadline) {
      throw new Error(
        `AOS holds ${dataDir}, but no Postgres has answered there in ${WAIT_MS_MAX / 1000} s. ` +
          'If it runs with a DATABASE_URL, set that and AOS_KEY_PEPPER here too; else try again when it has started.',
      );
    }
    await delay(RETRY_MS);
  }
}

const pepperOf = ({ keyPepper, dataDir }: Config): string | Promise<string> =>
  keyPepper ?? ensureKeyPepper(dataDir);

/** Whether the database is there and has the newest schema: a first start may be about to make both. */
async function becomesCurrent(url: string): Promise<boolean> {
  try {
    await migrate(url);
    return true;
  } catch (error) {
    if (isOutage(error) || sqlStateOf(error) === NO_SUCH_DATABASE) return false;
    throw error;
  }
}

async function startForNow(
  config: Config,
  folder: DataFolder,
  onProgress: (text: string) => void,
): Promise<OpenDatabase> {
  const { dataDir } = config;
  const stops = [() => folder.release()];
  const stopAll = async () => {
    for (const each of stops.toReversed()) await each();
  };
  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= stopAll());
  try {
    onProgress(`Starting the Postgres of ${dataDir} for the moment`);
    const onLog = logTo(dataDir, 'postgres');
    const postgres = await startEmbeddedPostgres({ dataDir, onProgress, onLog });
    stops.push(() => postgres.stop());
    await migrate(postgres.url);
    return { url: postgres.url, pepper: await pepperOf(config), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
