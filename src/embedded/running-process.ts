import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { runProgram } from './run-program.ts';

const POLL_MS = 50;

export interface RunningProcess {
  parentPid: number;
  command: string;
}

/** Looks at a process of this machine; undefined when there is none, or nothing of it can be seen. */
export async function readProcess(pid: number): Promise<RunningProcess | undefined> {
  return process.platform === 'linux' ? readFromProc(pid) : readFromPs(pid);
}

async function readFromProc(pid: number): Promise<RunningProcess | undefined> {
  try {
    const [status, command] = await Promise.all([
      readFile(`/proc/${pid}/status`, 'utf8'),
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
    ]);
    const parentPid = Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]);
    return { parentPid, command: command.replaceAll('\0', ' ') };
  } catch {
    // It ended, perhaps between the two reads.
    return undefined;
  }
}

async function readFromPs(pid: number): Promise<RunningProcess | undefined> {
  const args = ['-ww', '-o', 'ppid=,args=', '-p', String(pid)];
  const { ok, output } = await runProgram('ps', args, { timeoutMs: 5000 });
  const match = /^\s*(\d+)\s+(.*)/.exec(output);
  return ok && match ? { parentPid: Number(match[1]), command: match[2]! } : undefined;
}

/** Whether the process runs and its command line names `part`; a number alone may be another process by now. */
export async function isRunning(pid: number, part: string): Promise<boolean> {
  return (await readProcess(pid))?.command.includes(part) ?? false;
}

/** Ends a process that is no child of ours: SIGTERM, then SIGKILL. */
export async function endProcess(pid: number, part: string, waitMs: number): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const deadline = Date.now() + waitMs;
    if (await isRunning(pid, part)) process.kill(pid, signal);
    while (await isRunning(pid, part)) {
      if (Date.now() > deadline) break;
      await delay(POLL_MS);
    }
  }
}
