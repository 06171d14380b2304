import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import type { Failure } from '../../src/contracts/failures.ts';
import { CreatedKey, KeyPage, KeyView, Me, Rbac } from '../../src/contracts/key.ts';
import {
  KEY_CACHE_MS,
  KEY_LENGTH_MAX,
  KEY_LOOKUPS_MAX,
  KEYS_PER_TENANT_MAX,
} from '../../src/contracts/limits.ts';
import type { Role } from '../../src/contracts/roles.ts';
import type { Route } from '../../src/contracts/route.ts';
import { KEY_ROUTES } from '../../src/contracts/routes/keys.ts';
import { createKeyCache } from '../../src/keys/key-cache.ts';
import type { Db } from '../../src/storage/pool.ts';
import { tenantAccountId } from '../../src/storage/tenants.ts';
import type { Harness } from '../support/harness.ts';
import { hashKey, startHarness } from '../support/harness.ts';

const KEYS = '/api/v1/keys';
const HOUR_MS = 3_600_000;
/** Far beyond what it takes. */
const GIVE_UP_MS = 20_000;

type Refusable<T> = T & Partial<Pick<Failure, 'code' | 'detail'>>;

let aos: Harness;
beforeAll(async () => {
  aos = await startHarness({ worker: false, reconciler: false });
});
afterAll(() => aos.stop());

const create = async (json: object, key: string = aos.key): Promise<CreatedKey> => {
  const { status, body } = await aos.request(KEYS, { json, key });
  expect({ status, body }).toMatchObject({ status: 201 });
  return CreatedKey.parse(body);
};
const read = async (id: string, key: string = aos.key): Promise<KeyView> =>
  KeyView.parse((await aos.request(`${KEYS}/${id}`, { key })).body);
const revoke = (id: string, key: string = aos.key) =>
  aos.request<Refusable<KeyView>>(`${KEYS}/${id}`, { method: 'DELETE', key });
const rotate = (id: string, json: object = {}, key: string = aos.key) =>
  aos.request<Refusable<CreatedKey>>(`${KEYS}/${id}/rotate`, { json, key });
const works = async (key: string): Promise<boolean> =>
  (await aos.request('/api/v1/me', { key })).status === 200;

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + GIVE_UP_MS;
  while (!(await isSo())) {
    if (Date.now() > giveUpAt) throw new Error('what is waited for does not come');
  }
}

/** A key that worked a moment ago may be remembered for less than a second. */
const stops = (key: string): Promise<void> => until(async () => !(await works(key)));

async function makeAgent(status = 'active'): Promise<string> {
  const { rows } = await aos.pool.query<{ id: string }>(
    `INSERT INTO agents (id, tenant_id, name, status) VALUES ('agent_' || gen_random_uuid(), 'default', 'scout', $1)
     RETURNING id`,
    [status],
  );
  return rows[0]!.id;
}

/** A tenant of its own with one admin key. */
const tenant = async (id: string): Promise<{ key: string; keyId: string }> => {
  const key = await aos.createKey(id);
  const { body } = await aos.request<Me>('/api/v1/me', { key });
  return { key, keyId: body.key.id };
};

