import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Failure } from '../../src/contracts/failures.ts';
import type { Json, JsonObject } from '../../src/contracts/json.ts';
import {
  SECRETS_BYTES_PER_TENANT_MAX,
  SECRETS_PER_TENANT_MAX,
} from '../../src/contracts/limits.ts';
import type { SecretPage, SecretView } from '../../src/contracts/secret.ts';
import { createCipher } from '../../src/secrets/cipher.ts';
import { withTransaction } from '../../src/storage/pool.ts';
import { measureOtherSecrets, upsertSecret } from '../../src/storage/secrets.ts';
import { until } from '../support/event-receiver.ts';
import type { Harness } from '../support/harness.ts';
import { SECRETS_KEY, startHarness } from '../support/harness.ts';

const PATH = '/api/v1/secrets';
const VALUE = 'sk_live_51Kq7vT9mZ2xW4';

describe('/api/v1/secrets', () => {
  let aos: Harness;
  beforeAll(async () => {
    aos = await startHarness({ worker: false, reconciler: false });
  });
  afterAll(() => aos.stop());

  const put = <T = SecretView>(name: string, body: JsonObject, key?: string) =>
    aos.request<T>(`${PATH}/${name}`, { method: 'PUT', json: body, ...(key && { key }) });
  const problemsOf = async (body: JsonObject, name = 'ODD'): Promise<string[]> => {
    const { status, body: failure } = await put<Failure>(name, body);
    expect({ status, code: failure.code }).toEqual({ status: 422, code: 'INVALID_REQUEST' });
    expect(JSON.stringify(failure)).not.toContain(VALUE);
    return failure.errors!.map(({ pointer, message }) => `${pointer} ${message}`);
  };

  test('keeps a secret and never answers its value', async () => {
    const made = await put('MADE', { value: VALUE, hosts: ['api.example.org'] });
    expect(made).toMatchObject({
      status: 201,
      body: {
        name: 'MADE',
        hosts: ['api.example.org'],
        version: 1,
        last_used_at: null,
        warnings: [],
      },
    });
    expect(made.headers.get('location')).toBe(`${PATH}/MADE`);
    const { warnings: _, ...view } = made.body;
    expect(await aos.request(`${PATH}/MADE`)).toMatchObject({ status: 200, body: view });
    const { body } = await aos.request<SecretPage>(PATH);
    expect(body.data).toContainEqual(view);
    expect(JSON.stringify([made.body, body])).not.toContain(VALUE);
  });

  test('seals it, so that only the key of the installation opens it, for this tenant and name', async () => {
    await put('SEALED', { value: VALUE, hosts: ['api.example.org'] });
    const { rows } = await aos.pool.query<{ sealed: Buffer }>(
      `SELECT sealed FROM secrets WHERE name = 'SEALED'`,
    );
    const { sealed } = rows[0]!;
    expect(sealed.includes(VALUE)).toBe(false);
    expect(aos.deps.cipher.open(sealed, 'secret/default/SEALED')).toBe(VALUE);
    const cipher = createCipher(SECRETS_KEY);
    for (const place of ['secret/default/OTHER', 'secret/other/SEALED'])
      expect(() => cipher.open(sealed, place)).toThrow(/\S/);
    const another = createCipher('another key of secrets, which is long enough');
    expect(() => another.open(sealed, 'secret/default/SEALED')).toThrow(/\S/);
  });

  test('replaces value and hosts as a new version', async () => {
    const first = await put('ROTATED', { value: VALUE, hosts: ['a.example.org'] });
    const second = await put('ROTATED', { value: 'another value', hosts: ['b.example.org'] });
    expect(second).toMatchObject({ status: 200, body: { version: 2, hosts: ['b.example.org'] } });
    expect(second.body.created_at).toBe(first.body.created_at);
    expect(second.body.updated_at > first.body.updated_at).toBe(true);
  });

  test('deletes it, and then knows none of the name', async () => {
    await put('GONE', { value: VALUE, hosts: ['a.example.org'] });
    expect(await aos.request(`${PATH}/GONE`, { method: 'DELETE' })).toMatchObject({
      status: 200,
      body: { name: 'GONE', deleted: true },
    });
    for (const method of ['GET', 'DELETE']) {
      expect(await aos.request(`${PATH}/GONE`, { method })).toMatchObject({
        status: 404,
        body: { code: 'SECRET_NOT_FOUND' },
      });
    }
    const { rows } = await aos.pool.query(`SELECT * FROM secrets WHERE name = 'GONE'`);
    expect(rows).toEqual([]);
  });

  test('records every change without the value', async () => {
    await put('NOTED', { value: VALUE, hosts: ['a.example.org'] });
    await put('NOTED', { value: VALUE, hosts: ['a.example.org'] });
    await aos.request(`${PATH}/NOTED`, { method: 'DELETE' });
    const { rows } = await aos.pool.query<{ operation: string; detail: string }>(
      `SELECT operation, detail FROM audit_entries WHERE subject = 'NOTED' ORDER BY id`,
    );
    expect(
      rows.map(({ operation, detail }) => ({ operation, detail: JSON.parse(detail) as Json })),
    ).toEqual([
      { operation: 'putSecret', detail: { hosts: ['a.example.org'], version: 1 } },
      { operation: 'putSecret', detail: { hosts: ['a.example.org'], version: 2 } },
      { operation: 'deleteSecret', detail: {} },
    ]);
  });

  test('is read by an operator and written by an admin alone', async () => {
    const operator = await aos.createKey('default', null, 'operator');
    const viewer = await aos.createKey('default', null, 'viewer');
    const body = { value: VALUE, hosts: ['a.example.org'] };
    expect((await aos.request(PATH, { key: operator })).status).toBe(200);
    expect((await aos.request(PATH, { key: viewer })).status).toBe(403);
    expect((await put('MINE', body, operator)).status).toBe(403);
  });

  test('keeps the secrets of tenants apart', async () => {
    const other = await aos.createKey('other');
    await put('SHARED', { value: VALUE, hosts: ['a.example.org'] });
    expect((await aos.request(`${PATH}/SHARED`, { key: other })).status).toBe(404);
    const body = { value: 'theirs, not ours', hosts: ['b.example.org'] };
    expect(await put('SHARED', body, other)).toMatchObject({ status: 201, body: { version: 1 } });
    expect(await aos.request(`${PATH}/SHARED`)).toMatchObject({
      body: { hosts: ['a.example.org'], version: 1 },
    });
    expect((await aos.request<SecretPage>(PATH, { key: other })).body.data).toHaveLength(1);
  });

  test('lists by name, a page at a time', async () => {
    const pager = await aos.createKey('pager');
    for (const name of ['b', 'a', 'B', 'a-1', 'c'])
      await put(name, { value: VALUE, hosts: ['a.example.org'] }, pager);
    const names: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { body } = await aos.request<SecretPage>(`${PATH}?limit=2${query}`, { key: pager });
      names.push(...body.data.map(({ name }) => name));
      cursor = body.next_cursor;
    }
    expect(names).toEqual(['B', 'a', 'a-1', 'b', 'c']);
    for (const cursor of ['x', Buffer.from('["a b"]').toString('base64url')]) {
      expect(await aos.request(`${PATH}?cursor=${cursor}`)).toMatchObject({
        status: 400,
        body: { code: 'CURSOR_INVALID' },
      });
    }
  });

  test('refuses a value of 3 characters, and says why', async () => {
    const tooShort =
      '/value must have at least 8 characters, spaces around it not counted: a shorter one cannot be hidden in what ' +
      'comes back without destroying ordinary text';
    for (const value of ['abc', '', 'seven__ ', '\n'.repeat(40)])
      expect(await problemsOf({ value, hosts: ['a.example.org'] })).toEqual([tooShort]);
  });

  test('refuses a value of 1 MiB, and says how large one may be', async () => {
    const value = 'v'.repeat(1024 * 1024);
    expect(await problemsOf({ value, hosts: ['a.example.org'] })).toEqual([
      '/value is 1048576 bytes; a secret may have 65536',
    ]);
    const largest = 'é'.repeat(32 * 1024);
    expect((await put('LARGE', { value: largest, hosts: ['a.example.org'] })).status).toBe(201);
  });

  test('refuses what cannot be kept or hidden, all at once and without the value', async () => {
    expect(await problemsOf({ value: `${VALUE}\0`, hosts: [] })).toHaveLength(2);
    expect(await problemsOf({ value: `${VALUE}\ud800`, hosts: ['a.example.org'] })).toEqual([
      '/value must be well-formed Unicode',
    ]);
    expect(await problemsOf({ value: 12345678, hosts: ['a.example.org'] })).toHaveLength(1);
    expect(await problemsOf({ value: '[secret ODD]', hosts: ['a.example.org'] })).toHaveLength(1);
    for (const name of ['1st', 'a.b', 'a%20b', 'x'.repeat(65), '__proto__', '%7Ba%7D'])
      expect(await problemsOf({ value: VALUE, hosts: ['a.example.org'] }, name)).toHaveLength(1);
  });

  test.each([
    ['API.Example.org.', 'api.example.org'],
    ['api.example.org:8443', 'api.example.org:8443'],
    ['https://api.example.org:443', 'api.example.org'],
    ['http://api.example.org:80', 'http://api.example.org'],
    ['*.example.org:8443', '*.example.org:8443'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['*.bücher.example', '*.xn--bcher-kva.example'],
    ['localhost:3000', 'localhost:3000'],
    ['192.0.2.7', '192.0.2.7'],
    ['0xc0.0.2.7', '192.0.2.7'],
    ['[2001:DB8::0:1]:8443', '[2001:db8::1]:8443'],
  ])('takes the host %s as %s', async (written, kept) => {
    const { status, body } = await put('HOSTED', { value: VALUE, hosts: [written, kept] });
    expect({ status: status < 300, hosts: body.hosts }).toEqual({ status: true, hosts: [kept] });
  });

  test.each([
    '*',
    '*.com',
    '*.*.example.org',
    'api.*.example.org',
    'a*.example.org',
    '*example.org',
    '*.192.0.2.7',
    '*.[2001:db8::1]',
    '.example.org',
    'example..org',
    'api.example.org/path',
    'api.example.org?x',
    'api.example.org#x',
    'user@api.example.org',
    'api.example.org:0',
    'api.example.org:65536',
    'api.example.org:',
    'api.example.org:https',
    'ftp://api.example.org',
    'api example.org',
    'api.example.org\n',
    '2001:db8::1',
    '',
    'x'.repeat(301),
    `${'x'.repeat(254)}.org`,
  ])('refuses the host %j', async (host) => {
    const problems = await problemsOf({ value: VALUE, hosts: ['a.example.org', host] });
    expect(problems.every((problem) => problem.startsWith('/hosts/1 '))).toBe(true);
  });

  test(`takes ${SECRETS_PER_TENANT_MAX} secrets of a tenant, and new values of them`, async () => {
    const full = await aos.createKey('full');
    await aos.pool.query(
      `INSERT INTO secrets (tenant_id, name, sealed, hosts)
       SELECT 'full', 'S' || n, '', '{}' FROM generate_series(1, $1) AS n`,
      [SECRETS_PER_TENANT_MAX],
    );
    const body = { value: VALUE, hosts: ['a.example.org'] };
    expect(await put('ONE_MORE', body, full)).toMatchObject({
      status: 409,
      body: { code: 'SECRETS_EXCEEDED' },
    });
    expect(await put('S1', body, full)).toMatchObject({ status: 200, body: { version: 2 } });
  });

  test('quotes nothing of a body that is no JSON', async () => {
    const response = await fetch(`${aos.url}${PATH}/BROKEN`, {
      method: 'PUT',
      headers: { Authorization: `Bearer ${aos.key}` },
      body: `{"value": ${VALUE}}`,
    });
    const text = await response.text();
    expect({ status: response.status, ...(JSON.parse(text) as object) }).toMatchObject({
      status: 400,
      code: 'INVALID_JSON',
    });
    expect(text).not.toContain(VALUE.slice(0, 4));
  });

  test('counts them one after the other, whoever else makes one', async () => {
    const crowd = await aos.createKey('crowd');
    await aos.pool.query(
      `INSERT INTO secrets (tenant_id, name, sealed, hosts)
       SELECT 'crowd', 'S' || n, '', '{}' FROM generate_series(1, $1) AS n`,
      [SECRETS_PER_TENANT_MAX - 1],
    );
    const other = { name: 'LAST', sealed: Buffer.alloc(40), hosts: ['a.example.org'] };
    const isWaiting = async (): Promise<boolean> => {
      const { rowCount } = await aos.pool.query(
        `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FROM tenants%' AND datname = current_database()`,
      );
      return rowCount === 1;
    };
    const mine = await withTransaction(aos.pool, async (tx) => {
      await measureOtherSecrets(tx, 'crowd', 'LAST');
      const asked = put('NEW', { value: VALUE, hosts: ['a.example.org'] }, crowd);
      await until(isWaiting, (isSo) => isSo);
      await upsertSecret(tx, 'crowd', other);
      return { asked };
    });
    expect(await mine.asked).toMatchObject({ status: 409, body: { code: 'SECRETS_EXCEEDED' } });
  });

  test('takes so many bytes of secrets of a tenant, and tells of the limit', async () => {
    const large = await aos.createKey('large');
    await aos.pool.query(
      `INSERT INTO secrets (tenant_id, name, sealed, hosts) VALUES ('large', 'S', decode(repeat('00', $1), 'hex'), '{}')`,
      [SECRETS_BYTES_PER_TENANT_MAX - VALUE.length],
    );
    const body = { value: VALUE, hosts: ['a.example.org'] };
    expect(await put('ONE_MORE', body, large)).toMatchObject({
      status: 409,
      body: { code: 'SECRETS_EXCEEDED', limit: { name: 'secrets_bytes_per_tenant_max' } },
    });
    expect(await put('S', body, large)).toMatchObject({ status: 200, body: { version: 2 } });
  });
});
