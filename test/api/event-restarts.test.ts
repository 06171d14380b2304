import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { startApiServer } from '../../api/server.ts';
import { createRefusalRecorder } from '../../src/audit/refusals.ts';
import { createHashKey } from '../../src/bin/installation-keys.ts';
import { createKeyCache } from '../../src/keys/key-cache.ts';
import { createLive } from '../../src/live/live.ts';
import { createStreams } from '../../src/live/streams.ts';
import { createWebhookSecretOf } from '../../src/skills/webhook/secret.ts';
import { createWakeupListener } from '../../src/storage/wakeups.ts';
import { openEvents, openSocket } from '../support/event-client.ts';
import { PEPPER, startHarness } from '../support/harness.ts';
import type { Harness } from '../support/harness.ts';
import { startRedis } from '../support/redis.ts';
import type { TestRedis } from '../support/redis.ts';
import { settled } from '../support/settled.ts';

const FEED = '/api/v1/events';
const PLAN = [{ id: 'a', skill: 'json_transform', params: { data: 1, query: '.' } }];

describe('open streams', () => {
  let redis: TestRedis;
  let aos: Harness;
  beforeAll(async () => {
    redis = await startRedis();
    aos = await startHarness({ redisUrl: redis.url });
  });
  afterAll(async () => {
    await aos.stop();
    await redis.stop();
  });

  /** One more api process on the same database, as far as its clients can tell. */
  async function startAnotherApi(): Promise<{ url: string; stop: () => Promise<void> }> {
    const { deps, engine, rates, pool } = aos;
    const hashKey = createHashKey(PEPPER);
    const listener = createWakeupListener(aos.databaseUrl);
    const live = createLive({ ...deps, listener });
    const streams = createStreams();
    const refusals = createRefusalRecorder(deps);
    const server = await startApiServer(
      {
        ...deps,
        engine,
        listener,
        live,
        streams,
        hashKey,
        keys: createKeyCache({ ...deps, pool, hashKey }),
        webhookSecretOf: createWebhookSecretOf(PEPPER),
        rates,
        refusals,
        ratePerMinute: 1e6,
        corsOrigins: [],
        version: 'test',
        referenceScript: '',
      },
      { host: '127.0.0.1', port: 0 },
    );
    return {
      url: server.url,
      async stop() {
        await server.stop();
        await streams.stop();
        await live.stop();
        await listener.stop();
        await refusals.stop();
      },
    };
  }
  const allIds = async (): Promise<string[]> => {
    const { rows } = await aos.pool.query<{ id: string }>(
      `SELECT transaction || '-' || position AS id FROM events WHERE tenant_id = 'default' ORDER BY transaction, position`,
    );
    return rows.map(({ id }) => id);
  };
  const behind = (ids: readonly string[], id: string): string[] => ids.slice(ids.indexOf(id) + 1);

  test('of an api that stops are closed at once, and go on at another one', async () => {
    const another = await startAnotherApi();
    const streams = await Promise.all([
      openEvents(`${another.url}${FEED}?after=0-0`, { key: aos.key }),
      openEvents(`${another.url}${FEED}?after=0-0`, { key: aos.key }),
    ]);
    const socket = await openSocket(`${another.url}${FEED}?after=0-0`, { key: aos.key });
    await aos.run(PLAN);
    await Promise.all([...streams.map((each) => each.received(4)), socket.received(4)]);
    const running = aos.run(PLAN);
    await another.stop();
    await running;
    expect((await socket.closed).code).toBe(1001);
    const known = await allIds();
    for (const stream of streams) {
      await stream.closed;
      expect(stream.ended).toBeUndefined();
      const got = stream.messages.map(({ id }) => id!);
      const resumed = await openEvents(aos.url + FEED, { key: aos.key, lastEventId: got.at(-1)! });
      await resumed.received(known.length - got.length);
      expect([...got, ...resumed.messages.map(({ id }) => id!)]).toEqual(known);
      resumed.close();
    }
    const last = socket.events.at(-1)!.id;
    const again = await openSocket(`${aos.url}${FEED}?after=${last}`, { key: aos.key });
    await again.received(behind(known, last).length);
    expect(again.events.map(({ id }) => id)).toEqual(behind(known, last));
    again.socket.terminate();
  });

  test('miss nothing and get nothing twice while Postgres and Redis are cut off and come back', async () => {
    await settled(aos.pool);
    const first = await openEvents(aos.url + FEED, { key: aos.key });
    const second = await openSocket(aos.url + FEED, { key: aos.key });
    const from = (await allIds()).at(-1)!;
    const writer = new pg.Client({ connectionString: aos.databaseUrl });
    await writer.connect();
    const append = (count: number): Promise<unknown> =>
      writer.query(
        `INSERT INTO events (tenant_id, type) SELECT 'default', 'budget.threshold_reached' FROM generate_series(1, $1::int)`,
        [count],
      );
    const cut = (): Promise<unknown> =>
      writer.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()`,
      );
    for (let round = 0; round < 5; round += 1) {
      await append(20);
      await cut();
      if (round === 1) await redis.kill();
      await append(5);
      await cut();
      if (round === 3) await redis.start();
    }
    await writer.end();
    await Promise.all([first.received(125), second.received(125)]);
    const expected = behind(await allIds(), from);
    expect(first.messages.map(({ id }) => id)).toEqual(expected);
    expect(second.events.map(({ id }) => id)).toEqual(expected);
    first.close();
    second.socket.terminate();
  });
});
