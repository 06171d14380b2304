import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Failure } from '../../src/contracts/failures.ts';
import { RunPage } from '../../src/contracts/run.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';

const RUNS = '/api/v1/runs';
const COUNT = 250;

interface Row {
  n: number;
  tenant: string;
  status?: string;
  labels?: Record<string, string>;
  createdAt: string;
}

const idOf = (n: number): string => `run_00000000-0000-7000-8000-${String(n).padStart(12, '0')}`;

describe('GET /api/v1/runs', () => {
  let aos: Harness;
  beforeAll(async () => {
    aos = await startHarness({ worker: false, reconciler: false });
  });
  afterAll(async () => {
    await aos.stop();
  });

  /** Runs that only a list looks at. */
  async function insert(rows: Row[]): Promise<void> {
    const columns = [
      rows.map(({ n }) => idOf(n)),
      rows.map(({ tenant }) => tenant),
      rows.map(({ status }) => status ?? 'queued'),
      rows.map(({ labels }) => JSON.stringify(labels ?? {})),
      rows.map(({ createdAt }) => createdAt),
    ];
    await aos.pool.query(
      `INSERT INTO runs (id, tenant_id, account_id, plan, status, labels, created_at, max_parallel,
         budget_micro_cents, price_table_version, deadline_at, ancestor_accounts)
       SELECT id, tenant, 'tenant/' || tenant, '[]', status, labels::jsonb, created_at, 1, 0, 'none', now(), ARRAY['tenant/' || tenant]
       FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
         AS r (id, tenant, status, labels, created_at)`,
      columns,
    );
  }

  async function list(query: string, key: string): Promise<RunPage> {
    const { status, body } = await aos.request<RunPage>(`${RUNS}?${query}`, { key });
    expect({ status, body }).toMatchObject({ status: 200 });
    return RunPage.parse(body);
  }

  async function listAll(query: string, key: string): Promise<{ ids: string[]; pages: number }> {
    const ids: string[] = [];
    let pages = 0;
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: RunPage = await list(`${query}${cursor && `&cursor=${cursor}`}`, key);
      expect(page.has_more).toBe(page.next_cursor !== null);
      ids.push(...page.data.map((run) => run.run_id));
      cursor = page.next_cursor;
      pages += 1;
    }
    return { ids, pages };
  }

  describe('over 250 runs of the same microsecond', () => {
    let key: string;
    const newestFirst = Array.from({ length: COUNT }, (_, n) => idOf(COUNT - 1 - n));
    beforeAll(async () => {
      key = await aos.createKey('crowd');
      const createdAt = '2026-03-04T05:06:07.123456Z';
      await insert(Array.from({ length: COUNT }, (_, n) => ({ n, tenant: 'crowd', createdAt })));
      // Neighbours of another tenant in the midst of them.
      await aos.createKey('bystander');
      await insert(
        Array.from({ length: 20 }, (_, n) => ({ n: 1_000 + n, tenant: 'bystander', createdAt })),
      );
    });

    test.each([
      [7, 36],
      [50, 5],
      [125, 2],
      [200, 2],
    ])('pages of %i lose none and repeat none', async (limit, pages) => {
      expect(await listAll(`limit=${limit}`, key)).toEqual({ ids: newestFirst, pages });
    });

    test('a page has 50 unless told otherwise', async () => {
      const page = await list('', key);
      expect(page.data.map((run) => run.run_id)).toEqual(newestFirst.slice(0, 50));
    });

    test('runs that come and go between two pages move nothing', async () => {
      const first = await list('limit=100', key);
      await insert([{ n: 5_000, tenant: 'crowd', createdAt: '2026-03-04T05:06:07.123457Z' }]);
      await aos.pool.query('DELETE FROM runs WHERE id = $1', [first.data.at(-1)!.run_id]);
      const second = await list(`limit=200&cursor=${first.next_cursor}`, key);
      expect(second.data.map((run) => run.run_id)).toEqual(newestFirst.slice(100));
      expect(second.has_more).toBe(false);
    });
  });

  describe('filters', () => {
    let key: string;
    beforeAll(async () => {
      key = await aos.createKey('sorted');
      const rows: Omit<Row, 'tenant' | 'n'>[] = [
        { createdAt: '2026-01-01T00:00:00Z', labels: { team: 'a', env: 'live' } },
        {
          createdAt: '2026-01-02T00:00:00Z',
          labels: { team: 'a', env: 'test' },
          status: 'running',
        },
        {
          createdAt: '2026-01-03T00:00:00Z',
          labels: { team: 'b', env: 'live' },
          status: 'running',
        },
        { createdAt: '2026-01-04T00:00:00Z', labels: { team: 'a=b', note: '' } },
        {
          createdAt: '2026-01-05T00:00:00.000001Z',
          labels: { team: 'a', env: 'live', extra: 'x' },
          status: 'running',
        },
      ];
      await insert(rows.map((row, n) => ({ ...row, n: 10_000 + n, tenant: 'sorted' })));
    });

    test.each<[string, number[]]>([
      ['status=running', [4, 2, 1]],
      ['status=queued', [3, 0]],
      ['status=succeeded', []],
      ['label=team=a', [4, 1, 0]],
      ['label=team=a&label=env=live', [4, 0]],
      ['label=env=live&label=team=a&status=running', [4]],
      ['label=team=a=b', [3]],
      ['label=note=', [3]],
      ['label=team=A', []],
      ['label=team=%25', []],
      ['created_after=2026-01-03T00:00:00Z', [4, 3, 2]],
      ['created_after=2026-01-03T01:00:00%2B01:00', [4, 3, 2]],
      ['created_before=2026-01-03', [1, 0]],
      ['created_after=2026-01-02&created_before=2026-01-04T00:00:00Z', [2, 1]],
      ['created_after=2026-01-05T00:00:00Z', [4]],
      ['created_after=2027-01-01', []],
      ['label=team=a&status=running&created_after=2026-01-02T12:00:00Z', [4]],
      ['unheard_of=1', [4, 3, 2, 1, 0]],
    ])('by %s', async (query, expected) => {
      for (const limit of [1, 200]) {
        const { ids } = await listAll(`limit=${limit}&${query}`, key);
        expect(ids).toEqual(expected.map((n) => idOf(10_000 + n)));
      }
    });

    test.each<[string, string]>([
      ['status=done', '?status'],
      ['status=', '?status'],
      ['status=running&status=queued', '?status'],
      ['label=team', '?label'],
      ['label==a', '?label'],
      ['label=team=a&label=team=b', '?label'],
      ['label=team=%00', '?label'],
      [Array.from({ length: 11 }, (_, n) => `label=l${n}=x`).join('&'), '?label'],
      ['limit=0', '?limit'],
      ['limit=201', '?limit'],
      ['limit=-1', '?limit'],
      ['limit=1.5', '?limit'],
      ['limit=many', '?limit'],
      ['limit=', '?limit'],
      ['limit=1&limit=2', '?limit'],
      ['created_after=yesterday', '?created_after'],
      ['created_after=', '?created_after'],
      ['created_after=2026-02-30', '?created_after'],
      ['created_before=-271821-04-20', '?created_before'],
      ['created_before=%2B275760-09-13T00:00:00Z', '?created_before'],
      ['cursor=a&cursor=b', '?cursor'],
      ['statsu=running', '?statsu'],
      ['created_afer=2026-01-01', '?created_afer'],
    ])('not by %s', async (query, pointer) => {
      const { status, body } = await aos.request<Failure>(`${RUNS}?${query}`, { key });
      expect({ status, code: body.code }).toEqual({ status: 422, code: 'INVALID_REQUEST' });
      expect(body.errors!.map((problem) => problem.pointer)).toEqual([pointer]);
    });

    test('keep their hold on the pages behind a cursor', async () => {
      const first = await list('label=team=a&limit=1', key);
      const second = await list(`label=team=a&limit=1&cursor=${first.next_cursor}`, key);
      expect(second.data.map((run) => run.run_id)).toEqual([idOf(10_001)]);
    });
  });

  const forged = (...parts: unknown[]): string =>
    Buffer.from(JSON.stringify(parts)).toString('base64url');
  const TIME = '2026-01-01 00:00:00.5+00';

  test.each([
    ['empty', ''],
    ['garbage', 'x'],
    ['no base64', '%00%ff'],
    ['no list', Buffer.from('{}').toString('base64url')],
    ['null', Buffer.from('null').toString('base64url')],
    ['an empty list', forged()],
    ['of numbers', forged(1, 2)],
    ['with a month 13', forged('2026-13-01 00:00:00+00', idOf(1))],
    ['with a 30th of February', forged('2026-02-30 00:00:00+00', idOf(1))],
    ['with an hour 25', forged('2026-01-01 25:00:00+00', idOf(1))],
    ['with an hour 24', forged('2026-01-01 24:00:00+00', idOf(1))],
    ['with a minute 61', forged('2026-01-01 00:61:00+00', idOf(1))],
    ['with the year 0', forged('0000-01-01 00:00:00+00', idOf(1))],
    ['with an offset of 99 hours', forged('2026-01-01 00:00:00+99', idOf(1))],
    ['with an offset of 99 minutes', forged('2026-01-01 00:00:00+01:99', idOf(1))],
    ['with SQL for a time', forged("now'; DROP TABLE runs; --", idOf(1))],
    ['with infinity for a time', forged('infinity', idOf(1))],
    ['with SQL for an id', forged(TIME, "run_' OR 1=1")],
    ['with a NUL', forged(TIME, `${idOf(1)}\0`)],
    ['without an id', forged(TIME)],
    ['very long', 'A'.repeat(10_000)],
  ])('refuses a cursor that is %s', async (_what, cursor) => {
    expect(await aos.request<Failure>(`${RUNS}?cursor=${cursor}`)).toMatchObject({
      status: 400,
      body: { code: 'CURSOR_INVALID', recovery: [{ action: 'fix_request' }] },
    });
  });

  test('takes a cursor to a run that is not there as a place in time', async () => {
    const key = await aos.createKey('sorted');
    const cursor = forged('2026-01-02 12:00:00+00', idOf(77));
    const { data } = await list(`cursor=${cursor}`, key);
    expect(data.map((run) => run.run_id)).toEqual([idOf(10_001), idOf(10_000)]);
  });
});
