import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { quantile } from '../measure/statistics.ts';
import type { World } from '../world/world.ts';
import { formatNumber } from './table.ts';

const SYNCS = 200;
const BLOCK = Buffer.alloc(8192);

function fdatasyncP50Ms(folder: string): number {
  const file = openSync(join(folder, 'fdatasync'), 'w');
  const latenciesMs: number[] = [];
  for (let i = 0; i < SYNCS; i += 1) {
    writeSync(file, BLOCK);
    const startedAt = performance.now();
    fdatasyncSync(file);
    latenciesMs.push(performance.now() - startedAt);
  }
  closeSync(file);
  return quantile(latenciesMs, 0.5);
}

/** One line that says where the figures come from. */
export async function describeMachine({
  dataDir,
  probe,
  bare,
}: Pick<World, 'dataDir' | 'probe' | 'bare'>): Promise<string> {
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU';
  const gib = formatNumber(totalmem() / 1024 ** 3);
  return (
    `${model}, ${availableParallelism()} cores, ${gib} GiB, ${process.platform} ${release()}; Node ${process.version}, ` +
    `Postgres ${probe.version}, Temporal ${await bare.version()}; fdatasync p50 ${formatNumber(fdatasyncP50Ms(dataDir))} ms; ` +
    `load before the start ${loadavg().map(formatNumber).join(' ')}`
  );
}
