import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import { eventIdOf } from '../../src/events/event-id.ts';
import { createLive } from '../../src/live/live.ts';
import type { Live } from '../../src/live/live.ts';
import { isBehind, placeOf } from '../../src/live/place.ts';
import type { Place } from '../../src/live/place.ts';
import type { LiveEvent } from '../../src/live/scope.ts';
import type { Subscription } from '../../src/live/subscription.ts';
import { listTenantEvents, readEventsEnd } from '../../src/storage/event-feed.ts';
import type { EventPlace } from '../../src/storage/event-feed.ts';
import { createWakeupListener, createWakeupSender, tenantName } from '../../src/storage/wakeups.ts';
import type { WakeupListener, Wakeups } from '../../src/storage/wakeups.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';

const BEGINNING: EventPlace = { transaction: '0', position: 0 };
const logger = createLogger('silent', 'test');

interface Follower {
  after: Place;
  got: string[];
  subscription: Subscription;
  /** Resolves when it has got so many. */
  reaches(count: number): Promise<void>;
}

describe('the events of a tenant', () => {
  let database: TestDatabase;
  let listener: WakeupListener;
  let wakeups: Wakeups;
  let live: Live;
  let tenants = 0;
  let tenantId: string;
  /** Told of every answer about a tenant. */
  const looks = new Map<string, () => void>();
  const clients: pg.Client[] = [];
  const followers: Follower[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    listener = createWakeupListener(database.url);
    wakeups = createWakeupSender(database.pool);
    const { pool } = database;
    const query = async (text: string, values?: unknown[]): Promise<unknown> => {
      const answer = await pool.query(text, values);
      looks.get(String(values?.[0]))?.();
      for (const asked of values ?? []) if (Array.isArray(asked)) looks.get(`${asked.length}`)?.();
      return answer;
    };
    live = createLive({ pool: { query: query as typeof pool.query }, listener, logger });
  });
  afterEach(async () => {
    for (const { subscription } of followers.splice(0)) subscription.close();
    await Promise.all(clients.splice(0).map((client) => client.end()));
  });
  afterAll(async () => {
    await live.stop();
    await listener.stop();
    await database.drop();
  });

  const newTenant = (): void => {
    tenants += 1;
    tenantId = `tenant ${tenants}`;
  };
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: database.url });
    client.on('error', () => {});
    clients.push(client);
    await client.connect();
    return client;
  };
  const insert = (client: Pick<pg.Client, 'query'>, count = 1): Promise<unknown> =>
    client.query(
      `INSERT INTO events (tenant_id, type) SELECT $1, 'budget.threshold_reached' FROM generate_series(1, $2::int)`,
      [tenantId, count],
    );
  const allIds = async (after: Place): Promise<string[]> => {
    const { rows } = await database.pool.query<EventPlace>(
      'SELECT transaction, position FROM events WHERE tenant_id = $1 ORDER BY transaction, position',
      [tenantId],
    );
    return rows.filter((row) => isBehind(placeOf(row), after)).map(eventIdOf);
  };
  const end = async (): Promise<Place> => placeOf(await readEventsEnd(database.pool));

  /** Resolves when what is there now has been looked at. */
  const looked = async (): Promise<void> => {
    // The first answer may be to a question that was asked before.
    for (let count = 0; count < 2; count += 1) {
      await new Promise<void>((resolve) => {
        looks.set(tenantId, resolve);
        wakeups.wake(tenantName(tenantId));
      });
    }
  };

  async function follow(after: Place): Promise<Follower> {
    const subscription = await live.subscribe({ kind: 'tenant', tenantId }, { after });
    const waiting = new Set<() => void>();
    const follower: Follower = {
      after,
      got: [],
      subscription,
      reaches: (count) =>
        new Promise((resolve) => {
          const look = (): void => {
            if (follower.got.length >= count) resolve();
          };
          waiting.add(look);
          look();
        }),
    };
    followers.push(follower);
    void (async () => {
      for (;;) {
        const events: readonly LiveEvent[] = await subscription.next();
        if (!followers.includes(follower)) return;
        follower.got.push(...events.map(({ id }) => id));
        for (const look of waiting) look();
      }
    })();
    return follower;
  }

  test('that a later transaction commits first wait for the earlier one, and then come in their order', async () => {
    newTenant();
    const follower = await follow(await end());
    const [first, second] = [await connect(), await connect()];
    await first.query('BEGIN');
    await insert(first);
    await second.query('BEGIN');
    await insert(second);
    await second.query('COMMIT');
    await looked();
    expect(follower.got).toEqual([]);
    // It is there, and yet not to be told: a reader that went on from it would miss the other.
    expect(await listTenantEvents(database.pool, tenantId, BEGINNING, 10)).toEqual([]);
    const late = await follow(await end());
    await first.query('COMMIT');
    await Promise.all([follower.reaches(2), late.reaches(2)]);
    const [earlier, later] = await allIds(follower.after);
    expect(follower.got).toEqual([earlier, later]);
    expect(late.got).toEqual([earlier, later]);
    const read = await listTenantEvents(database.pool, tenantId, BEGINNING, 10);
    expect(read.map(eventIdOf)).toEqual([earlier, later]);
  });

  test('come without any hint within a look, and all of a burst', async () => {
    newTenant();
    const follower = await follow(await end());
    await insert(database.pool, 2_500);
    await follower.reaches(2_500);
    expect(follower.got).toEqual(await allIds(follower.after));
  });

  test('of many runs are looked for in one statement', async () => {
    const RUNS = 321;
    const looked321 = new Promise<void>((resolve) => looks.set(`${RUNS}`, resolve));
    const subscriptions = await Promise.all(
      Array.from({ length: RUNS }, (_, n) =>
        live.subscribe(
          { kind: 'run', tenantId: 't', runId: `run_${n}`, lastNumber: 0, hasEnded: false },
          { after: { transaction: 0n, position: 0 } },
        ),
      ),
    );
    await expect(looked321).resolves.toBeUndefined();
    for (const subscription of subscriptions) subscription.close();
  });

  test('come once and in order to whoever joins, however transactions overlap, fail and wait', async () => {
    const WRITERS = 3;
    const writers = await Promise.all(Array.from({ length: WRITERS }, connect));
    const who = fc.nat(WRITERS - 1);
    const moves = fc.oneof(
      fc.record({ kind: fc.constant('begin' as const), who }),
      fc.record({
        kind: fc.constant('insert' as const),
        who,
        count: fc.integer({ min: 1, max: 150 }),
      }),
      fc.record({ kind: fc.constant('commit' as const), who }),
      fc.record({ kind: fc.constant('rollback' as const), who }),
      fc.record({ kind: fc.constant('look' as const) }),
      fc.record({ kind: fc.constant('join' as const), from: fc.constantFrom('oldest', 'latest') }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(moves, { minLength: 5, maxLength: 30 }), async (plan) => {
        newTenant();
        const isOpen = writers.map(() => false);
        const joined = [await follow(await end())];
        for (const move of plan) {
          if (move.kind === 'look') await looked();
          else if (move.kind === 'join')
            joined.push(await follow(move.from === 'latest' ? await end() : placeOf(BEGINNING)));
          else {
            const writer = writers[move.who]!;
            if (move.kind === 'insert') await insert(writer, move.count);
            else if ((move.kind === 'begin') !== isOpen[move.who]) {
              await writer.query(move.kind);
              isOpen[move.who] = move.kind === 'begin';
            }
          }
        }
        for (const writer of writers) await writer.query('COMMIT');
        for (const follower of joined) {
          const expected = await allIds(follower.after);
          await follower.reaches(expected.length);
          expect(follower.got).toEqual(expected);
        }
        for (const { subscription } of followers.splice(0)) subscription.close();
      }),
      { numRuns: 12 },
    );
  });

  test('are neither lost nor doubled when every connection to Postgres is cut again and again', async () => {
    newTenant();
    const writer = await connect();
    const follower = await follow(await end());
    const { rows } = await writer.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    for (let round = 0; round < 10; round += 1) {
      await insert(writer, 30);
      await writer.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> $1`,
        [rows[0]!.pid],
      );
      await insert(writer, 7);
    }
    await follower.reaches(370);
    expect(follower.got).toEqual(await allIds(follower.after));
  });
});
