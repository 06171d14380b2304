import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import type { Account } from './run-program.ts';

const LAST_LINES_MAX = 20;
/** How long the last words of a child may come after its end. */
const LAST_WORDS_MS = 500;

export interface ChildOptions {
  file: string;
  args: string[];
  cwd: string;
  env: Record<string, string>;
  account?: Account | undefined;
  /** Given one line at a time, with its newline. */
  onLog: (text: string) => void;
}

/** One way to ask a child to end, and how long it has for it. */
export interface StopStep {
  signal: NodeJS.Signals;
  waitMs: number;
}

export interface Child {
  pid: number;
  /** Settles when the process has ended, for whatever reason. */
  exited: Promise<void>;
  hasExited(): boolean;
  /** The end of its log, for an error message. */
  lastLines(): string;
  /** Tries each step until the process has ended; SIGKILL is the last. */
  stop(): Promise<void>;
}

/** Starts a long-lived program whose files only its user may read and that the terminal's Ctrl-C does not reach. */
export async function startChild(options: ChildOptions, stopSteps: StopStep[]): Promise<Child> {
  const { file, args, cwd, env, account, onLog } = options;
  const process = spawn('/bin/sh', ['-c', 'umask 077; exec "$0" "$@"', file, ...args], {
    ...account,
    cwd,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  for (const input of [process.stdout, process.stderr]) {
    createInterface({ input }).on('line', (line) => {
      lines.push(line);
      if (lines.length > LAST_LINES_MAX) lines.shift();
      onLog(`${line}\n`);
    });
  }
  let ended = false;
  const closed = once(process, 'close');
  const exited = once(process, 'exit').then(async () => {
    ended = true;
    await Promise.race([closed, delay(LAST_WORDS_MS)]);
  });
  exited.catch(() => undefined);
  closed.catch(() => undefined);
  await once(process, 'spawn');

  async function stopNow(): Promise<void> {
    for (const { signal, waitMs } of [...stopSteps, { signal: 'SIGKILL' as const, waitMs: 5000 }]) {
      if (ended) break;
      process.kill(signal);
      const timer = new AbortController();
      const waited = delay(waitMs, undefined, { signal: timer.signal }).catch(() => undefined);
      await Promise.race([exited, waited]);
      timer.abort();
    }
  }

  let stopping: Promise<void> | undefined;
  return {
    pid: process.pid!,
    exited,
    hasExited: () => ended,
    lastLines: () => lines.join('\n'),
    stop: () => (stopping ??= stopNow()),
  };
}
