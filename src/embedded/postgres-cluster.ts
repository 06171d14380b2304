import { randomBytes } from 'node:crypto';
import { chown, mkdtemp, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AosError } from '../contracts/failures.ts';
import { readProcess } from './running-process.ts';
import { endOf, runProgram } from './run-program.ts';
import type { Account } from './run-program.ts';

const DRAFT_PREFIX = 'draft-';
const INITDB_MS_MAX = 120_000;
const ORPHAN_STOP_SECONDS_MAX = 30;

/** Where one Postgres lives: its programs, its folder, who runs it. */
export interface PostgresPlace {
  bin: string;
  home: string;
  account: Account | undefined;
}

/** Postgres decides by its environment in which language and time zone it speaks. */
export const POSTGRES_ENV = { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' };
/** A setting of ours that Postgres only carries: its command line then tells who looks after it. */
export const SUPERVISOR_SETTING = 'aos.supervisor_pid';

type Home = Pick<PostgresPlace, 'home'>;
export const dataOf = ({ home }: Home): string => join(home, 'data');
export const lockFileOf = (place: Home): string => join(dataOf(place), 'postmaster.pid');
const passwordFileOf = ({ home }: Home): string => join(home, 'password');

/** Makes the data folder unless there is one, and gives the password of the user `postgres`. */
export async function prepareCluster(
  place: PostgresPlace,
  onProgress: (text: string) => void,
): Promise<string> {
  const passwordFile = passwordFileOf(place);
  const data = dataOf(place);
  await removeDrafts(place);
  if (!(await stat(data).catch(() => undefined))) {
    onProgress(`Making a new database in ${data}`);
    await writePassword(passwordFile, place.account);
    await initialize(place, passwordFile);
  }
  return readPassword(place);
}

/** The password of the user `postgres`. */
export async function readPassword(place: Home): Promise<string> {
  const file = passwordFileOf(place);
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw new AosError(
      'SERVICE_UNAVAILABLE',
      `${file} cannot be read, and without its password the database beside it cannot be used. Put the ` +
        'file back, or choose another data folder.',
      {},
      { cause },
    );
  }
}

async function writePassword(file: string, account: Account | undefined): Promise<void> {
  await rm(file, { force: true });
  const handle = await open(file, 'wx', 0o600);
  try {
    if (account !== undefined) await handle.chown(account.uid, account.gid);
    await handle.writeFile(`${randomBytes(24).toString('base64url')}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function removeDrafts({ home }: PostgresPlace): Promise<void> {
  const names = (await readdir(home)).filter((name) => name.startsWith(DRAFT_PREFIX));
  const remove = (name: string) => rm(join(home, name), { recursive: true, force: true });
  // An initdb whose parent was killed may still write to its draft; a later start removes that.
  await Promise.allSettled(names.map(remove));
}

/** Under another name first: an initdb that was killed leaves nothing that looks like a database. */
async function initialize(place: PostgresPlace, passwordFile: string): Promise<void> {
  const { bin, account } = place;
  const draft = await mkdtemp(join(place.home, DRAFT_PREFIX));
  if (account !== undefined) await chown(draft, account.uid, account.gid);
  const args = ['-D', draft, '-U', 'postgres', '--auth=scram-sha-256', `--pwfile=${passwordFile}`];
  args.push('--encoding=UTF8', '--locale=C', '--locale-provider=builtin');
  args.push('--builtin-locale=C.UTF-8', '--no-instructions');
  const options = { account, env: POSTGRES_ENV, timeoutMs: INITDB_MS_MAX };
  const { ok, output } = await runProgram(join(bin, 'initdb'), args, options);
  if (!ok) {
    throw new AosError(
      'SERVICE_UNAVAILABLE',
      `initdb could not make a database in ${draft}: ${endOf(output)}. Check the free space and the ` +
        'rights of the folder, then start again.',
    );
  }
  await rename(draft, dataOf(place));
}

/** Stops the Postgres of this data folder if the process that looked after it was killed. */
export async function stopOrphan(place: PostgresPlace): Promise<void> {
  const data = dataOf(place);
  const lock = await readFile(lockFileOf(place), 'utf8').catch(() => '');
  const pid = Number.parseInt(lock, 10);
  const found = Number.isInteger(pid) ? await readProcess(pid) : undefined;
  if (!found?.command.includes(data)) return;
  if (found.command.includes(`${SUPERVISOR_SETTING}=${found.parentPid} `)) {
    throw new AosError(
      'SERVICE_UNAVAILABLE',
      `The database in ${data} is in use by process ${found.parentPid}. Stop that AOS first, or choose ` +
        'another data folder.',
    );
  }
  const { bin, account } = place;
  for (const mode of ['fast', 'immediate']) {
    const args = ['stop', '-w', '-t', String(ORPHAN_STOP_SECONDS_MAX), '-m', mode, '-D', data];
    const timeoutMs = (ORPHAN_STOP_SECONDS_MAX + 5) * 1000;
    if ((await runProgram(join(bin, 'pg_ctl'), args, { account, env: POSTGRES_ENV, timeoutMs })).ok)
      return;
  }
}
