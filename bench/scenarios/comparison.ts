import { measureBatch } from '../measure/batch.ts';
import type { Batch } from '../measure/batch.ts';
import type { ProcessName } from '../world/world.ts';
import type { Bench } from './scenario.ts';

/** The same work by AOS and by a peer, in turns. */
export interface Comparison {
  name: string;
  title: string;
  stepsPerRun: number;
  aos: () => Promise<void>;
  peer: { name: string; run: () => Promise<void>; processes: readonly ProcessName[] };
  /** Runs of a series with `IN_FLIGHT` runs at once, and of one with one run at a time. */
  counts: { inFlight: number; single: number };
  /** Of the ratios AOS / peer. */
  aims: { stepsPerSecondMin?: number; p50Max?: number };
}

export interface Round {
  inFlight: { aos: Batch; peer: Batch };
  single: { aos: Batch; peer: Batch };
}

export const IN_FLIGHT = 50;
const AOS_PROCESSES: readonly ProcessName[] = ['postgres', 'temporal', 'api', 'worker', 'client'];

/** Runs the rounds: in each, AOS and the peer take turns, first with many runs in flight, then with one. */
export async function compare(
  { world, recorder, rounds, onProgress }: Bench,
  { name, title, aos, peer, counts }: Comparison,
): Promise<Round[]> {
  const series = async (count: number, inFlight: number): Promise<{ aos: Batch; peer: Batch }> => ({
    aos: await recorder.record(name, count, () =>
      measureBatch(world, { count, inFlight, work: aos, processes: AOS_PROCESSES }),
    ),
    peer: await measureBatch(world, { count, inFlight, work: peer.run, processes: peer.processes }),
  });
  onProgress(`${title}: warming up`);
  for (const work of [aos, peer.run])
    await measureBatch(world, { count: IN_FLIGHT, inFlight: IN_FLIGHT, work, processes: [] });
  const results: Round[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    onProgress(`${title}: round ${round} of ${rounds}`);
    results.push({
      inFlight: await series(counts.inFlight, IN_FLIGHT),
      single: await series(counts.single, 1),
    });
  }
  return results;
}
