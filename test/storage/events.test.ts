import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { CommittedEvent } from '../../src/contracts/event.ts';
import { appendEvents } from '../../src/storage/events.ts';
import { withTransaction } from '../../src/storage/pool.ts';
import type { Transaction } from '../../src/storage/pool.ts';
import { startHarness } from '../support/harness.ts';
import type { Harness } from '../support/harness.ts';

describe('what is told of events', () => {
  let aos: Harness;
  let runId: string;
  let told: readonly CommittedEvent[][] = [];
  beforeAll(async () => {
    aos = await startHarness({ worker: false, reconciler: false });
    const plan = [{ skill: 'json_transform', params: { data: 1, query: '.' } }];
    runId = (await aos.submit(plan)).run_id;
    aos.pool.onCommitted = (events) => {
      told = [...told, [...events]];
    };
  });
  afterAll(() => aos.stop());
  beforeEach(() => {
    told = [];
  });

  const write = (tx: Transaction) =>
    appendEvents(tx, runId, [
      { type: 'step.started', stepId: 'step_0', skill: 'json_transform', data: { try: 1 } },
    ]);
  const started = {
    type: 'step.started',
    stepId: 'step_0',
    skill: 'json_transform',
    data: { try: 1 },
  };

  test('is told once for a transaction, in order, when it is committed', async () => {
    await withTransaction(aos.pool, async (tx) => {
      await write(tx);
      await appendEvents(tx, runId, [{ type: 'run.started', seconds: 2 }]);
      expect(told).toEqual([]);
    });
    expect(told).toEqual([
      [
        { ...started, runId, tenantId: 'default' },
        { type: 'run.started', runId, tenantId: 'default', seconds: 2 },
      ],
    ]);
    // The next transaction on the same connection has only its own.
    await withTransaction(aos.pool, write);
    expect(told[1]).toEqual([{ ...started, runId, tenantId: 'default' }]);
  });

  test('is nothing of a transaction without events', async () => {
    await withTransaction(aos.pool, (tx) => tx.query('SELECT 1'));
    expect(told).toEqual([]);
  });

  test('is nothing of what was rolled back', async () => {
    const failing = withTransaction(aos.pool, async (tx) => {
      await write(tx);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    const swallowing = withTransaction(aos.pool, async (tx) => {
      await write(tx);
      await tx.query('SELECT nonsense').catch(() => {});
    });
    await expect(swallowing).rejects.toThrow('rolled back');
    expect(told).toEqual([]);
  });

  test('keeps out of the record what is not stored', async () => {
    await withTransaction(aos.pool, write);
    const { rows } = await aos.pool.query<{ type: string; data: string }>(
      'SELECT type, step_id, data FROM events WHERE run_id = $1 ORDER BY number DESC LIMIT 1',
      [runId],
    );
    expect(rows).toEqual([{ type: 'step.started', step_id: 'step_0', data: '{"try":1}' }]);
  });
});