describe('a new key', () => {
  test('is shown once, works at once, and can do what it was made for', async () => {
    const expiresAt = new Date(Date.now() + HOUR_MS).toISOString();
    const { status, headers, body } = await aos.request<CreatedKey>(KEYS, {
      json: { name: 'ci', role: 'operator', expires_at: expiresAt, rate_limit_per_minute: 77 },
    });
    expect(status).toBe(201);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('location')).toBe(`${KEYS}/${body.id}`);
    expect(CreatedKey.parse(body)).toEqual({
      id: expect.stringMatching(/^key_[0-9a-f-]{36}$/),
      key: expect.stringMatching(/^aos_[\w-]{43}$/),
      name: 'ci',
      role: 'operator',
      prefix: body.key.slice(0, 12),
      status: 'active',
      agent_id: null,
      rate_limit_per_minute: 77,
      budget: null,
      thresholds: [],
      created_at: expect.any(String),
      expires_at: expiresAt,
      last_used_at: null,
      revoked_at: null,
      replaced_by: null,
      warnings: [],
    });
    const me = await aos.request<Me>('/api/v1/me', { key: body.key });
    expect(me.body).toMatchObject({ role: 'operator', key: { id: body.id } });
    expect(JSON.stringify(me.body)).not.toContain(body.key);
    expect(JSON.stringify(await read(body.id))).not.toContain(body.key);
    const { rows } = await aos.pool.query<{ row: string }>(
      `SELECT api_keys::text || coalesce((SELECT string_agg(audit_entries::text, ' ') FROM audit_entries), '') AS row
       FROM api_keys WHERE id = $1`,
      [body.id],
    );
    expect(rows[0]!.row).not.toContain(body.key);
    expect(rows[0]!.row).not.toContain(Buffer.from(body.key).toString('hex'));
  });

  test('is a viewer that never expires, with the limit of all, if nothing else is said', async () => {
    const made = await create({ name: 'plain' });
    expect(made).toMatchObject({ role: 'viewer', expires_at: null, budget: null });
    expect(made.rate_limit_per_minute).toBeGreaterThan(0);
    expect((await aos.request(KEYS, { key: made.key })).status).toBe(403);
  });

  test('says when it was used last', async () => {
    const made = await create({ name: 'used' });
    expect(await works(made.key)).toBe(true);
    await until(async () => (await read(made.id)).last_used_at !== null);
    expect(await read(made.id)).toMatchObject({ last_used_at: expect.any(String) });
  });

  test('can have a budget of its own, under that of its tenant', async () => {
    const made = await create({ name: 'spender', role: 'operator', budget_cents: 12.5 });
    const expected = {
      level: 'key',
      account_id: `key/${made.id}`,
      limited: true,
      total_cents: 12.5,
      remaining_cents: 12.5,
      spent_cents: 0,
      period: 'total',
      resets_at: null,
    };
    expect(made.budget).toMatchObject(expected);
    expect((await read(made.id)).budget).toMatchObject(expected);
    const { rows } = await aos.pool.query(
      'SELECT parent_id, tenant_id FROM accounts WHERE id = $1',
      [`key/${made.id}`],
    );
    expect(rows).toEqual([{ parent_id: tenantAccountId('default'), tenant_id: 'default' }]);
    expect((await create({ name: 'none', budget_cents: 0 })).budget).toMatchObject({
      limited: true,
      total_cents: 0,
    });
  });

  test('can be bound to an agent', async () => {
    const agentId = await makeAgent();
    const made = await create({ name: 'bound', role: 'operator', agent_id: agentId });
    expect(made.agent_id).toBe(agentId);
    const { body } = await aos.request('/api/v1/me', { key: made.key });
    expect(Me.parse(body).agent).toEqual({ agent_id: agentId, name: 'scout', status: 'active' });
  });

  test('is refused with all that is wrong with it at once', async () => {
    const refusal = async (json: object) => {
      const { status, body } = await aos.request<Failure>(KEYS, { json });
      return { status, at: body.errors?.map(({ pointer }) => pointer).toSorted() };
    };
    const shape = await refusal({ role: 'root', rate_limit_per_minute: 0, budget_cents: -1 });
    expect(shape).toEqual({
      status: 422,
      at: ['/budget_cents', '/name', '/rate_limit_per_minute', '/role'],
    });
    const past = '2020-01-01T00:00:00Z';
    expect(await refusal({ name: 'a', role: 'admin', agent_id: 'x', expires_at: past })).toEqual({
      status: 422,
      at: ['/agent_id', '/agent_id', '/expires_at'],
    });
    const late = '9999-12-31T23:59:59-14:00';
    expect(await refusal({ name: 'a', expires_at: late })).toMatchObject({ at: ['/expires_at'] });
    for (const agentId of [await makeAgent('archived'), 'agent_0', '\0']) {
      expect(await refusal({ name: 'a', agent_id: agentId })).toMatchObject({ at: ['/agent_id'] });
    }
    const admin = { name: 'a', role: 'admin', agent_id: await makeAgent() };
    expect(await refusal(admin)).toMatchObject({ at: ['/agent_id'] });
    const stranger = await aos.createKey('of-no-agents');
    const json = { name: 'a', agent_id: await makeAgent() };
    expect((await aos.request(KEYS, { json, key: stranger })).status).toBe(422);
  });

  test('is refused when the tenant has as many as it may have', async () => {
    const { key, keyId } = await tenant('crowd');
    await aos.pool.query(
      `INSERT INTO api_keys (id, tenant_id, name, role, hash, prefix)
       SELECT 'key_' || gen_random_uuid(), 'crowd', 'n', 'viewer', sha256(n::text::bytea), 'aos_' FROM generate_series(2, $1) n`,
      [KEYS_PER_TENANT_MAX],
    );
    const limit = {
      name: 'keys_per_tenant_max',
      value: KEYS_PER_TENANT_MAX,
      asked: KEYS_PER_TENANT_MAX + 1,
    };
    const full = { status: 409, body: { code: 'KEYS_EXCEEDED', limit } };
    const refused = await aos.request<Failure>(KEYS, { json: { name: 'one more' }, key });
    expect(refused).toMatchObject(full);
    expect(refused.body.detail).toContain(String(KEYS_PER_TENANT_MAX));
    expect(await rotate(keyId, {}, key)).toMatchObject(full);
    const { rows } = await aos.pool.query<{ id: string }>(
      `SELECT id FROM api_keys WHERE tenant_id = 'crowd' AND role = 'viewer' LIMIT 2`,
    );
    await revoke(rows[0]!.id, key);
    const twins = [1, 2, 3].map(() => aos.request(KEYS, { json: { name: 'one more' }, key }));
    const statuses = (await Promise.all(twins)).map(({ status }) => status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([201, 409, 409]);
    expect((await rotate(keyId, { overlap_ms: 0 }, key)).status).toBe(201);
  });
});

