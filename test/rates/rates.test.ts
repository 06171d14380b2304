import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createMemoryRates } from '../../src/rates/memory-rates.ts';
import type { RateLimiter } from '../../src/rates/rate-limiter.ts';
import { createRedisRates } from '../../src/rates/redis-rates.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { startRedis } from '../support/redis.ts';
import type { TestRedis } from '../support/redis.ts';

const MINUTE_MS = 60_000;
const silent = createLogger('silent', 'test');
/** A busy machine must not look like a Redis that hangs. */
const PATIENT_MS = 20_000;

/** Asks until the answer is what is waited for. */
async function until<T>(ask: () => Promise<T>, isIt: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isIt(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const answering = async (rates: RateLimiter): Promise<RateLimiter> => {
  await until(
    () => rates.take('nobody', 1),
    () => !rates.state().degraded,
  );
  return rates;
};

let redis: TestRedis;
let made: RateLimiter[] = [];
beforeAll(async () => {
  redis = await startRedis();
});
afterEach(async () => {
  await Promise.all(made.map((rates) => rates.stop()));
  made = [];
});
afterAll(() => redis.stop());

const keep = <T extends RateLimiter>(rates: T): T => {
  made.push(rates);
  return rates;
};
const patient = (windowMs = MINUTE_MS) =>
  answering(
    keep(createRedisRates({ url: redis.url, logger: silent, commandMsMax: PATIENT_MS, windowMs })),
  );

describe.each([
  [
    'memory',
    async (windowMs?: number) => keep(createMemoryRates({ windowMs: windowMs ?? MINUTE_MS })),
  ],
  ['Redis', (windowMs?: number) => patient(windowMs)],
])('rates in %s', (store, create) => {
  const subject = (name: string) => `${store}/${name}`;

  test('allow as many as the limit says, and none more', async () => {
    const rates = await create();
    const taken = [];
    for (let n = 0; n < 5; n += 1) taken.push(await rates.take(subject('a'), 3));
    expect(taken.map(({ allowed, remaining }) => [allowed, remaining])).toEqual([
      [true, 2],
      [true, 1],
      [true, 0],
      [false, 0],
      [false, 0],
    ]);
    for (const { perMinute, resetMs } of taken) {
      expect(perMinute).toBe(3);
      expect(resetMs).toBeGreaterThan(0);
      expect(resetMs).toBeLessThanOrEqual(MINUTE_MS);
    }
  });

  test('let exactly the limit through when all come at once', async () => {
    const rates = await create();
    const taken = await Promise.all(
      Array.from({ length: 200 }, () => rates.take(subject('crowd'), 50)),
    );
    expect(taken.filter(({ allowed }) => allowed)).toHaveLength(50);
  });

  test('count every subject by itself, each against its own limit', async () => {
    const rates = await create();
    await Promise.all(Array.from({ length: 20 }, () => rates.take(subject('greedy'), 5)));
    expect((await rates.take(subject('greedy'), 5)).allowed).toBe(false);
    expect(await rates.take(subject('modest'), 7)).toMatchObject({
      allowed: true,
      perMinute: 7,
      remaining: 6,
    });
  });

  test('go by the limit that a subject has at the moment', async () => {
    const rates = await create();
    for (let n = 0; n < 4; n += 1) await rates.take(subject('raised'), 3);
    expect((await rates.take(subject('raised'), 10)).remaining).toBe(5);
    expect(await rates.take(subject('raised'), 2)).toMatchObject({ allowed: false, remaining: 0 });
  });

  test('look without counting', async () => {
    const rates = await create();
    expect(await rates.look(subject('seen'), 3)).toEqual({
      perMinute: 3,
      remaining: 3,
      resetMs: 0,
    });
    await rates.take(subject('seen'), 3);
    for (let n = 0; n < 3; n += 1) {
      const { remaining, resetMs } = await rates.look(subject('seen'), 3);
      expect(remaining).toBe(2);
      expect(resetMs).toBeGreaterThan(0);
    }
  });

  test('begin anew when the window is over, however often was asked within it', async () => {
    const rates = await create(1000);
    await rates.take(subject('again'), 1);
    const next = await until(
      () => rates.take(subject('again'), 1),
      ({ allowed }) => allowed,
    );
    expect(next.remaining).toBe(0);
  });
});

describe('rates in memory', () => {
  test('keep no more subjects than they may, and forget the idlest first', async () => {
    const rates = keep(createMemoryRates({ subjectsMax: 100 }));
    await rates.take('busy', 10);
    for (let n = 0; n < 1_000; n += 1) {
      await rates.take(`passer-by ${n}`, 10);
      if (n % 50 === 0) await rates.take('busy', 1_000);
    }
    expect((await rates.look('busy', 1_000)).remaining).toBe(1_000 - 21);
    expect((await rates.look('passer-by 0', 10)).remaining).toBe(10);
    expect((await rates.look('passer-by 999', 10)).remaining).toBe(9);
    expect(rates.state()).toEqual({ store: 'memory', degraded: false });
  });
});

describe('rates in Redis', () => {
  test('are one count for all processes', async () => {
    const [first, second] = [await patient(), await patient()];
    for (let n = 0; n < 3; n += 1) {
      await first.take('shared', 6);
      await second.take('shared', 6);
    }
    expect(await first.take('shared', 6)).toMatchObject({ allowed: false });
    expect(await second.take('shared', 6)).toMatchObject({ allowed: false });
    expect(first.state()).toEqual({ store: 'redis', degraded: false });
  });

  test('go on in memory when Redis is gone, say so, and return to it', async () => {
    const lines: string[] = [];
    const logger = createLogger('info', 'test', { write: (line) => void lines.push(line) });
    const rates = await answering(
      keep(createRedisRates({ url: redis.url, logger, commandMsMax: PATIENT_MS })),
    );
    for (let n = 0; n < 3; n += 1) await rates.take('survivor', 5);
    await redis.kill();
    const taken = [];
    for (let n = 0; n < 6; n += 1) taken.push(await rates.take('survivor', 5));
    expect(taken.filter(({ allowed }) => allowed)).toHaveLength(5);
    expect(rates.state()).toEqual({ store: 'redis', degraded: true });
    expect((await rates.look('survivor', 5)).remaining).toBe(0);

    await redis.start();
    await answering(rates);
    expect(await rates.take('survivor', 5)).toMatchObject({ allowed: true, remaining: 4 });
    const told = lines.map((line) => (JSON.parse(line) as { event: string }).event);
    expect(told).toContain('rates.degraded');
    expect(told.at(-1)).toBe('rates.restored');
  });

  test('do not wait for a Redis that hangs', async () => {
    const rates = await answering(
      keep(createRedisRates({ url: redis.url, logger: silent, commandMsMax: 300 })),
    );
    redis.freeze();
    try {
      expect(await rates.take('patient', 5)).toMatchObject({ allowed: true, remaining: 4 });
      expect(rates.state()).toEqual({ store: 'redis', degraded: true });
      for (let n = 1; n < 12; n += 1) await rates.take('patient', 5);
    } finally {
      redis.thaw();
    }
    await answering(rates);
    // Now it does all that it was asked meanwhile: only now and then one found out whether it answers again.
    const { remaining } = await rates.look('patient', 100);
    expect(100 - remaining).toBeGreaterThan(0);
    expect(100 - remaining).toBeLessThan(12);
  });

  test('make their connection anew when nothing comes over it any more', async () => {
    const proxy = createServer();
    const { port } = new URL(redis.url);
    let connections = 0;
    // The first connection carries on until it is told to hold everything back, without an end.
    let isHeld = false;
    proxy.on('connection', (client) => {
      connections += 1;
      const isFirst = connections === 1;
      const server = connect(Number(port), '127.0.0.1');
      client.on('data', (chunk) => {
        if (!(isFirst && isHeld)) server.write(chunk);
      });
      server.on('data', (chunk) => client.write(chunk));
      for (const [one, other] of [
        [client, server],
        [server, client],
      ] as const) {
        one.on('error', () => {});
        one.on('close', () => other.destroy());
      }
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const url = `redis://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const rates = await answering(
      keep(createRedisRates({ url, logger: silent, commandMsMax: 1_000 })),
    );
    isHeld = true;
    await until(
      () => rates.take('waiting', 5),
      () => rates.state().degraded,
    );
    await answering(rates);
    expect(connections).toBeGreaterThan(1);
    await rates.stop();
    proxy.close();
  });

  test('do not wait for an answer that a lost connection can no longer bring', async () => {
    const rates = await answering(
      keep(createRedisRates({ url: redis.url, logger: silent, commandMsMax: 1_000_000 })),
    );
    redis.freeze();
    const startedMs = performance.now();
    const taken = rates.take('cut off', 5);
    await redis.kill();
    expect(await taken).toMatchObject({ allowed: true, remaining: 4 });
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    await redis.start();
  });

  test('start without Redis, and do not hinder a stop', async () => {
    const rates = createRedisRates({ url: 'redis://127.0.0.1:1', logger: silent });
    expect(await rates.take('early', 1)).toMatchObject({ allowed: true });
    expect(await rates.take('early', 1)).toMatchObject({ allowed: false });
    expect(rates.state()).toEqual({ store: 'redis', degraded: true });
    await rates.stop();
    await rates.stop();
  });
});
