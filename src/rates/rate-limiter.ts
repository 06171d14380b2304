import type { RateLimitStore } from '../contracts/routes/system.ts';

/** Where a subject stands in the present window. */
export interface Rate {
  perMinute: number;
  remaining: number;
  /** Until the window ends and the count starts from 0 again. */
  resetMs: number;
}

/** Counts requests by subject (`key/…`, `agent/…`, `address/…`) in windows of a minute. */
export interface RateLimiter {
  /** Counts one; `allowed` is false when it is more than the limit. */
  take(subject: string, perMinute: number): Promise<Rate & { allowed: boolean }>;
  /** Where the subject stands, without counting. */
  look(subject: string, perMinute: number): Promise<Rate>;
  state(): RateLimitStore;
  stop(): Promise<void>;
}
