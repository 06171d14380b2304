import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createRefusalRecorder } from '../../src/audit/refusals.ts';
import type { Refusal, RefusalRecorder } from '../../src/audit/refusals.ts';
import { REFUSALS_ALIKE_MS, REFUSALS_APART_MAX } from '../../src/contracts/limits.ts';
import type { Db } from '../../src/storage/pool.ts';
import { withTransaction } from '../../src/storage/pool.ts';
import { ensureTenant } from '../../src/storage/tenants.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';

const TENANT = 'default';

describe('refusals', () => {
  let database: TestDatabase;
  let recorder: RefusalRecorder;
  let nowMs: number;
  /** Thrown instead of asking Postgres, as long as it is set. */
  let trouble: Error | undefined;
  /** How often Postgres was asked, or would have been. */
  let asked: number;
  let answered: number;
  let lines: Record<string, unknown>[];
  let requests = 0;

  beforeAll(async () => {
    database = await createTestDatabase();
    await withTransaction(database.pool, (tx) => ensureTenant(tx, TENANT));
  });
  afterAll(() => database.drop());

  beforeEach(async () => {
    await database.pool.query('DELETE FROM audit_entries');
    [nowMs, asked, answered, lines, trouble] = [0, 0, 0, [], undefined];
    const query = async (text: string, values: unknown[]): Promise<unknown> => {
      asked += 1;
      if (trouble) throw trouble;
      const answer = await database.pool.query(text, values);
      answered += 1;
      return answer;
    };
    recorder = createRefusalRecorder({
      pool: { query } as Db,
      logger: createLogger('debug', 'test', {
        write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
      }),
      flushMs: 1,
      nowMs: () => nowMs,
    });
  });
  afterEach(() => recorder.stop());

  const refusal = (of: Partial<Refusal> = {}): Refusal => ({
    tenantId: TENANT,
    keyId: 'key_1',
    operation: 'submitRun',
    code: 'BUDGET_EXCEEDED',
    requestId: `req_${(requests += 1)}`,
    subject: null,
    detail: { message: 'no' },
    ...of,
  });
  const counts = async (): Promise<Record<string, number>> => {
    const { rows } = await database.pool.query<{ name: string; count: number }>(
      `SELECT concat_ws(' ', tenant_id, key_id, operation, code) AS name, count FROM audit_entries ORDER BY id`,
    );
    return Object.fromEntries(rows.map(({ name, count }, n) => [`${n} ${name}`, count]));
  };
  async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = Date.now() + 30_000;
    while (!(await isSo())) {
      if (Date.now() > deadline) throw new Error(`not so: ${JSON.stringify(lines)}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const rowsThere = (count: number) =>
    until(async () => Object.keys(await counts()).length === count);
  const told = (event: string) => lines.filter((line) => line['event'] === event);
  const away = (): Error => Object.assign(new Error('away'), { code: 'ECONNREFUSED' });

  test('that are alike are one row, and others are rows of their own', async () => {
    const others: Partial<Refusal>[] = [
      { keyId: 'key_2' },
      { tenantId: null, keyId: null },
      { operation: 'unmatched' },
      { code: 'RATE_LIMITED' },
    ];
    for (const of of [{}, {}, ...others, {}]) recorder.note(refusal(of));
    await recorder.stop();
    expect(await counts()).toEqual({
      '0 default key_1 submitRun BUDGET_EXCEEDED': 3,
      '1 default key_2 submitRun BUDGET_EXCEEDED': 1,
      '2 submitRun BUDGET_EXCEEDED': 1,
      '3 default key_1 unmatched BUDGET_EXCEEDED': 1,
      '4 default key_1 submitRun RATE_LIMITED': 1,
    });
  });

  test('are added to a row that is written, for a minute from its first', async () => {
    recorder.note(refusal());
    await until(() => answered === 1);
    nowMs = REFUSALS_ALIKE_MS - 1;
    recorder.note(refusal());
    await until(() => answered === 2);
    expect(Object.values(await counts())).toEqual([2]);
    nowMs = REFUSALS_ALIKE_MS;
    recorder.note(refusal());
    await recorder.stop();
    expect(Object.values(await counts())).toEqual([2, 1]);
  });

  test('keep the first request, its subject and its time', async () => {
    const before = new Date();
    const first = refusal({ subject: 'agent_1', detail: { message: 'first' } });
    recorder.note(first);
    recorder.note(refusal({ subject: 'agent_2', detail: { message: 'second' } }));
    await recorder.stop();
    const { rows } = await database.pool.query<Record<string, unknown> & { at: Date }>(
      'SELECT kind, request_id, subject, detail, at FROM audit_entries',
    );
    expect(rows).toMatchObject([
      {
        kind: 'refusal',
        request_id: first.requestId,
        subject: 'agent_1',
        detail: '{"message":"first"}',
      },
    ]);
    expect(rows[0]!.at.getTime()).toBeGreaterThanOrEqual(before.getTime());
  });

  test('wait while Postgres is away, and are all counted when it is back', async () => {
    trouble = away();
    for (let n = 0; n < 3; n += 1) recorder.note(refusal());
    await until(() => asked > 3);
    expect(told('refusals.wait')).toHaveLength(1);
    nowMs = 2 * REFUSALS_ALIKE_MS;
    recorder.note(refusal());
    trouble = undefined;
    await rowsThere(1);
    expect(Object.values(await counts())).toEqual([4]);
  });

  test('that come while others are written are counted as well', async () => {
    for (let n = 0; n < 200; n += 1) {
      recorder.note(refusal({ keyId: `key_${n % 7}` }));
      if (n % 10 === 0) await counts();
    }
    await recorder.stop();
    const all = Object.values(await counts());
    expect(all).toHaveLength(7);
    expect(all.reduce((sum, count) => sum + count, 0)).toBe(200);
  });

  test('that Postgres does not take are told in the log and not tried again', async () => {
    trouble = new Error('a defect');
    recorder.note(refusal());
    await until(() => told('refusals.not_recorded').length > 0);
    trouble = undefined;
    recorder.note(refusal({ keyId: 'key_2' }));
    await rowsThere(1);
    await recorder.stop();
    expect(Object.keys(await counts())).toEqual(['0 default key_2 submitRun BUDGET_EXCEEDED']);
  });

  test('take no more memory than is allowed: what is too much is told in the log', async () => {
    trouble = away();
    const many = REFUSALS_APART_MAX + 5;
    for (let n = 0; n < many; n += 1) recorder.note(refusal({ keyId: `key_${n}` }));
    recorder.note(refusal({ keyId: 'key_0' }));
    await until(() => told('refusals.dropped').length > 0);
    trouble = undefined;
    await recorder.stop();
    const all = Object.values(await counts());
    expect([all.length, Math.max(...all)]).toEqual([REFUSALS_APART_MAX, 2]);
    expect(told('refusals.dropped')).toMatchObject([{ count: 5 }]);
  });

  test('of a past minute make room for new ones', async () => {
    for (let n = 0; n < REFUSALS_APART_MAX; n += 1) recorder.note(refusal({ keyId: `key_${n}` }));
    await rowsThere(REFUSALS_APART_MAX);
    nowMs = REFUSALS_ALIKE_MS;
    recorder.note(refusal({ keyId: 'key_new' }));
    await recorder.stop();
    expect(Object.keys(await counts())).toHaveLength(REFUSALS_APART_MAX + 1);
    expect(told('refusals.dropped')).toEqual([]);
  });

  test('that are left when Postgres is away at the end are told in the log', async () => {
    trouble = away();
    recorder.note(refusal());
    await recorder.stop();
    expect(told('refusals.dropped')).toMatchObject([{ count: 1 }]);
    await recorder.stop();
    expect(told('refusals.dropped')).toHaveLength(1);
  });
});
