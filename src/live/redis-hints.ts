import { Redis } from 'ioredis';
import type { PublishHint } from '../storage/wakeups.ts';
import type { Logger } from '../telemetry/logger.ts';

const CHANNEL = 'aos:changed';
const CONNECT_MS_MAX = 2_000;
const COMMAND_MS_MAX = 250;
const RECONNECT_MS_MAX = 1_000;
const DISCONNECT_MS_MAX = 100;

/** Hints by the pub/sub of a Redis; without one, and while it is away, they go by Postgres. */
export interface RedisHints {
  publish: PublishHint;
  /** Calls back with every hint that comes, over breaks of the connection too. */
  subscribe(onHint: (hint: string) => void): void;
  stop(): Promise<void>;
}

export function createRedisHints(url: string | undefined, logger: Logger): RedisHints {
  if (url === undefined)
    return { publish: async () => false, subscribe: () => {}, stop: async () => {} };
  const connect = (commandTimeout?: number): Redis => {
    const redis = new Redis(url, {
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      connectTimeout: CONNECT_MS_MAX,
      disconnectTimeout: DISCONNECT_MS_MAX,
      retryStrategy: (tries) => Math.min(100 * tries, RECONNECT_MS_MAX),
      ...(commandTimeout !== undefined && { commandTimeout }),
    });
    redis.on('error', (error) => logger.debug('redis.failed', { reason: error.message }));
    return redis;
  };
  const publisher = connect(COMMAND_MS_MAX);
  let subscriber: Redis | undefined;
  return {
    async publish(hint) {
      if (publisher.status !== 'ready') return false;
      return publisher.publish(CHANNEL, hint).then(
        () => true,
        () => false,
      );
    },
    subscribe(onHint) {
      const redis = (subscriber ??= connect());
      redis.on('message', (_channel, hint: string) => onHint(hint));
      redis.on('ready', () => void redis.subscribe(CHANNEL).catch(() => {}));
    },
    async stop() {
      publisher.disconnect();
      subscriber?.disconnect();
    },
  };
}
