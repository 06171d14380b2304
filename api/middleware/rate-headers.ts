import { RATE_WINDOW_MS } from '../../src/contracts/limits.ts';
import type { Rate } from '../../src/rates/rate-limiter.ts';

/** What a rate is counted for. */
export type RatePolicy = 'key' | 'address';

const WINDOW_SECONDS = RATE_WINDOW_MS / 1000;

/** The limit and where it stands, as the draft of the IETF and as older clients read it. */
export function rateHeaders(
  policy: RatePolicy,
  { perMinute, remaining, resetMs }: Rate,
): Record<string, string> {
  const resetSeconds = Math.ceil(resetMs / 1000);
  return {
    'RateLimit-Policy': `"${policy}";q=${perMinute};w=${WINDOW_SECONDS}`,
    RateLimit: `"${policy}";r=${remaining};t=${resetSeconds}`,
    'X-RateLimit-Limit': String(perMinute),
    'X-RateLimit-Remaining': String(remaining),
    'X-RateLimit-Reset': String(resetSeconds),
  };
}
