import { Redis } from 'ioredis';
import { RateLimiterRedis } from 'rate-limiter-flexible';
import { RATE_WINDOW_MS } from '../contracts/limits.ts';
import type { Logger } from '../telemetry/logger.ts';
import { NOTHING, toRate, toTaken } from './count.ts';
import { createMemoryRates } from './memory-rates.ts';
import type { RateLimiter } from './rate-limiter.ts';

const CONNECT_MS_MAX = 2000;
const RECONNECT_MS_MAX = 1000;
const DISCONNECT_MS_MAX = 100;
/** After so many in a row the connection is made anew: it may lead nowhere any more. */
const FAILED_PROBES_MAX = 3;
/** How long a Redis that failed is left alone: meanwhile no request waits for it. */
const REST_MS = 1000;

export interface RedisRatesOptions {
  url: string;
  logger: Logger;
  /** @default 250 */
  commandMsMax?: number;
  /** Whole seconds. @default RATE_WINDOW_MS */
  windowMs?: number;
}

/** Counts in a Redis, for all processes together; while it does not answer, in the memory of this process. */
export function createRedisRates({
  url,
  logger,
  commandMsMax = 250,
  windowMs = RATE_WINDOW_MS,
}: RedisRatesOptions): RateLimiter {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_MS_MAX,
    commandTimeout: commandMsMax,
    disconnectTimeout: DISCONNECT_MS_MAX,
    retryStrategy: (tries) => Math.min(100 * tries, RECONNECT_MS_MAX),
  });
  const shared = new RateLimiterRedis({
    storeClient: redis,
    keyPrefix: 'aos:rate',
    points: 1,
    duration: windowMs / 1000,
  });
  const insurance = createMemoryRates({ windowMs });
  let answers = false;
  let failedProbes = 0;
  let isToldLost = false;
  let askAgainAtMs = 0;
  let stopped = false;

  const isReady = (): boolean => redis.status === 'ready';
  const lose = (error: Error): void => {
    answers = false;
    askAgainAtMs = performance.now() + REST_MS;
    if (isToldLost || stopped) return;
    isToldLost = true;
    logger.warn('rates.degraded', { reason: error.message });
  };
  const regain = (): void => {
    answers = true;
    failedProbes = 0;
    askAgainAtMs = 0;
    if (!isToldLost) return;
    isToldLost = false;
    logger.info('rates.restored');
  };
  redis.on('error', lose);
  redis.on('close', () => lose(new Error('The connection to Redis is closed.')));
  redis.on('ready', () => (askAgainAtMs = 0));

  async function ask<T>(question: () => Promise<T>, insured: () => Promise<T>): Promise<T> {
    const nowMs = performance.now();
    if (!isReady() || nowMs < askAgainAtMs) return insured();
    // Until it is known to answer, one request at a time finds out for all.
    const isProbe = !answers;
    if (isProbe) askAgainAtMs = nowMs + REST_MS;
    try {
      const answer = await question();
      regain();
      return answer;
    } catch (error) {
      lose(error instanceof Error ? error : new Error(String(error)));
      if (isProbe && (failedProbes += 1) % FAILED_PROBES_MAX === 0) redis.disconnect(true);
      return insured();
    }
  }

  return {
    take: (subject, perMinute) =>
      ask(
        async () => toTaken(await shared.penalty(subject, 1), perMinute),
        () => insurance.take(subject, perMinute),
      ),
    look: (subject, perMinute) =>
      ask(
        async () => toRate((await shared.get(subject)) ?? NOTHING, perMinute),
        () => insurance.look(subject, perMinute),
      ),
    state: () => ({ store: 'redis', degraded: !isReady() || !answers }),
    async stop() {
      stopped = true;
      redis.disconnect();
      await insurance.stop();
    },
  };
}
