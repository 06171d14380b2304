import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { quantile } from '../measure/statistics.ts';
import type { Job, JobResult } from './jobs.ts';

export interface RaceResult {
  admitted: number;
  decisionsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
}

export interface Racers {
  /** Splits the job's count among all racers and lets them go at once. */
  race(job: Job): Promise<RaceResult>;
  stop(): Promise<void>;
}

const RACER = fileURLToPath(new URL('./racer.js', import.meta.url));

export async function startRacers(
  databaseUrl: string,
  count: number,
  connectionsEach: number,
): Promise<Racers> {
  const env = {
    PATH: process.env['PATH'],
    BENCH_DATABASE_URL: databaseUrl,
    BENCH_CONNECTIONS: String(connectionsEach),
  };
  const racers = Array.from({ length: count }, () => fork(RACER, { env }));
  await Promise.all(racers.map(nextMessage));
  return {
    async race(job) {
      const startedAt = performance.now();
      const results = await Promise.all(
        racers.map(async (racer) => {
          racer.send({ ...job, count: job.count / count });
          return (await nextMessage(racer)) as JobResult;
        }),
      );
      const elapsedMs = performance.now() - startedAt;
      const latenciesMs = results.flatMap((result) => result.latenciesMs);
      return {
        admitted: results.reduce((sum, { admitted }) => sum + admitted, 0),
        decisionsPerSecond: (latenciesMs.length * 1000) / elapsedMs,
        p50Ms: quantile(latenciesMs, 0.5),
        p99Ms: quantile(latenciesMs, 0.99),
      };
    },
    async stop() {
      const ended = racers.map((racer) => once(racer, 'exit'));
      for (const racer of racers) racer.disconnect();
      await Promise.all(ended);
    },
  };
}

async function nextMessage(racer: ChildProcess): Promise<unknown> {
  const ended = new AbortController();
  const { signal } = ended;
  try {
    return await Promise.race([
      once(racer, 'message', { signal }).then(([message]) => message as unknown),
      once(racer, 'exit', { signal }).then(() => {
        throw new Error('A process of the cap race ended; its reason is above.');
      }),
    ]);
  } finally {
    ended.abort();
  }
}
