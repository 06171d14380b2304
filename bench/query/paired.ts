import { quantile } from '../measure/statistics.ts';

/** How long each of many calls took. */
export interface Latencies {
  p50Ms: number;
  p99Ms: number;
  calls: number;
}

export interface PairedLatencies {
  ours: Latencies;
  byHand: Latencies;
}

const CALLS_MIN = 7;
const WARM_UP_CALLS = 6;

const latenciesOf = (values: readonly number[]): Latencies => ({
  p50Ms: quantile(values, 0.5),
  p99Ms: quantile(values, 0.99),
  calls: values.length,
});

/** Calls of both sides in turns, so that what else the machine does weighs on both; for so long, and some at least. */
export async function measurePair(
  ours: () => Promise<unknown>,
  byHand: () => Promise<unknown>,
  forMs: number,
): Promise<PairedLatencies> {
  const timed = async (call: () => Promise<unknown>): Promise<number> => {
    const startedAt = performance.now();
    await call();
    return performance.now() - startedAt;
  };
  const measured = { ours: [] as number[], byHand: [] as number[] };
  for (let call = 0; call < WARM_UP_CALLS; call += 1) {
    await ours();
    await byHand();
  }
  const until = performance.now() + forMs;
  while (performance.now() < until || measured.ours.length < CALLS_MIN) {
    measured.ours.push(await timed(ours));
    measured.byHand.push(await timed(byHand));
  }
  return { ours: latenciesOf(measured.ours), byHand: latenciesOf(measured.byHand) };
}
