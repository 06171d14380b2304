import type { Rate } from './rate-limiter.ts';

/** What a store knows of a subject. */
export interface Count {
  consumedPoints: number;
  msBeforeNext: number;
}

/** A subject of which no window is open. */
export const NOTHING: Count = { consumedPoints: 0, msBeforeNext: 0 };

/** Where a count stands against a limit: one count serves whatever limit the subject has at the moment. */
export const toRate = ({ consumedPoints, msBeforeNext }: Count, perMinute: number): Rate => ({
  perMinute,
  remaining: Math.max(0, perMinute - consumedPoints),
  resetMs: Math.max(0, Math.ceil(msBeforeNext)),
});

export const toTaken = (count: Count, perMinute: number): Rate & { allowed: boolean } => ({
  ...toRate(count, perMinute),
  allowed: count.consumedPoints <= perMinute,
});