describe('the list of keys', () => {
  test('comes in pages, newest first, each key once, and of its own tenant alone', async () => {
    const { key, keyId } = await tenant('pages');
    const made: string[] = [keyId];
    for (const name of ['a', 'b', 'c', 'd', 'e']) made.unshift((await create({ name }, key)).id);
    const seen: string[] = [];
    let next = `${KEYS}?limit=2`;
    for (;;) {
      const page = KeyPage.parse((await aos.request(next, { key })).body);
      seen.push(...page.data.map(({ id }) => id));
      expect(page.has_more).toBe(page.next_cursor !== null);
      if (page.next_cursor === null) break;
      next = `${KEYS}?limit=2&cursor=${page.next_cursor}`;
    }
    expect(seen).toEqual(made);
    const stranger = await aos.createKey('pages-stranger');
    const page = KeyPage.parse((await aos.request(next, { key: stranger })).body);
    expect(page.data.filter(({ id }) => made.includes(id))).toEqual([]);
  });

  test('takes no cursor but its own, and no limit out of range', async () => {
    const forged = (id: string) =>
      Buffer.from(JSON.stringify(['2026-01-01 00:00:00+00', id])).toString('base64url');
    const uuid = '01935d2c-7b1a-7c3e-9f00-5a1b2c3d4e5f';
    expect((await aos.request(`${KEYS}?cursor=${forged(`key_${uuid}`)}`)).status).toBe(200);
    for (const cursor of ['x', '', forged(`run_${uuid}`), forged("key_' OR 1=1")]) {
      expect(await aos.request(`${KEYS}?cursor=${cursor}`)).toMatchObject({
        status: 400,
        body: { code: 'CURSOR_INVALID' },
      });
    }
    expect((await aos.request(`${KEYS}?limit=0`)).status).toBe(422);
    expect((await aos.request(`${KEYS}?limt=5`)).status).toBe(422);
  });
});

