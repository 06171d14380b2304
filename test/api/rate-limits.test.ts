import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Failure } from '../../src/contracts/failures.ts';
import { RATE_PER_MINUTE_MAX } from '../../src/contracts/limits.ts';
import type { Health } from '../../src/contracts/routes/system.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';
import { converse } from '../support/raw-http.ts';
import { startRedis } from '../support/redis.ts';
import type { TestRedis } from '../support/redis.ts';

const RUNS = '/api/v1/runs';
const plan = [{ skill: 'json_transform', params: { data: 1, query: '.' } }];

interface Told {
  policy: string;
  limit: number;
  remaining: number;
  resetSeconds: number;
}

/** What an answer says of rates; its two ways of saying it agree. */
function readRate(headers: { get(name: string): string | null | undefined }): Told {
  const policy = /^"(key|address)";q=(\d+);w=60$/.exec(headers.get('ratelimit-policy') ?? '');
  const state = /^"(key|address)";r=(\d+);t=(\d+)$/.exec(headers.get('ratelimit') ?? '');
  expect({ policy, state }).toEqual({ policy: expect.any(Array), state: expect.any(Array) });
  expect(state![1]).toBe(policy![1]);
  const older = ['limit', 'remaining', 'reset'].map((name) => headers.get(`x-ratelimit-${name}`));
  expect(older).toEqual([policy![2], state![2], state![3]]);
  const [limit, remaining, resetSeconds] = older.map(Number) as [number, number, number];
  expect(resetSeconds).toBeLessThanOrEqual(60);
  return { policy: policy![1]!, limit, remaining, resetSeconds };
}

const limitKeys = (aos: Harness, tenantId: string, perMinute: number) =>
  aos.pool.query('UPDATE api_keys SET rate_limit_per_minute = $2 WHERE tenant_id = $1', [
    tenantId,
    perMinute,
  ]);

async function limitedKey(aos: Harness, tenantId: string, perMinute: number): Promise<string> {
  const key = await aos.createKey(tenantId);
  await limitKeys(aos, tenantId, perMinute);
  return key;
}

describe('the headers of a rate', () => {
  let aos: Harness;
  beforeAll(async () => {
    aos = await startHarness({
      worker: false,
      reconciler: false,
      corsOrigins: ['https://console.example.org'],
    });
  });
  afterAll(() => aos.stop());

  test('are on every answer to a good key, whatever it is', async () => {
    const viewer = await aos.createKey('viewers', null, 'viewer');
    const asked: [number, string, Parameters<Harness['request']>[1]][] = [
      [200, RUNS, {}],
      [202, RUNS, { json: { plan } }],
      [400, RUNS, { method: 'POST', body: '{' }],
      [403, RUNS, { json: { plan }, key: viewer }],
      [404, '/nowhere', {}],
      [404, `${RUNS}/none`, {}],
      [405, RUNS, { method: 'DELETE' }],
      [413, RUNS, { method: 'POST', body: Buffer.alloc(3_000_000, ' ') }],
      [415, RUNS, { method: 'POST', body: '{}', headers: { 'Content-Encoding': 'gzip' } }],
      [422, RUNS, { json: {} }],
    ];
    for (const [status, path, init] of asked) {
      const answer = await aos.request(path, init);
      expect({ path, status: answer.status }).toEqual({ path, status });
      expect(readRate(answer.headers)).toMatchObject({ policy: 'key', limit: RATE_PER_MINUTE_MAX });
    }
  });

  test('are on the answer to a request that fails inside', async () => {
    await aos.pool.query('ALTER TABLE runs RENAME TO runs_elsewhere');
    try {
      const { status, headers } = await aos.request(RUNS);
      expect(status).toBe(500);
      readRate(headers);
    } finally {
      await aos.pool.query('ALTER TABLE runs_elsewhere RENAME TO runs');
    }
  });

  test('are on every answer without a good key, and count for the address', async () => {
    const asked: [number, string, RequestInit][] = [
      [200, '/health', {}],
      [200, '/healthz', {}],
      [503, '/health/ready', {}],
      [200, '/docs/errors/INTERNAL', {}],
      [404, '/docs/errors/NOTHING', {}],
      [405, '/health', { method: 'DELETE' }],
      [401, RUNS, {}],
      [401, RUNS, { headers: { 'X-API-Key': 'aos_wrong' } }],
      [401, '/nowhere', {}],
      [401, RUNS, { method: 'OPTIONS' }],
      [
        200,
        RUNS,
        {
          method: 'OPTIONS',
          headers: {
            Origin: 'https://console.example.org',
            'Access-Control-Request-Method': 'POST',
          },
        },
      ],
    ];
    let before = RATE_PER_MINUTE_MAX;
    for (const [status, path, init] of asked) {
      const answer = await aos.request(path, { ...init, key: null });
      expect({ path, status: answer.status }).toEqual({ path, status });
      const { policy, remaining } = readRate(answer.headers);
      expect({ path, policy, remaining }).toEqual({
        path,
        policy: 'address',
        remaining: before === RATE_PER_MINUTE_MAX ? remaining : before - 1,
      });
      before = remaining;
    }
  });

  test('are on what is no HTTP, too', async () => {
    const [answer] = await converse(aos.url, ['NONSENSE\r\n\r\n']);
    expect(answer!.status).toBe(400);
    expect(readRate(answer!.headers).policy).toBe('address');
  });
});

