import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Running } from './keep-running.ts';

export interface ScriptOptions {
  name: string;
  path: string;
  env: Record<string, string | undefined>;
  onLog: (text: string) => void;
}

export interface RunningScript extends Running {
  pid: number;
  /** What the script gave with its ready message. */
  facts: Record<string, string>;
}

const READY_MS = 60_000;
const STOP_MS = 11_000;
const LAST_CHUNKS = 50;

/** Runs a script of ours as a process of its own. Resolves when it says that it is ready; rejects with its last words. */
export async function startScript({
  name,
  path,
  env,
  onLog,
}: ScriptOptions): Promise<RunningScript> {
  // A group of its own: the terminal's Ctrl-C reaches the supervisor alone, which stops things in order.
  const child = fork(path, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const tail: string[] = [];
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      tail.push(text);
      if (tail.length > LAST_CHUNKS) tail.shift();
      onLog(text);
    });
  }
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.on('error', (error) => onLog(`${name}: ${error.message}\n`));
  const ready = once(child, 'message') as Promise<[Record<string, string>]>;
  const timer = setTimeout(() => child.kill('SIGKILL'), READY_MS);
  const message = await Promise.race([ready, exited]).finally(() => {
    clearTimeout(timer);
  });
  if (!message) {
    ready.catch(() => {});
    throw new Error(tail.join('').trim() || `${name} ended before it was ready.`);
  }
  return {
    pid: child.pid!,
    facts: message[0],
    exited,
    async stop() {
      child.kill('SIGTERM');
      const killer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await exited;
      clearTimeout(killer);
    },
  };
}