describe('revoking', () => {
  test('stops the key, answers it, and does nothing twice', async () => {
    const made = await create({ name: 'going' });
    expect(await works(made.key)).toBe(true);
    const first = await revoke(made.id);
    expect(first.status).toBe(200);
    expect(KeyView.parse(first.body)).toMatchObject({
      status: 'revoked',
      revoked_at: expect.any(String),
    });
    const again = await revoke(made.id);
    expect(again).toMatchObject({ status: 200, body: { revoked_at: first.body.revoked_at } });
    await stops(made.key);
    const { rows } = await aos.pool.query(
      `SELECT 1 FROM audit_entries WHERE operation = 'revokeKey' AND subject = $1`,
      [made.id],
    );
    expect(rows).toHaveLength(1);
  });

  test('ends what waits under the key, without its answer', async () => {
    const made = await create({ name: 'patient' });
    const { body: run } = await aos.request<{ run_id: string }>('/api/v1/runs', {
      json: { plan: [{ skill: 'json_transform', params: { data: 1, query: '.' } }] },
    });
    // No worker is there to end the run.
    const path = `/api/v1/runs/${run.run_id}?wait=60s`;
    const waiting = aos.request<Failure>(path, { key: made.key });
    await until(async () => {
      const { rows } = await aos.pool.query(
        'SELECT 1 FROM api_keys WHERE id = $1 AND last_used_at IS NOT NULL',
        [made.id],
      );
      return rows.length > 0;
    });
    await revoke(made.id);
    expect(await waiting).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
  });

  test('leaves every tenant an admin', async () => {
    const { key, keyId } = await tenant('lone');
    await create({ name: 'helper', role: 'operator' }, key);
    const expired = await create({ name: 'gone', role: 'admin' }, key);
    await aos.pool.query('UPDATE api_keys SET expires_at = now() WHERE id = $1', [expired.id]);
    const refused = await revoke(keyId, key);
    expect(refused).toMatchObject({ status: 409, body: { code: 'LAST_ADMIN_KEY' } });
    expect(refused.body.detail).toContain('Create another one first');
    expect((await revoke(expired.id, key)).status).toBe(200);
    // The old key of a rotation still works, but only for a while.
    const next = (await rotate(keyId, {}, key)).body;
    expect(await revoke(next.id, key)).toMatchObject({ status: 409 });
    expect(await revoke(keyId, next.key)).toMatchObject({ status: 200 });
  });

  test('leaves one of two admins who revoke each other at once', async () => {
    const { key, keyId } = await tenant('duel');
    const other = await create({ name: 'other', role: 'admin' }, key);
    expect(await works(other.key)).toBe(true);
    const both = await Promise.all([revoke(keyId, other.key), revoke(other.id, key)]);
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409]);
  });
});