describe('a limit of requests', () => {
  let aos: Harness;
  beforeAll(async () => {
    aos = await startHarness({ worker: false, reconciler: false, ratePerMinute: 8 });
  });
  afterAll(() => aos.stop());

  test('of a key refuses what is over it, and says which limit, how large, and when', async () => {
    const key = await limitedKey(aos, 'limited', 3);
    const other = await limitedKey(aos, 'other', 2);
    const statuses: number[] = [];
    for (let n = 0; n < 3; n += 1) statuses.push((await aos.request(RUNS, { key })).status);
    expect(statuses).toEqual([200, 200, 200]);

    const { status, headers, body } = await aos.request<Failure>(RUNS, { key });
    expect(status).toBe(429);
    expect(headers.get('content-type')).toBe('application/problem+json');
    const told = readRate(headers);
    expect(told).toMatchObject({ policy: 'key', limit: 3, remaining: 0 });
    const failure = Failure.parse(body);
    expect(failure).toMatchObject({
      status: 429,
      code: 'RATE_LIMITED',
      category: 'RESOURCE',
      retryable: true,
      recovery: [{ action: 'retry_later' }],
      limit: { name: 'rate_limit_per_minute', value: 3, asked: 4 },
    });
    for (const part of ['rate_limit_per_minute', '3 requests a minute', `${told.resetSeconds} s`])
      expect(failure.detail).toContain(part);
    expect(Number(headers.get('retry-after'))).toBe(Math.ceil(failure.retry_after_ms! / 1000));
    expect(failure.retry_after_ms).toBeGreaterThan(0);
    expect(failure.retry_after_ms).toBeLessThanOrEqual(60_000);

    // Before permissions, the route and the body are looked at.
    for (const [path, init] of [
      ['/nowhere', {}],
      [RUNS, { method: 'POST', body: '{' }],
    ] as const)
      expect((await aos.request(path, { ...init, key })).status).toBe(429);
    // Another key has not lost anything by it.
    expect(readRate((await aos.request(RUNS, { key: other })).headers)).toMatchObject({
      limit: 2,
      remaining: 1,
    });
  });

  test('holds for keys that have none of their own', async () => {
    const key = await aos.createKey('unlimited');
    const statuses: number[] = [];
    for (let n = 0; n < 10; n += 1) statuses.push((await aos.request(RUNS, { key })).status);
    expect(statuses).toEqual([...Array<number>(8).fill(200), 429, 429]);
    const { body } = await aos.request<Failure>(RUNS, { key });
    expect(body.detail).toContain('AOS_RATE_LIMIT_PER_MINUTE');
    expect(body.detail).toContain('8 requests a minute');
    expect(body.limit).toEqual({ name: 'AOS_RATE_LIMIT_PER_MINUTE', value: 8, asked: 9 });
  });

  test('of an address refuses public routes, while bad keys stay 401 but count, and good keys go on', async () => {
    const good = await aos.createKey('innocent');
    for (let n = 0; n < 12; n += 1) {
      const { status, headers } = await aos.request(RUNS, { key: 'aos_wrong' });
      expect(status).toBe(401);
      expect(readRate(headers)).toMatchObject({ policy: 'address', remaining: Math.max(0, 7 - n) });
    }
    const { status, body } = await aos.request<Failure>('/version', { key: null });
    expect(status).toBe(429);
    expect(body).toMatchObject({
      code: 'RATE_LIMITED',
      limit: { name: 'AOS_RATE_LIMIT_PER_MINUTE', value: 8, asked: 9 },
    });
    expect(body.detail).toContain('this address');
    expect((await aos.request(RUNS, { key: null })).status).toBe(401);
    expect((await aos.request(RUNS, { key: good })).status).toBe(200);
    // A balancer may have the same address as all others, and must not take the process for dead.
    for (const path of ['/health', '/healthz'])
      expect((await aos.request(path, { key: null })).status).toBe(200);
    expect((await aos.request('/health/ready', { key: null })).status).not.toBe(429);
  });
});

