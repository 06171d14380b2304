import { createMemoryRates } from './memory-rates.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { createRedisRates } from './redis-rates.ts';
import type { RedisRatesOptions } from './redis-rates.ts';

/** The counter of requests: in a Redis when there is one, else in this process. */
export const createRates = ({
  url,
  ...options
}: Omit<RedisRatesOptions, 'url'> & { url: string | undefined }): RateLimiter =>
  url === undefined ? createMemoryRates(options) : createRedisRates({ url, ...options });
