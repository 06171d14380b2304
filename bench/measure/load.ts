import { performance } from 'node:perf_hooks';

export interface Load {
  elapsedMs: number;
  /** Of each piece of work, from its start to its end. */
  latenciesMs: number[];
}

/** Does `count` pieces of work, `inFlight` of them at a time; the first that fails ends it all. */
export async function runLoad(
  count: number,
  inFlight: number,
  work: () => Promise<void>,
): Promise<Load> {
  const latenciesMs: number[] = [];
  let begun = 0;
  const lane = async (): Promise<void> => {
    while (begun < count) {
      begun += 1;
      const startedAt = performance.now();
      await work();
      latenciesMs.push(performance.now() - startedAt);
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: Math.min(count, inFlight) }, lane));
  return { elapsedMs: performance.now() - startedAt, latenciesMs };
}
