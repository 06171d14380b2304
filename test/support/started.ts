import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Json } from '../../src/contracts/json.ts';
import type { Run } from '../../src/contracts/run.ts';

const START = fileURLToPath(new URL('../../dist/src/bin/start.js', import.meta.url));
const CACHED_PROGRAM = fileURLToPath(new URL('../../.aos/cache/temporal-1.9.1', import.meta.url));
const run = promisify(execFile);

export interface Started {
  /** The ready line. */
  line: string;
  url: string;
  process: ChildProcess;
  /** Everything printed so far. */
  output(): string;
  request<T = Json>(path: string, json?: unknown): Promise<{ status: number; body: T }>;
  ended(runId: string): Promise<Run>;
  /** SIGINT, as Ctrl-C; resolves with the exit code. */
  interrupt(): Promise<number | null>;
  /** SIGKILL of the one process under the supervisor whose command line holds `part`. */
  killOne(part: string): Promise<void>;
  /** SIGKILL of the supervisor and of every process under it. */
  killAll(): Promise<void>;
}

/** `npm start` as a process, with nothing of the environment but what is given. Rejects with what it printed. */
export async function startAos(settings: Record<string, string>, key: string): Promise<Started> {
  const child = spawn(process.execPath, [START], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      AOS_METRICS_PORT: '0',
      AOS_WORKER_METRICS_PORT: '0',
      ...(existsSync(CACHED_PROGRAM) && { TEMPORAL_CLI: CACHED_PROGRAM }),
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const ready = new Promise<string>((resolve) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString();
      const line = /^AOS is ready.*$/m.exec(output)?.[0];
      if (line) resolve(line);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
  });
  const line = await Promise.race([ready, exited.then(([code]) => ({ code }))]);
  if (typeof line !== 'string') throw new Error(`exit ${line.code}: ${output}`);
  const url = /API (\S+)/.exec(line)![1]!;

  const started: Started = {
    line,
    url,
    process: child,
    output: () => output,
    async request<T>(path: string, json?: unknown) {
      const response = await fetch(url + path, {
        headers: { 'X-API-Key': key, 'Content-Type': 'application/json' },
        ...(json !== undefined && { method: 'POST', body: JSON.stringify(json) }),
      });
      return { status: response.status, body: (await response.json()) as T };
    },
    async ended(runId) {
      for (;;) {
        const { status, body } = await started
          .request<Run>(`/api/v1/runs/${runId}?wait=2s`)
          .catch(() => ({ status: 503, body: undefined }));
        if (status === 200 && body && body.status !== 'queued' && body.status !== 'running')
          return body;
        if (status !== 200) await new Promise((resolve) => setTimeout(resolve, 200));
      }
    },
    async interrupt() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
      return (await exited)[0];
    },
    async killOne(part) {
      for (const pid of await descendants(child.pid!)) {
        const { stdout } = await run('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({
          stdout: '',
        }));
        if (!stdout.includes(part)) continue;
        process.kill(pid, 'SIGKILL');
        return;
      }
      throw new Error(`no process with ${part} in its command line`);
    },
    async killAll() {
      const pids = await descendants(child.pid!);
      child.kill('SIGKILL');
      for (const pid of pids) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It has ended with its parent.
        }
      }
      await exited;
    },
  };
  return started;
}

async function descendants(pid: number): Promise<number[]> {
  const { stdout } = await run('ps', ['-eo', 'pid=,ppid=']);
  const pairs = stdout
    .trim()
    .split('\n')
    .map((text) => text.trim().split(/\s+/).map(Number) as [number, number]);
  const below = (parent: number): number[] =>
    pairs.filter(([, ppid]) => ppid === parent).flatMap(([child]) => [child, ...below(child)]);
  return below(pid);
}