describe('rotating', () => {
  test('gives a key that may do the same, while the old one works for the overlap', async () => {
    const agentId = await makeAgent();
    const expiresAt = new Date(Date.now() + 100 * HOUR_MS).toISOString();
    const old = await create({
      name: 'nightly',
      role: 'operator',
      agent_id: agentId,
      rate_limit_per_minute: 5_000,
      budget_cents: 10,
      expires_at: expiresAt,
    });
    const { status, headers, body } = await rotate(old.id, { overlap_ms: HOUR_MS });
    expect(status).toBe(201);
    expect(headers.get('cache-control')).toBe('no-store');
    const next = CreatedKey.parse(body);
    const { name, role, agent_id, rate_limit_per_minute, budget, expires_at } = old;
    expect(next).toMatchObject({ name, role, agent_id, rate_limit_per_minute, budget, expires_at });
    expect(next.id).not.toBe(old.id);
    expect(next.key).not.toBe(old.key);
    expect([await works(old.key), await works(next.key)]).toEqual([true, true]);
    const left = await read(old.id);
    expect(left).toMatchObject({ status: 'active', replaced_by: next.id });
    const overlapMs = Date.parse(left.expires_at!) - Date.parse(next.created_at);
    expect(overlapMs).toBe(HOUR_MS);
    const again = await rotate(old.id);
    expect(again).toMatchObject({ status: 409, body: { code: 'KEY_NOT_ACTIVE' } });
    expect(again.body.detail).toContain(next.id);
    await aos.pool.query('UPDATE api_keys SET expires_at = now() WHERE id = $1', [old.id]);
    await stops(old.key);
    expect(await read(old.id)).toMatchObject({ status: 'expired' });
  });

  test('with no overlap ends the old key at once, and an expiry is never put off', async () => {
    const old = await create({ name: 'leaked' });
    expect(await works(old.key)).toBe(true);
    const { body } = await rotate(old.id, { overlap_ms: 0 });
    expect(await works(body.key)).toBe(true);
    expect(await read(old.id)).toMatchObject({ status: 'revoked', replaced_by: body.id });
    await stops(old.key);
    const soon = new Date(Date.now() + HOUR_MS).toISOString();
    const passing = await create({ name: 'passing', expires_at: soon });
    const longer = new Date(Date.now() + 9 * HOUR_MS).toISOString();
    const next = await rotate(passing.id, { overlap_ms: 5 * HOUR_MS, expires_at: longer });
    expect(next.body.expires_at).toBe(longer);
    expect(await read(passing.id)).toMatchObject({ expires_at: soon });
    expect((await rotate(next.body.id, { expires_at: null })).body.expires_at).toBe(null);
  });

  test('refuses what cannot be', async () => {
    const { id } = await create({ name: 'a' });
    expect((await rotate(id, { overlap_ms: -1 })).status).toBe(422);
    expect((await rotate(id, { expires_at: '2020-01-01T00:00:00Z' })).status).toBe(422);
    await revoke(id);
    expect(await rotate(id)).toMatchObject({ status: 409, body: { code: 'KEY_NOT_ACTIVE' } });
  });
});

test('a key that is not there, or not ours, is not found, whatever is asked of it', async () => {
  const stranger = await aos.createKey('key-stranger');
  const { id } = await create({ name: 'ours' });
  const uuid = '01935d2c-7b1a-7c3e-9f00-5a1b2c3d4e5f';
  const cases: [string, string][] = [
    [id, stranger],
    [`key_${uuid}`, aos.key],
    ['x', aos.key],
    ['key_%00', aos.key],
    ["key_'--", aos.key],
  ];
  for (const [each, key] of cases) {
    const missing = { status: 404, body: { code: 'KEY_NOT_FOUND' } };
    expect(await aos.request(`${KEYS}/${each}`, { key })).toMatchObject(missing);
    expect(await revoke(each, key)).toMatchObject(missing);
    expect(await rotate(each, {}, key)).toMatchObject(missing);
  }
  expect(await read(id)).toMatchObject({ status: 'active', replaced_by: null });
});

