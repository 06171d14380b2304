import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventIdOf } from '../../src/events/event-id.ts';
import { listTenantEvents, readEventsEnd } from '../../src/storage/event-feed.ts';
import type { EventPlace } from '../../src/storage/event-feed.ts';
import { isEventPlace } from '../../src/storage/live-events.ts';
import { migrate } from '../../src/storage/migrate.ts';
import { startHarness } from '../support/harness.ts';
import type { Harness } from '../support/harness.ts';
import { settled } from '../support/settled.ts';

const BEGINNING: EventPlace = { transaction: '0', position: 0 };
/** As if they had been written by a server that has counted so many transactions more. */
const AHEAD = '(transaction::text::bigint + 1000000000000)::text::xid8';
const PLAN = [{ id: 'a', skill: 'json_transform', params: { data: 1, query: '.' } }];

describe('events that come from another server', () => {
  let aos: Harness;
  beforeAll(async () => {
    aos = await startHarness({ worker: false, reconciler: false });
    for (const tenantId of ['a', 'b']) await aos.createKey(tenantId, 1e12);
  });
  afterAll(() => aos.stop());

  /** Appends an event, and waits until no transaction of another test on this server can precede it. */
  const insert = async (tenantId: string, text: string): Promise<void> => {
    await aos.pool.query(
      `INSERT INTO events (tenant_id, type, data) VALUES ($1, 'budget.threshold_reached', $2)`,
      [tenantId, JSON.stringify({ text })],
    );
    await settled(aos.pool);
  };
  const read = async (tenantId: string, after = BEGINNING): Promise<string[]> => {
    const rows = await listTenantEvents(aos.pool, tenantId, after, 100);
    return rows.map(({ data }) => (JSON.parse(data) as { text: string }).text);
  };
  const placeOf = async (text: string): Promise<EventPlace> => {
    const { rows } = await aos.pool.query<EventPlace>(
      `SELECT transaction, position FROM events WHERE data = $1`,
      [JSON.stringify({ text })],
    );
    return rows[0]!;
  };
  const moveAhead = (): Promise<unknown> =>
    aos.pool.query(
      `WITH moved_runs AS (
         UPDATE runs SET event_transaction = (event_transaction::text::bigint + 1000000000000)::text::xid8
       ), moved_hooks AS (
         UPDATE webhooks SET seen_transaction = (seen_transaction::text::bigint + 1000000000000)::text::xid8
       ), moved_deliveries AS (
         UPDATE webhook_deliveries
         SET event_transaction = (event_transaction::text::bigint + 1000000000000)::text::xid8
       )
       UPDATE events SET transaction = ${AHEAD}`,
    );
  const insertHook = (id: string, tenantId: string, seen: EventPlace): Promise<unknown> =>
    aos.pool.query(
      `INSERT INTO webhooks (id, tenant_id, url, sealed_secret, seen_transaction, seen_position)
       VALUES ($1, $2, 'https://example.org', '', $3::text::xid8, $4)`,
      [id, tenantId, seen.transaction, seen.position],
    );
  const seenBy = async (id: string): Promise<EventPlace> => {
    const { rows } = await aos.pool.query<EventPlace>(
      'SELECT seen_transaction AS transaction, seen_position AS position FROM webhooks WHERE id = $1',
      [id],
    );
    return rows[0]!;
  };

  test('are read again in their old order, and so is what comes behind them', async () => {
    for (const text of ['1', '2', '3', '4']) {
      await insert('a', `a${text}`);
      await insert('b', `b${text}`);
    }
    const second = await placeOf('a2');
    await insertHook('hook_a2', 'a', second);
    await insertHook('hook_new', 'a', await readEventsEnd(aos.pool));
    await insertHook('hook_none', 'b', BEGINNING);
    await aos.pool.query(
      `INSERT INTO webhook_deliveries (id, tenant_id, webhook_id, event_transaction, event_position, event_type)
       VALUES ('delivery_a2', 'a', 'hook_a2', $1::text::xid8, $2, 'budget.threshold_reached')`,
      [second.transaction, second.position],
    );
    const { run_id: runId } = await aos.submit(PLAN);
    await moveAhead();
    // Nobody could read them until the server had counted so far.
    expect(await read('a')).toEqual([]);
    const old = await placeOf('a3');

    await migrate(aos.databaseUrl);

    expect(await read('a')).toEqual(['a1', 'a2', 'a3', 'a4']);
    expect(await read('b')).toEqual(['b1', 'b2', 'b3', 'b4']);
    expect(await read('a', await seenBy('hook_a2'))).toEqual(['a3', 'a4']);
    expect(await read('a', await seenBy('hook_new'))).toEqual([]);
    expect(await read('b', await seenBy('hook_none'))).toEqual(['b1', 'b2', 'b3', 'b4']);
    const { rows } = await aos.pool.query<EventPlace>(
      `SELECT event_transaction AS transaction, event_position AS position FROM webhook_deliveries`,
    );
    expect(rows.map(eventIdOf)).toEqual([eventIdOf(await placeOf('a2'))]);
    // Who comes with a place of before is told so, instead of being left without what is between.
    expect(await isEventPlace(aos.pool, 'a', old)).toBe(false);

    await insert('a', 'a5');
    expect(await read('a')).toEqual(['a1', 'a2', 'a3', 'a4', 'a5']);
    expect(await read('a', await seenBy('hook_new'))).toEqual(['a5']);
    await aos.request(`/api/v1/runs/${runId}/cancel`, { json: {} });
    await settled(aos.pool);
    const ofRun = await listTenantEvents(aos.pool, 'default', BEGINNING, 100);
    expect(ofRun.map(({ number }) => number)).toEqual(ofRun.map((_, index) => index + 1));
    expect(ofRun.length).toBeGreaterThan(1);
  });

  test('are not there, and nothing is moved', async () => {
    const before = await listTenantEvents(aos.pool, 'a', BEGINNING, 100);
    const seen = await seenBy('hook_a2');
    await migrate(aos.databaseUrl);
    expect(await listTenantEvents(aos.pool, 'a', BEGINNING, 100)).toEqual(before);
    expect(await seenBy('hook_a2')).toEqual(seen);
  });

  test('are there in the place of a reader alone, who then gets what is next', async () => {
    await aos.pool.query(
      `UPDATE webhooks SET seen_transaction = '1000000000000', seen_position = 0 WHERE id = 'hook_new'`,
    );
    await migrate(aos.databaseUrl);
    await insert('a', 'a6');
    expect(await read('a', await seenBy('hook_new'))).toEqual(['a6']);
  });
});
