import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readAudit, readState } from '../../src/storage/gauges.ts';
import { withTransaction } from '../../src/storage/pool.ts';
import { beatWorker } from '../../src/storage/workers.ts';
import { startHarness } from '../support/harness.ts';
import type { Harness } from '../support/harness.ts';
import { insertWebhookRow } from '../support/webhook-row.ts';

const CENT = 1_000_000;

describe('what the record says', () => {
  let aos: Harness;
  beforeAll(async () => {
    // Nobody works: runs stay as they are accepted.
    aos = await startHarness({ worker: false, reconciler: false });
  });
  afterAll(() => aos.stop());

  const submit = (budget_cents: number, key = aos.key) =>
    aos.request<{ run_id: string }>('/api/v1/runs', {
      key,
      json: { plan: [{ skill: 'http_call', params: { url: 'http://a.example' } }], budget_cents },
    });

  test('is all zeros, and no violation, of an empty database', async () => {
    expect(await readState(aos.pool)).toEqual({
      openRuns: [
        { status: 'queued', count: 0, oldestSeconds: 0 },
        { status: 'running', count: 0, oldestSeconds: 0 },
      ],
      overdueRuns: 0,
      runningSteps: 0,
      openHolds: 0,
      heldMicroCents: 0,
      settledMicroCents: 0,
      overageMicroCents: 0,
      aliveWorkers: 0,
      openDeliveries: ['pending', 'sending', 'waiting'].map((status) => ({ status, count: 0 })),
    });
    const { violations } = await readAudit(aos.pool);
    expect([...violations]).toEqual(
      ['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'I8'].map((invariant) => [invariant, 0]),
    );
  });

  test('covers the accounts of all tenants, and not those below them', async () => {
    const other = await aos.createKey('other');
    await submit(5);
    const { body } = await submit(7, other);
    await aos.pool.query('UPDATE accounts SET settled_micro_cents = 1 WHERE id = $1', [
      `${body.run_id}/1`,
    ]);
    await aos.pool.query(
      `UPDATE accounts SET settled_micro_cents = 2 * $1::bigint, overage_micro_cents = $1 WHERE id = 'tenant/other'`,
      [CENT],
    );
    await insertWebhookRow(aos.pool, 'other', 'with a delivery that is over');
    await aos.pool.query(
      `INSERT INTO webhook_deliveries (id, tenant_id, webhook_id, event_type)
       SELECT 'delivery_1', tenant_id, id, 'webhook.test' FROM webhooks`,
    );
    expect(await readState(aos.pool)).toMatchObject({
      openDeliveries: [{ status: 'pending', count: 1 }, { count: 0 }, { count: 0 }],
      openHolds: 2,
      heldMicroCents: 12 * CENT,
      settledMicroCents: 2 * CENT,
      overageMicroCents: CENT,
    });
  });

  test('has the age of the oldest open run, and those that should be over', async () => {
    const { body } = await submit(0);
    const age = (seconds: number, deadlineInSeconds: number) =>
      aos.pool.query(
        `UPDATE runs SET created_at = now() - $2 * interval '1 second', deadline_at = now() + $3 * interval '1 second'
         WHERE id = $1`,
        [body.run_id, seconds, deadlineInSeconds],
      );
    await age(5_000, 60);
    const { openRuns, overdueRuns } = await readState(aos.pool);
    expect(openRuns[0]).toMatchObject({ status: 'queued', count: 3 });
    expect(openRuns[0]!.oldestSeconds).toBeGreaterThan(4_999);
    expect(openRuns[0]!.oldestSeconds).toBeLessThan(5_060);
    expect(overdueRuns).toBe(0);

    await age(5_000, -1);
    expect(await readState(aos.pool)).toMatchObject({ overdueRuns: 1 });
    const undoUntil = `UPDATE runs SET compensate_until = now() + $2 * interval '1 second' WHERE id = $1`;
    await aos.pool.query(undoUntil, [body.run_id, 60]);
    expect(await readState(aos.pool)).toMatchObject({ overdueRuns: 0 });
    await aos.pool.query(undoUntil, [body.run_id, -1]);
    expect(await readState(aos.pool)).toMatchObject({ overdueRuns: 1 });
  });

  test('has the workers that have given a sign of life', async () => {
    await beatWorker(aos.pool, 'alive');
    await beatWorker(aos.pool, 'lost');
    await aos.pool.query(
      `UPDATE workers SET beat_at = now() - interval '1 minute' WHERE id = 'lost'`,
    );
    expect(await readState(aos.pool)).toMatchObject({ aliveWorkers: 1 });
  });

  test('is given up after a second', async () => {
    await withTransaction(aos.pool, async (tx) => {
      await tx.query('LOCK TABLE holds IN ACCESS EXCLUSIVE MODE');
      await expect(readState(aos.pool)).rejects.toMatchObject({ code: '57014' });
    });
    expect(await readState(aos.pool)).toMatchObject({ openHolds: 2 });
  });
});
