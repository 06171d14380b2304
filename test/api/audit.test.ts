import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { AuditPage } from '../../src/contracts/audit.ts';
import type { AuditEntry } from '../../src/contracts/audit.ts';
import type { Failure, Problem } from '../../src/contracts/failures.ts';
import { startHarness } from '../support/harness.ts';
import type { Harness } from '../support/harness.ts';

const AUDIT = '/api/v1/audit';
const CENT = 1_000_000;

describe('the audit', () => {
  let aos: Harness;
  let tenantId: string;
  /** Of an admin. */
  let key: string;
  let keyId: string;

  beforeAll(async () => {
    aos = await startHarness({ worker: false, reconciler: false });
  });
  afterAll(() => aos.stop());
  beforeEach(async () => {
    tenantId = `tenant_${uuidv7()}`;
    key = await aos.createKey(tenantId, 100 * CENT);
    keyId = (await aos.submitterOf(tenantId)).key.id;
  });

  async function list(query = '', asKey = key): Promise<AuditPage> {
    const { status, body } = await aos.request(AUDIT + query, { key: asKey });
    expect({ status, body }).toMatchObject({ status: 200 });
    return AuditPage.parse(body);
  }
  /** Waits until entries are there; refusals are written behind their requests. */
  async function until(
    query: string,
    isThere: (entries: AuditEntry[]) => boolean,
  ): Promise<AuditEntry[]> {
    const deadline = Date.now() + 30_000;
    for (;;) {
      const { data } = await list(query);
      if (isThere(data)) return data;
      if (Date.now() > deadline) throw new Error(`not there: ${JSON.stringify(data)}`);
    }
  }
  const rename = async (name: string): Promise<void> => {
    const patched = await aos.request('/api/v1/account', {
      method: 'PATCH',
      json: { name },
      key,
    });
    expect(patched.status).toBe(200);
  };
  const names = (entries: readonly AuditEntry[]) => entries.map(({ detail }) => detail['name']);

  describe('of changes', () => {
    test('lists them newest first, with who asked for what and by which request', async () => {
      await rename('one');
      await rename('two');
      const { data, has_more, next_cursor } = await list();
      expect({ has_more, next_cursor }).toEqual({ has_more: false, next_cursor: null });
      expect(names(data)).toEqual(['two', 'one']);
      expect(data[0]).toEqual({
        id: expect.any(Number),
        kind: 'change',
        operation: 'updateAccount',
        key_id: keyId,
        request_id: expect.stringMatching(/^req_/),
        subject: `tenant/${tenantId}`,
        code: null,
        detail: { name: 'two' },
        count: 1,
        at: expect.any(String),
      });
    });

    test('goes on from page to page, whatever is added meanwhile', async () => {
      for (const name of ['1', '2', '3', '4', '5']) await rename(name);
      const first = await list('?limit=2');
      await rename('6');
      const second = await list(`?limit=2&cursor=${first.next_cursor}`);
      const third = await list(`?limit=2&cursor=${second.next_cursor}`);
      expect([first, second, third].map(({ data }) => names(data))).toEqual([
        ['5', '4'],
        ['3', '2'],
        ['1'],
      ]);
      expect([first, second, third].map((page) => page.has_more)).toEqual([true, true, false]);
    });

    test('is filtered by kind, key, operation and time', async () => {
      await rename('before');
      const [{ at }] = (await list()).data as [AuditEntry];
      const later = new Date(Date.parse(at) + 1).toISOString();
      await aos.request('/api/v1/account/topup', { json: { amount_cents: 1 }, key });
      const count = async (query: string) => (await list(query)).data.length;
      expect(await count('?operation=topUpAccount')).toBe(1);
      expect(await count('?operation=cancelRun')).toBe(0);
      expect(await count(`?key_id=${keyId}&kind=change`)).toBe(2);
      expect(await count('?key_id=key_of_nobody')).toBe(0);
      expect(await count('?kind=refusal')).toBe(0);
      expect(await count(`?created_before=${later}`)).toBe(1);
      expect(await count(`?created_after=${later}`)).toBe(1);
    });

    test('tells who cancelled a run, and why, once', async () => {
      const plan = [{ skill: 'json_transform', params: { data: 1, query: '.' } }];
      const { body } = await aos.request<{ run_id: string }>('/api/v1/runs', {
        json: { plan },
        key,
      });
      const path = `/api/v1/runs/${body.run_id}/cancel`;
      const cancelled = await aos.request<{ warnings: Problem[] }>(path, {
        json: { reason: 'too dear', priority: 1 },
        key,
      });
      expect(cancelled.body.warnings).toMatchObject([
        { code: 'KEY_IGNORED', pointer: '/priority' },
      ]);
      await aos.request(path, { json: { reason: 'again' }, key });
      expect((await list('?operation=cancelRun')).data).toMatchObject([
        { kind: 'change', subject: body.run_id, key_id: keyId, detail: { reason: 'too dear' } },
      ]);
    });

    test("never shows another tenant's, whatever the cursor", async () => {
      await rename('mine');
      const [mine] = (await list()).data;
      const other = await aos.createKey(`${tenantId}_b`);
      expect((await list('', other)).data).toEqual([]);
      expect((await list(`?cursor=${mine!.id + 1}`, other)).data).toEqual([]);
      expect((await list(`?key_id=${keyId}`, other)).data).toEqual([]);
    });

    test('is for admins alone', async () => {
      const operator = await aos.createKey(tenantId, null, 'operator');
      expect((await aos.request(AUDIT, { key: operator })).status).toBe(403);
    });

    test.each([
      ['cursor=x', 'CURSOR_INVALID'],
      ['cursor=-1', 'CURSOR_INVALID'],
      ['cursor=1e3', 'CURSOR_INVALID'],
      [`cursor=${'9'.repeat(16)}`, 'CURSOR_INVALID'],
      ['kind=event', 'INVALID_REQUEST'],
      ['key_id=', 'INVALID_REQUEST'],
      ['key_id=a%00b', 'INVALID_REQUEST'],
      ['operation=%00', 'INVALID_REQUEST'],
      ['created_after=yesterday', 'INVALID_REQUEST'],
      ['limit=0', 'INVALID_REQUEST'],
      ['kinds=change', 'INVALID_REQUEST'],
    ])('refuses ?%s', async (query, code) => {
      const { status, body } = await aos.request<Failure>(`${AUDIT}?${query}`, { key });
      expect({ status, code: body.code }).toEqual({
        status: code === 'CURSOR_INVALID' ? 400 : 422,
        code,
      });
    });

    test('takes SQL for what it is: a word', async () => {
      const word = encodeURIComponent(`' OR 1=1; DROP TABLE audit_entries; --`);
      expect((await list(`?operation=${word}&key_id=${word}`)).data).toEqual([]);
    });
  });

  describe('of refusals', () => {
    test('counts what is refused to a key for the same reason as one entry', async () => {
      const viewer = await aos.createKey(tenantId, null, 'viewer');
      const { body: me } = await aos.request<{ key: { id: string } }>('/api/v1/me', {
        key: viewer,
      });
      const refused = await Promise.all(
        Array.from({ length: 5 }, () =>
          aos.request<Failure>('/api/v1/account/topup', { json: { amount_cents: 1 }, key: viewer }),
        ),
      );
      const entries = await until('?kind=refusal', ([first]) => first?.count === 5);
      expect(entries).toEqual([
        {
          id: expect.any(Number),
          kind: 'refusal',
          operation: 'topUpAccount',
          key_id: me.key.id,
          request_id: expect.any(String),
          subject: null,
          code: 'FORBIDDEN',
          detail: { message: refused[0]!.body.message },
          count: 5,
          at: expect.any(String),
        },
      ]);
      expect(refused.map(({ body }) => body.request_id)).toContain(entries[0]!.request_id);
      // What comes later, after that entry was written, is added to it.
      await aos.request('/api/v1/account/topup', { json: { amount_cents: 1 }, key: viewer });
      expect(await until('?kind=refusal', ([first]) => first?.count === 6)).toHaveLength(1);
    });

    test('names a key that has ended, its tenant and how it ended, and tells the caller nothing of it', async () => {
      const endings = {
        revoked: `revoked_at = now()`,
        expired: `expires_at = now() - interval '1 second'`,
      };
      const told = async (asKey: string) => {
        const { status, body, headers } = await aos.request<Failure>('/api/v1/agents', {
          key: asKey,
        });
        const { request_id: _, ...rest } = body;
        const names = [...headers.keys()].filter((name) => name !== 'x-request-id').toSorted();
        return { status, rest, names };
      };
      for (const [reason, ending] of Object.entries(endings)) {
        const ended = await aos.createKey(tenantId, null, 'operator');
        const { body: me } = await aos.request<{ key: { id: string } }>('/api/v1/me', {
          key: ended,
        });
        await aos.pool.query(`UPDATE api_keys SET ${ending} WHERE id = $1`, [me.key.id]);
        // For less than a second the key may be remembered.
        while ((await told(ended)).status === 200);
        const refused = await told(ended);
        expect(refused).toEqual(await told('aos_wrong'));
        expect(await aos.request('/health', { key: ended })).toMatchObject({ status: 200 });
        const entries = await until(
          `?kind=refusal&key_id=${me.key.id}`,
          ([first]) => first?.count === 2,
        );
        expect(entries).toMatchObject([
          {
            operation: 'listAgents',
            key_id: me.key.id,
            subject: null,
            code: 'UNAUTHENTICATED',
            detail: { message: refused.rest.detail, reason },
            count: 2,
          },
        ]);
        const other = await aos.createKey(`${tenantId}_b`);
        expect((await list(`?key_id=${me.key.id}`, other)).data).toEqual([]);
      }
    });

    test('names the key that ended while its request waited', async () => {
      const patient = await aos.createKey(tenantId, null, 'operator');
      const { body: me } = await aos.request<{ key: { id: string } }>('/api/v1/me', {
        key: patient,
      });
      const plan = [{ skill: 'json_transform', params: { data: 1, query: '.' } }];
      const { body: run } = await aos.request<{ run_id: string }>('/api/v1/runs', {
        json: { plan },
        key,
      });
      const path = `/api/v1/runs/${run.run_id}?wait=60s`;
      const waiting = aos.request<Failure>(path, { key: patient });
      await aos.pool.query('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [me.key.id]);
      expect(await waiting).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
      const [entry] = await until(`?key_id=${me.key.id}`, ({ length }) => length > 0);
      expect(entry).toMatchObject({ operation: 'getRun', detail: { reason: 'revoked' } });
    });

    test('holds a submission that the budget does not fit, and a limit below what is held', async () => {
      const plan = [{ skill: 'fs_read', params: { path: 'x' } }];
      const submit = (cents: number) =>
        aos.request('/api/v1/runs', { json: { plan, budget_cents: cents }, key });
      expect((await submit(60)).status).toBe(202);
      expect((await submit(60)).status).toBe(402);
      const limit = { method: 'PATCH', json: { limit_cents: 1 }, key };
      expect((await aos.request('/api/v1/account', limit)).status).toBe(409);
      const entries = await until('?kind=refusal', ({ length }) => length === 2);
      expect(entries.map(({ operation, code }) => `${operation} ${code}`).toSorted()).toEqual([
        'submitRun BUDGET_EXCEEDED',
        'updateAccount LIMIT_BELOW_SPENT',
      ]);
      const [budget] = entries.filter(({ code }) => code === 'BUDGET_EXCEEDED');
      expect(budget!.detail['message']).toContain('60 cents reserved');
    });

    test('holds no mistakes, nothing that is not there, and nothing of requests without a key', async () => {
      const status = async (path: string, init: Parameters<Harness['request']>[1]) =>
        (await aos.request(path, init)).status;
      expect(await status('/api/v1/runs/nothing', { key })).toBe(404);
      expect(await status('/api/v1/keys/nothing', { key })).toBe(404);
      expect(await status('/api/v1/runs', { json: { plan: 'x' }, key })).toBe(422);
      expect(await status('/api/v1/account', { method: 'PATCH', json: { name: 1 }, key })).toBe(
        422,
      );
      expect(await status('/api/v1/runs', { key: 'wrong' })).toBe(401);
      expect(await status('/api/v1/nowhere', { key: null })).toBe(401);
      // Noted last, so that it is written no earlier than what came before it.
      const viewer = await aos.createKey(tenantId, null, 'viewer');
      expect(await status(AUDIT, { key: viewer })).toBe(403);
      const entries = await until('', ({ length }) => length > 0);
      expect(entries.map(({ operation, code }) => [operation, code])).toEqual([
        ['listAudit', 'FORBIDDEN'],
      ]);
      const { rows } = await aos.pool.query<Record<string, unknown>>(
        `SELECT operation, code, tenant_id, key_id FROM audit_entries WHERE tenant_id IS NULL
           AND operation IN ('listRuns', 'unmatched', 'getRun') ORDER BY operation`,
      );
      expect(rows).toEqual(
        ['listRuns', 'unmatched'].map((operation) => ({
          operation,
          code: 'UNAUTHENTICATED',
          tenant_id: null,
          key_id: null,
        })),
      );
    });
  });
});

describe('the audit of a busy key', () => {
  test('holds that it was told to slow down', async () => {
    const aos = await startHarness({ worker: false, reconciler: false, ratePerMinute: 1 });
    try {
      const deadline = Date.now() + 30_000;
      let limited = 0;
      // A minute may end between two requests, so that neither is one too many.
      while (limited < 2) {
        if (Date.now() > deadline) throw new Error('nothing was limited');
        if ((await aos.request('/api/v1/me')).status === 429) limited += 1;
      }
      const count = async (): Promise<number | undefined> => {
        const { rows } = await aos.pool.query<{ count: number }>(
          `SELECT count FROM audit_entries WHERE tenant_id = 'default' AND code = 'RATE_LIMITED' AND operation = 'getMe'`,
        );
        return rows[0]?.count;
      };
      while ((await count()) !== limited && Date.now() < deadline);
      expect(await count()).toBe(limited);
    } finally {
      await aos.stop();
    }
  });
});