test('every change is recorded, with who made it and by which request, and no key', async () => {
  const { key, keyId } = await tenant('recorded');
  const json = { name: 'n', budget_cents: 5 };
  const { headers, body } = await aos.request<CreatedKey>(KEYS, { json, key });
  const next = (await rotate(body.id, { overlap_ms: 1_000 }, key)).body;
  await revoke(next.id, key);
  const { rows } = await aos.pool.query<{ detail: string }>(
    `SELECT operation, key_id, request_id, subject, detail FROM audit_entries
     WHERE tenant_id = 'recorded' AND kind = 'change' ORDER BY id`,
  );
  expect(rows.map((row) => ({ ...row, detail: JSON.parse(row.detail) }))).toMatchObject([
    {
      operation: 'createKey',
      key_id: keyId,
      request_id: headers.get('x-request-id'),
      subject: body.id,
      detail: { name: 'n', role: 'viewer', budget_cents: 5 },
    },
    {
      operation: 'rotateKey',
      key_id: keyId,
      subject: body.id,
      detail: { replaced_by: next.id, overlap_ms: 1_000 },
    },
    { operation: 'revokeKey', key_id: keyId, subject: next.id },
  ]);
  expect(JSON.stringify(rows)).not.toContain(body.key);
});

test('only an admin sees and changes keys; everyone sees who they are and what each role may do', async () => {
  const { id } = await create({ name: 'target' });
  for (const role of ['viewer', 'operator', 'admin'] satisfies Role[]) {
    const key = await aos.createKey('default', null, role);
    const admin = role === 'admin';
    const json = { name: 'by a role' };
    expect((await aos.request(KEYS, { key })).status).toBe(admin ? 200 : 403);
    expect((await aos.request(`${KEYS}/${id}`, { key })).status).toBe(admin ? 200 : 403);
    expect((await aos.request(KEYS, { key, json })).status).toBe(admin ? 201 : 403);
    expect((await rotate(id, {}, key)).status).toBe(admin ? 201 : 403);
    expect((await revoke(id, key)).status).toBe(admin ? 200 : 403);
    const me = Me.parse((await aos.request('/api/v1/me', { key })).body);
    expect(me).toMatchObject({ role, agent: null, tenant: { id: 'default', name: 'default' } });
    const rbac = Rbac.parse((await aos.request('/api/v1/rbac/info', { key })).body);
    expect(rbac.role).toBe(role);
    const may = new Map(
      rbac.roles.map((each) => [each.role, each.may.map((operation) => operation.operation_id)]),
    );
    expect([...may.keys()]).toEqual(['viewer', 'operator', 'admin']);
    expect(may.get('viewer')).toEqual(expect.arrayContaining(['listRuns', 'getMe']));
    expect(may.get('viewer')).not.toContain('submitRun');
    expect(may.get('operator')).toEqual(expect.arrayContaining([...may.get('viewer')!]));
    expect(may.get('operator')).toContain('submitRun');
    expect(may.get('operator')).not.toContain('createKey');
    expect(may.get('admin')).toEqual(expect.arrayContaining([...may.get('operator')!]));
    expect(may.get('admin')).toContain('createKey');
    expect(may.get('admin')).not.toContain('getHealth');
  }
});

test('a revoked key stops within a second on every server, however often it is used meanwhile', async () => {
  const other = await aos.startServer();
  const { id, key } = await create({ name: 'revoked', role: 'viewer' });
  const beginningsOf = new Map<string, { accepted: number[]; refused: number[] }>(
    [aos.url, other.url].map((url) => [url, { accepted: [], refused: [] }]),
  );
  const knock = async (url: string): Promise<void> => {
    const begunAtMs = performance.now();
    const { status } = await fetch(`${url}/api/v1/me`, { headers: { 'X-API-Key': key } });
    expect([200, 401]).toContain(status);
    beginningsOf.get(url)![status === 200 ? 'accepted' : 'refused'].push(begunAtMs);
  };
  for (const url of beginningsOf.keys()) await knock(url);
  expect((await revoke(id)).status).toBe(200);
  const lastMs = performance.now() + 1_000;
  // However slow the machine is: what begins later than that must not pass, and there are enough that do.
  const isOver = (): boolean =>
    [...beginningsOf.values()].every(
      ({ refused }) => refused.filter((atMs) => atMs > lastMs).length >= 20,
    );
  while (!isOver())
    await Promise.all([...beginningsOf.keys()].flatMap((url) => [knock(url), knock(url)]));
  for (const { accepted } of beginningsOf.values()) {
    expect(accepted.length).toBeGreaterThan(0);
    expect(accepted.filter((atMs) => atMs > lastMs)).toEqual([]);
  }
}, 60_000);

