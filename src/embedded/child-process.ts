import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';

export interface SupervisedProcess {
  readonly pid: number | undefined;
  /** Facts that the process gave with its ready message. */
  readonly facts: Record<string, string>;
  stop(): Promise<void>;
}

export interface SupervisedOptions {
  name: string;
  script: string;
  env: Record<string, string | undefined>;
  onLog: (text: string) => void;
}

const READY_MS = 60_000;
const STOP_MS = 13_000;
const BACKOFF_MAX_MS = 5_000;

/**
 * Runs a script of ours as a process of its own and starts it again whenever it ends by itself. Rejects when it does
 * not get ready the first time.
 */
export async function superviseProcess(options: SupervisedOptions): Promise<SupervisedProcess> {
  let stopping = false;
  let restarts = 0;
  let timer: NodeJS.Timeout | undefined;
  let current = await startOnce(options);

  const watch = (running: { child: ChildProcess }) => {
    running.child.once('exit', (code, signal) => {
      if (stopping) return;
      options.onLog(`${options.name} ended (${signal ?? code}); starting it again.\n`);
      const delayMs = Math.min(200 * 2 ** restarts, BACKOFF_MAX_MS);
      restarts += 1;
      timer = setTimeout(() => void again(), delayMs);
    });
  };
  const again = async () => {
    try {
      current = await startOnce(options);
      restarts = 0;
      if (stopping) await stopProcess(current.child);
      else watch(current);
    } catch (error) {
      options.onLog(`${options.name} did not start: ${String(error)}\n`);
      restarts += 1;
      if (!stopping) timer = setTimeout(() => void again(), BACKOFF_MAX_MS);
    }
  };
  watch(current);

  return {
    get pid() {
      return current.child.pid;
    },
    get facts() {
      return current.facts;
    },
    async stop() {
      stopping = true;
      clearTimeout(timer);
      await stopProcess(current.child);
    },
  };
}

function startOnce({ name, script, env, onLog }: SupervisedOptions) {
  return new Promise<{ child: ChildProcess; facts: Record<string, string> }>((resolve, reject) => {
    // A group of its own: the terminal's Ctrl-C reaches the supervisor alone, which stops things in order.
    const child = fork(script, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    const tail: string[] = [];
    const log = (chunk: Buffer) => {
      const text = chunk.toString();
      tail.push(text);
      if (tail.length > 50) tail.shift();
      onLog(text);
    };
    child.stdout?.on('data', log);
    child.stderr?.on('data', log);
    const timer = setTimeout(() => child.kill('SIGKILL'), READY_MS);
    const onExit = () => {
      clearTimeout(timer);
      reject(new Error(tail.join('').trim() || `${name} ended before it was ready.`));
    };
    child.once('exit', onExit);
    child.once('message', (message) => {
      clearTimeout(timer);
      child.off('exit', onExit);
      resolve({ child, facts: message as Record<string, string> });
    });
  });
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await ended;
  clearTimeout(timer);
}