describe('a limit in Redis', () => {
  let redis: TestRedis;
  let servers: Harness[];
  beforeAll(async () => {
    redis = await startRedis();
    const start = () => startHarness({ worker: false, reconciler: false, redisUrl: redis.url });
    servers = [await start(), await start()];
  });
  afterAll(async () => {
    await Promise.all(servers.map((aos) => aos.stop()));
    await redis.stop();
  });

  const health = (aos: Harness) => aos.request<Health>('/health', { key: null });
  const degraded = async (aos: Harness) => {
    const { status, body } = await health(aos);
    expect({ status, store: body.rate_limits.store }).toEqual({ status: 200, store: 'redis' });
    return body.rate_limits.degraded;
  };
  const untilAnswering = async () => {
    for (const aos of servers) while (await degraded(aos));
  };

  /** The same key on both, as in two processes on one database. */
  async function sharedKey(tenantId: string, perMinute: number): Promise<string> {
    const [first, second] = servers as [Harness, Harness];
    const key = await limitedKey(first, tenantId, perMinute);
    await second.createKey(tenantId);
    const { rows } = await first.pool.query<{ row: unknown }>(
      'SELECT to_jsonb(api_keys) AS row FROM api_keys WHERE tenant_id = $1',
      [tenantId],
    );
    await second.pool.query(
      'INSERT INTO api_keys SELECT * FROM jsonb_populate_record(NULL::api_keys, $1)',
      [rows[0]!.row],
    );
    return key;
  }

  async function askInTurn(key: string, count: number): Promise<number[]> {
    const statuses: number[] = [];
    for (let n = 0; n < count; n += 1)
      statuses.push((await servers[n % servers.length]!.request(RUNS, { key })).status);
    return statuses;
  }
  const count = (statuses: number[], status: number) =>
    statuses.filter((each) => each === status).length;

  test('is one for all processes, holds in each while Redis is gone, and is one again behind it', async () => {
    await untilAnswering();
    const shared = await askInTurn(await sharedKey('together', 6), 14);
    expect([count(shared, 200), count(shared, 429)]).toEqual([6, 8]);

    await redis.kill();
    const apart = await askInTurn(await sharedKey('apart', 4), 14);
    expect([count(apart, 200), count(apart, 429)]).toEqual([8, 6]);
    for (const aos of servers) {
      expect(await degraded(aos)).toBe(true);
      const ready = await aos.request<{ parts: object; rate_limits: object }>('/health/ready', {
        key: null,
      });
      expect(ready.body).toMatchObject({ rate_limits: { store: 'redis', degraded: true } });
    }

    await redis.start();
    await untilAnswering();
    const again = await askInTurn(await sharedKey('again', 6), 14);
    expect([count(again, 200), count(again, 429)]).toEqual([6, 8]);
  });
});
