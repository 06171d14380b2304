import { LRUCache } from 'lru-cache';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { RATE_SUBJECTS_MAX, RATE_WINDOW_MS } from '../contracts/limits.ts';
import { NOTHING, toRate, toTaken } from './count.ts';
import type { RateLimiter } from './rate-limiter.ts';

export interface MemoryRatesOptions {
  /** @default RATE_WINDOW_MS */
  windowMs?: number;
  /** Subjects counted at once; the ones not seen for longest are forgotten first. @default RATE_SUBJECTS_MAX */
  subjectsMax?: number;
}

/** Counts in this process. */
export function createMemoryRates({
  windowMs = RATE_WINDOW_MS,
  subjectsMax = RATE_SUBJECTS_MAX,
}: MemoryRatesOptions = {}): RateLimiter {
  // `penalty` counts and never refuses, so one counter serves every limit; its own `points` mean nothing.
  const counter = new RateLimiterMemory({ points: 1, duration: windowMs / 1000 });
  const seen = new LRUCache<string, true>({
    max: subjectsMax,
    dispose: (_, subject, reason) => {
      if (reason !== 'set') void counter.delete(subject);
    },
  });
  return {
    async take(subject, perMinute) {
      seen.set(subject, true);
      return toTaken(await counter.penalty(subject, 1), perMinute);
    },
    async look(subject, perMinute) {
      const count = await counter.get(subject);
      // A window that is over may still be there until its timer runs.
      return toRate(count && count.msBeforeNext > 0 ? count : NOTHING, perMinute);
    },
    state: () => ({ store: 'memory', degraded: false }),
    stop: async () => seen.clear(),
  };
}
