import { createHash } from 'node:crypto';
import {
  access,
  chmod,
  chown,
  constants,
  lstat,
  mkdir,
  readlink,
  realpath,
  rename,
  stat,
  symlink,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AosError } from '../contracts/failures.ts';
import { runProgram } from './run-program.ts';
import type { Account } from './run-program.ts';

export interface PostgresHomeOptions {
  dataDir: string;
  account: Account | undefined;
  /** Holds the homes of data folders that the account may not enter. */
  outsideDir: string;
  onProgress: (text: string) => void;
}

/**
 * Prepares `<dataDir>/postgres`, the folder of everything that Postgres keeps, and gives its real path.
 * Where the account may not enter dataDir it is a link to a folder outside: the link is the record that later starts follow.
 */
export async function preparePostgresHome(options: PostgresHomeOptions): Promise<string> {
  const { dataDir, account } = options;
  const home = join(dataDir, 'postgres');
  if (account === undefined) return prepareOwnHome(home);
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  const existing = await lstat(home).catch(() => undefined);
  await letPass(dataDir, account);
  const mayEnter = await canEnter(dataDir, account);
  if (existing === undefined && !mayEnter) await linkOutside(home, options);
  if (existing?.isSymbolicLink() || (existing === undefined && !mayEnter)) {
    await mkdirOpen(dirname(await readlink(home)));
    await mkdirOpen(await readlink(home));
  } else await mkdirOpen(home);
  const real = await realpath(home);
  if (await canEnter(real, account)) return real;
  throw new AosError(
    'SERVICE_UNAVAILABLE',
    `User ${account.uid}, who runs Postgres, may not enter ${real}. Give the folders above it mode 711 ` +
      '(chmod a+x), or move the data folder.',
  );
}

async function prepareOwnHome(home: string): Promise<string> {
  try {
    await mkdir(home, { recursive: true, mode: 0o700 });
    await access(home, constants.W_OK | constants.X_OK);
    return await realpath(home);
  } catch (cause) {
    throw new AosError(
      'SERVICE_UNAVAILABLE',
      `This user may not write to ${home}. Start AOS as the user who made it (or as root), or choose another ` +
        'data folder.',
      {},
      { cause },
    );
  }
}

/** A folder closed to its group is opened to the group of the account, to pass through and no more. */
async function letPass(dataDir: string, account: Account): Promise<void> {
  const { mode, uid } = await stat(dataDir);
  if ((mode & 0o071) !== 0 || uid !== 0) return;
  await chown(dataDir, uid, account.gid);
  await chmod(dataDir, (mode & 0o7777) | 0o010);
}

/** The name comes from the path of the home; a folder of that name without a link to it is of a data folder that was deleted. */
async function linkOutside(
  home: string,
  { outsideDir, onProgress }: PostgresHomeOptions,
): Promise<void> {
  const path = join(await realpath(dirname(home)), 'postgres');
  const hash = createHash('sha256').update(path).digest('hex').slice(0, 16);
  const target = join(outsideDir, `${basename(dirname(path)).replace(/^\.+/, '')}-${hash}`);
  // Never deleted: somebody may have lost the link by accident.
  if (await lstat(target).catch(() => undefined)) await rename(target, `${target}.${Date.now()}`);
  await symlink(target, home);
  onProgress(`The database goes to ${target}: its user may not enter ${dirname(path)}.`);
}

/** Root keeps the folder, others may pass through; chmod because the umask may forbid it. */
async function mkdirOpen(folder: string): Promise<void> {
  if ((await mkdir(folder, { recursive: true })) !== undefined) await chmod(folder, 0o711);
}

async function canEnter(folder: string, account: Account): Promise<boolean> {
  const args = ['-c', 'cd "$0"', folder];
  return (await runProgram('/bin/sh', args, { account, timeoutMs: 5000 })).ok;
}
