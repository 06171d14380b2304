import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Run, RunPage, RunSummary } from '../../src/contracts/run.ts';
import type { Answer, Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';

const RUNS = '/api/v1/runs';
const plan = [{ id: 'a', skill: 'json_transform', params: { data: 1, query: '. + 1' } }];

/** A run or a failure, as far as these tests look. */
interface Reply {
  run_id: string;
  code: string;
  detail: string;
}

describe('an idempotency key', () => {
  let aos: Harness;
  beforeAll(async () => {
    aos = await startHarness();
  });
  afterAll(async () => {
    const violations = await aos.audit();
    await aos.stop();
    expect(violations).toEqual([]);
  });

  const post = (json: unknown, header?: string, key = aos.key): Promise<Answer<Reply>> =>
    aos.request<Reply>(RUNS, {
      json,
      key,
      headers: header === undefined ? {} : { 'Idempotency-Key': header },
    });
  const isReplayed = ({ headers }: Answer<unknown>): boolean =>
    headers.get('idempotency-replayed') === 'true';
  const runsOf = async (key: string): Promise<RunSummary[]> =>
    (await aos.request<RunPage>(`${RUNS}?limit=200`, { key })).body.data;

  test('makes one run of 50 identical requests at once, and holds its budget once', async () => {
    const key = await aos.createKey('eager', 1_000_000_000);
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => post({ plan, budget_cents: 9 }, 'fifty', key)),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(202));
    const ids = new Set(answers.map(({ body }) => body.run_id));
    expect(ids.size).toBe(1);
    expect(answers.filter(isReplayed)).toHaveLength(49);
    const [id] = ids;
    expect(answers.map(({ headers }) => headers.get('location'))).toEqual(
      Array(50).fill(`${RUNS}/${id}`),
    );

    const count = async (sql: string): Promise<number> =>
      (await aos.pool.query<{ count: number }>(`SELECT count(*) FROM ${sql}`)).rows[0]!.count;
    expect(await count(`runs WHERE tenant_id = 'eager'`)).toBe(1);
    expect(await count(`steps WHERE run_id = '${id}'`)).toBe(1);
    expect(await count(`idempotency_keys WHERE tenant_id = 'eager'`)).toBe(1);
    expect(await count(`accounts WHERE tenant_id = 'eager'`)).toBe(2);
    expect(await count(`transactions WHERE account_id = 'tenant/eager' AND kind = 'hold'`)).toBe(1);

    await aos.request(`${RUNS}/${id}?wait=30s`, { key });
    const { rows } = await aos.pool.query(
      `SELECT reserved_micro_cents, settled_micro_cents FROM accounts WHERE id = 'tenant/eager'`,
    );
    expect(rows).toEqual([{ reserved_micro_cents: 0, settled_micro_cents: 0 }]);
    expect(await count(`transactions WHERE account_id = 'tenant/eager'`)).toBe(2);
  });

  test('goes to one of two bodies that race for it', async () => {
    const key = await aos.createKey('racer');
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => post({ plan, goal: `body ${n % 2}` }, 'race', key)),
    );
    const accepted = answers.filter(({ status }) => status === 202);
    expect(accepted).toHaveLength(10);
    expect(new Set(accepted.map(({ body }) => body.run_id)).size).toBe(1);
    for (const { status, body } of answers.filter((each) => !accepted.includes(each))) {
      expect({ status, code: body.code }).toEqual({ status: 422, code: 'IDEMPOTENCY_KEY_REUSED' });
    }
    expect(await runsOf(key)).toHaveLength(1);
  });

  test('is refused with another body, and names the run it belongs to', async () => {
    const first = await post({ plan, goal: 'one' }, 'taken');
    for (const body of [
      { plan, goal: 'two' },
      { plan },
      { plan, goal: 'one', unheard_of: 1 },
      { plan, goal: 'one', idempotency_key: 'taken' },
    ]) {
      const refused = await post(body, 'taken');
      expect(refused).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
      expect(refused.body.detail).toContain(first.body.run_id);
    }
  });

  test('knows its body again whatever the order of keys and the white space', async () => {
    const first = await post({ plan, goal: 'order', budget_cents: 10 }, 'order');
    const again = await aos.request<Run>(RUNS, {
      method: 'POST',
      headers: { 'Idempotency-Key': 'order' },
      body: `{ "budget_cents": 1e1,\n "goal": "\\u006frder", "plan": [{"params": {"query": ". + 1", "data": 1.0}, "skill": "json_transform", "id": "a"}] }`,
    });
    expect(again).toMatchObject({ status: 202, body: { run_id: first.body.run_id } });
    expect(isReplayed(again)).toBe(true);
  });

  test('means the same in the header and in the body, which must not differ', async () => {
    const body = { plan, idempotency_key: 'both' };
    const first = await post(body);
    const again = await post(body, 'both');
    expect(again.body.run_id).toBe(first.body.run_id);
    expect(isReplayed(again)).toBe(true);
    const before = (await runsOf(aos.key)).length;
    expect(await post(body, 'neither')).toMatchObject({
      status: 422,
      body: { code: 'IDEMPOTENCY_KEY_REUSED' },
    });
    expect(await runsOf(aos.key)).toHaveLength(before);
  });

  test('leads to the same run after it has ended', async () => {
    const { body } = await post({ plan }, 'ended');
    await aos.ended(body.run_id);
    const again = await post({ plan }, 'ended');
    expect(again).toMatchObject({
      status: 202,
      body: { run_id: body.run_id, status: 'succeeded', output: 2, outcome: { result: 2 } },
    });
    expect(isReplayed(again)).toBe(true);
  });

  test('belongs to its tenant alone', async () => {
    const { body } = await post({ plan }, 'shared');
    const other = await post({ plan, goal: 'other' }, 'shared', await aos.createKey('neighbour'));
    expect(other.status).toBe(202);
    expect(other.body.run_id).not.toBe(body.run_id);
  });

  test('is not used up by a request that is refused', async () => {
    const key = await aos.createKey('careless', 5_000_000);
    expect((await post({ plan: [] }, 'k', key)).body.code).toBe('PLAN_INVALID');
    expect((await post({ plan, budget_cents: 'x' }, 'k', key)).body.code).toBe('INVALID_REQUEST');
    expect((await post({ plan, budget_cents: 6 }, 'k', key)).body.code).toBe('BUDGET_EXCEEDED');
    const accepted = await post({ plan, budget_cents: 5 }, 'k', key);
    expect(accepted.status).toBe(202);
    expect(isReplayed(accepted)).toBe(false);
  });

  test('that is empty or absent makes a run each time', async () => {
    const ids = [
      await post({ plan }),
      await post({ plan }),
      await post({ plan }, ''),
      await post({ plan }, ''),
    ];
    expect(new Set(ids.map(({ body }) => body.run_id)).size).toBe(4);
  });

  test('is at most 255 characters long, wherever it stands', async () => {
    expect((await post({ plan }, 'k'.repeat(255))).status).toBe(202);
    expect(await post({ plan }, 'k'.repeat(256))).toMatchObject({
      status: 422,
      body: { code: 'INVALID_REQUEST' },
    });
    expect(await post({ plan, idempotency_key: 'k'.repeat(256) })).toMatchObject({
      status: 422,
      body: { code: 'INVALID_REQUEST' },
    });
  });

  test('that a twin holds for over two seconds is answered with 409 and when to come back', async () => {
    const { body } = await post({ plan });
    const twin = await aos.pool.connect();
    try {
      await twin.query('BEGIN');
      await twin.query(
        `INSERT INTO idempotency_keys (tenant_id, key, body_hash, made) VALUES ('default', 'held', 'x', $1)`,
        [body.run_id],
      );
      const startedAt = Date.now();
      const refused = await post({ plan }, 'held');
      expect(refused).toMatchObject({
        status: 409,
        body: { code: 'IDEMPOTENCY_IN_FLIGHT', retryable: true, retry_after_ms: 1_000 },
      });
      expect(refused.headers.get('retry-after')).toBe('1');
      expect(Date.now() - startedAt).toBeGreaterThanOrEqual(1_900);
      await twin.query('ROLLBACK');
      const accepted = await post({ plan }, 'held');
      expect(accepted.status).toBe(202);
      expect(isReplayed(accepted)).toBe(false);
    } finally {
      twin.release();
    }
  });
});