test('10,000 requests with bad keys ask Postgres little, and never keep it from a good key', async () => {
  const nameOf = (hash: Buffer): string => hash.toString('hex');
  const asked = new Map<string, number>();
  const askedOf = (key: string): number => asked.get(nameOf(hashKey(key))) ?? 0;
  const together = new Set<string>();
  let running = 0;
  let mostAtOnce = 0;
  const query = async (text: string, values: unknown[]) => {
    if (text.startsWith('UPDATE')) return aos.pool.query(text, values);
    const names = (values[0] as Buffer[]).map(nameOf);
    for (const name of names) asked.set(name, (asked.get(name) ?? 0) + 1);
    if (names.length > 1) for (const name of names) together.add(name);
    mostAtOnce = Math.max(mostAtOnce, (running += 1));
    return aos.pool.query(text, values).finally(() => (running -= 1));
  };
  const keys = createKeyCache({ pool: { query } as Db, hashKey, logger: aos.deps.logger });
  const { url } = await aos.startServer(keys);
  const statusOf = async (key: string): Promise<number> => {
    const response = await fetch(`${url}/api/v1/me`, { headers: { 'X-API-Key': key } });
    await response.arrayBuffer();
    return response.status;
  };
  const refuse = async (
    count: number,
    keyOf: (index: number) => string,
    isEnough = () => true,
  ): Promise<number> => {
    let sent = 0;
    const attack = async (): Promise<void> => {
      while (sent < count || !isEnough()) expect(await statusOf(keyOf((sent += 1)))).toBe(401);
    };
    await Promise.all(Array.from({ length: 40 }, attack));
    return sent;
  };

  // What is no key by its form is not asked about.
  const forms = ['bad', 'AOS_bad', 'aos_', 'aos_a b', `aos_${'x'.repeat(KEY_LENGTH_MAX)}`];
  await refuse(3_000, (index) => forms[index % forms.length]!);
  expect(asked.size).toBe(0);

  // What was unknown a moment ago is not asked about again.
  const begunAtMs = performance.now();
  await refuse(3_000, () => 'aos_the_same');
  expect(askedOf('aos_the_same')).toBeLessThanOrEqual(
    1 + (performance.now() - begunAtMs) / KEY_CACHE_MS,
  );

  // Keys that are all new are asked about once each, in few statements at a time; a good one waits for none of them.
  const good = await create({ name: 'good', role: 'viewer' });
  const fresh = await create({ name: 'fresh', role: 'viewer' });
  expect(await statusOf(good.key)).toBe(200);
  asked.clear();
  let isFlooded = true;
  const flood = refuse(
    4_000,
    (index) => `aos_bad_${index}`,
    () => askedOf(good.key) >= 2,
  ).finally(() => (isFlooded = false));
  expect(await statusOf(fresh.key)).toBe(200);
  while (isFlooded) expect(await statusOf(good.key)).toBe(200);
  const bad = Array.from({ length: await flood }, (_, index) => askedOf(`aos_bad_${index + 1}`));
  expect(bad.filter((times) => times !== 1)).toEqual([]);
  expect(together.has(nameOf(hashKey(good.key)))).toBe(false);
  expect(mostAtOnce).toBeLessThanOrEqual(2 * KEY_LOOKUPS_MAX);
}, 180_000);

test.each(Object.entries<Route>(KEY_ROUTES))(
  '%s has examples that fit their schemas',
  (_name, route) => {
    const { body, bodyExample = {}, answers } = route;
    expect((body ?? z.object({})).safeParse(bodyExample).error).toBeUndefined();
    for (const { schema, example } of Object.values(answers))
      expect(schema!.safeParse(example).error).toBeUndefined();
  },
);
