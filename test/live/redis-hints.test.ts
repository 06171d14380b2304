import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createRedisHints } from '../../src/live/redis-hints.ts';
import type { RedisHints } from '../../src/live/redis-hints.ts';
import { createWakeupSender } from '../../src/storage/wakeups.ts';
import type { Db } from '../../src/storage/pool.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { startRedis } from '../support/redis.ts';
import type { TestRedis } from '../support/redis.ts';

const logger = createLogger('silent', 'test');

describe('hints by Redis', () => {
  let redis: TestRedis;
  let sender: RedisHints;
  let reader: RedisHints;
  let heard: string[] = [];
  let tell: (hint: string) => void = () => {};

  beforeAll(async () => {
    redis = await startRedis();
    sender = createRedisHints(redis.url, logger);
    reader = createRedisHints(redis.url, logger);
    reader.subscribe((hint) => {
      heard.push(hint);
      tell(hint);
    });
  });
  afterAll(async () => {
    await sender.stop();
    await reader.stop();
    await redis.stop();
  });

  /** Sends until it has arrived: a connection may not be there yet. */
  const arrives = async (hint: string): Promise<void> => {
    const arrived = new Promise<void>((resolve) => {
      tell = (each) => each === hint && resolve();
    });
    const timer = setInterval(() => void sender.publish(hint), 20);
    await arrived;
    clearInterval(timer);
  };

  test('reach readers, and those of a Redis that was away and has come back', async () => {
    await arrives('run_a tenant/t');
    await redis.kill();
    await redis.start();
    await arrives('run_b');
    expect(new Set(heard)).toEqual(new Set(['run_a tenant/t', 'run_b']));
    heard = [];
  });

  test('go by Postgres while Redis does not answer, and whoever has none', async () => {
    const sent: unknown[] = [];
    let told: () => void = () => {};
    const db: Db = {
      query: ((_text: string, values: unknown[]) => {
        sent.push(values[1]);
        told();
        return Promise.resolve();
      }) as unknown as Db['query'],
    };
    const viaPostgres = async (hints: RedisHints, name: string): Promise<void> => {
      const done = new Promise<void>((resolve) => {
        told = resolve;
      });
      createWakeupSender(db, hints.publish).wake(name);
      await done;
    };
    await arrives('run_c');
    redis.freeze();
    await viaPostgres(sender, 'run_frozen');
    redis.thaw();
    await redis.kill();
    await viaPostgres(sender, 'run_killed');
    const none = createRedisHints(undefined, logger);
    none.subscribe(() => {});
    await viaPostgres(none, 'run_without');
    await none.stop();
    expect(sent).toEqual(['run_frozen', 'run_killed', 'run_without']);
  });
});
