/** By how much of itself a pause may be longer or shorter, so that what failed together does not come back together. */
const SPREAD = 0.1;

export interface Backoff {
  /** The pauses between attempts; after the last one there is no further attempt. */
  delaysMs: readonly number[];
  /** The longest pause that a receiver may ask for. */
  retryAfterMaxMs: number;
}

/** The pause after the attempt of this number, from 1; undefined when it was the last. `random` is from 0 to 1. */
export function pauseAfter(
  attempt: number,
  retryAfterMs: number | undefined,
  { delaysMs, retryAfterMaxMs }: Backoff,
  random: number,
): number | undefined {
  const delayMs = delaysMs[attempt - 1];
  if (delayMs === undefined) return undefined;
  const spreadMs = delayMs * (1 + SPREAD * (2 * random - 1));
  return Math.round(Math.max(spreadMs, Math.min(retryAfterMs ?? 0, retryAfterMaxMs)));
}

const FULL_MS = 1_000;
const LONGEST_FULL_MS = 5 * 60 * 1000;

/** The pause of a delivery that finds every place taken: the longer, the more others ask for one. */
export const pauseWhenFull = (rivals: number, places: number, random: number): number =>
  Math.round(Math.min(FULL_MS * (1 + rivals / places), LONGEST_FULL_MS) * (0.5 + random));
