import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { dataOf, lockFileOf, readPassword } from './postgres-cluster.ts';
import { isRunning } from './running-process.ts';

/** The URL of the database of a data folder, if its Postgres runs and takes work: its lock file tells where. */
export async function findRunningPostgres(dataDir: string): Promise<string | undefined> {
  const home = await realpath(join(dataDir, 'postgres')).catch(() => undefined);
  if (home === undefined) return undefined;
  const lock = await readFile(lockFileOf({ home }), 'utf8').catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    },
  );
  const [pid, , , port, , , , state] = lock.split('\n').map((line) => line.trim());
  if (state !== 'ready' || !(await isRunning(Number(pid), dataOf({ home })))) return undefined;
  const password = await readPassword({ home });
  return `postgres://postgres:${password}@127.0.0.1:${port}/aos`;
}
