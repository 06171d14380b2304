import type { World, ProcessName } from '../world/world.ts';
import { cpuSecondsOf, cpuSecondsOfTree } from './cpu.ts';
import { runLoad } from './load.ts';
import { quantile } from './statistics.ts';

export interface BatchOptions {
  count: number;
  inFlight: number;
  work: () => Promise<void>;
  /** Whose CPU time counts. */
  processes: readonly ProcessName[];
}

/** One series of runs and what it took. Costs are of the whole series. */
export interface Batch {
  runs: number;
  runsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  cpuSeconds: Partial<Record<ProcessName, number>>;
  walBytes: number;
  /** Transactions that were given an id; without those that did nothing but notify. */
  writingTransactions: number;
  notifications: number;
}

export async function measureBatch(
  { probe, pids }: World,
  { count, inFlight, work, processes }: BatchOptions,
): Promise<Batch> {
  const readCpu = (): [ProcessName, number][] =>
    processes.map((name) => {
      const pid = pids[name];
      if (pid === undefined) return [name, NaN];
      return [name, name === 'postgres' ? cpuSecondsOfTree(pid) : cpuSecondsOf(pid)];
    });
  const notified = probe.notifications();
  const before = await probe.read();
  const cpuBefore = new Map(readCpu());
  const load = await runLoad(count, inFlight, work);
  const cpuSeconds = Object.fromEntries(
    readCpu().map(([name, seconds]) => [name, seconds - cpuBefore.get(name)!]),
  );
  const after = await probe.read();
  const notifications = probe.notifications() - notified;
  return {
    runs: count,
    runsPerSecond: (count * 1000) / load.elapsedMs,
    p50Ms: quantile(load.latenciesMs, 0.5),
    p99Ms: quantile(load.latenciesMs, 0.99),
    cpuSeconds,
    walBytes: after.walBytes - before.walBytes,
    writingTransactions: after.writingTransactions - before.writingTransactions - notifications,
    notifications,
  };
}
