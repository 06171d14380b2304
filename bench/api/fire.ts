import { performance } from 'node:perf_hooks';
import autocannon from 'autocannon';
import { cpuSecondsOf } from '../measure/cpu.ts';
import { quantile } from '../measure/statistics.ts';
import { startFlood } from './flood.ts';
import type { Flood } from './flood.ts';

/** One request, sent over and over. */
export interface Target {
  url: string;
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: string;
  /** What every answer is to be. */
  status: number;
  /** The process that answers. */
  pid: number;
  /** What is sent meanwhile, and is not measured. */
  amid?: Flood;
}

export interface Series {
  requests: number;
  requestsPerSecond: number;
  p50Ms: number;
  p95Ms: number;
  p99Ms: number;
  /** CPU time of the process that answers, for one request. */
  cpuMs: number;
}

export const CONNECTIONS = 20;

/** The figures of a series; the time is that of the series, not of its requests. */
export const seriesOf = (
  latenciesMs: readonly number[],
  { elapsedMs, cpuSeconds }: { elapsedMs: number; cpuSeconds: number },
): Series => ({
  requests: latenciesMs.length,
  requestsPerSecond: (latenciesMs.length * 1000) / elapsedMs,
  p50Ms: quantile(latenciesMs, 0.5),
  p95Ms: quantile(latenciesMs, 0.95),
  p99Ms: quantile(latenciesMs, 0.99),
  cpuMs: (cpuSeconds * 1000) / latenciesMs.length,
});

/** Sends a request for some seconds over several connections. Rejects if any answer is another than it is to be. */
export async function fire(target: Target, seconds: number): Promise<Series> {
  const { status: expected, pid, amid, ...request } = target;
  const latenciesMs: number[] = [];
  const others = new Map<number, number>();
  const flood = amid && startFlood(amid);
  const startedAt = performance.now();
  const cpuBefore = cpuSecondsOf(pid);
  const { errors } = await new Promise<autocannon.Result>((resolve, reject) => {
    const options = { ...request, connections: CONNECTIONS, duration: seconds };
    const shots = autocannon(options, (error: Error | null, result) =>
      error ? reject(error) : resolve(result),
    );
    // By itself autocannon keeps whole milliseconds, which is too coarse for these answers.
    shots.on('response', (_client, status, _bytes, ms) => {
      latenciesMs.push(ms);
      if (status !== expected) others.set(status, (others.get(status) ?? 0) + 1);
    });
  });
  const elapsedMs = performance.now() - startedAt;
  const cpuSeconds = cpuSecondsOf(pid) - cpuBefore;
  await flood?.stop();
  if (errors > 0 || others.size > 0 || latenciesMs.length === 0) {
    const seen = [...others].map(([status, count]) => `${count} times ${status}`).join(', ');
    throw new Error(
      `${target.url} is to answer ${expected}: ${latenciesMs.length} answers, ${errors} errors, ${seen}`,
    );
  }
  return seriesOf(latenciesMs, { elapsedMs, cpuSeconds });
}
