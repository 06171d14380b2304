import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CreatedKey, KeyView, Me } from '../../src/contracts/key.ts';
import type { Harness } from '../support/harness.ts';
import { PEPPER, startHarness } from '../support/harness.ts';
import { startAos } from '../support/started.ts';
import type { Started } from '../support/started.ts';

const AOS = fileURLToPath(new URL('../../dist/src/bin/aos.js', import.meta.url));
const execute = promisify(execFile);

interface Printed {
  code: number;
  stdout: string;
  stderr: string;
}

/** The command as a process, with nothing of the environment but what is given. */
async function command(settings: Record<string, string>, ...args: string[]): Promise<Printed> {
  const env = { PATH: process.env['PATH']!, ...settings };
  try {
    return { code: 0, ...(await execute(process.execPath, [AOS, ...args], { env })) };
  } catch (error) {
    const { code, stdout, stderr } = error as Printed;
    return { code, stdout, stderr };
  }
}

describe('npm run aos, with a database of its own', () => {
  let api: Harness;
  let settings: Record<string, string>;
  beforeAll(async () => {
    api = await startHarness({ worker: false, reconciler: false });
    settings = {
      DATABASE_URL: api.databaseUrl,
      AOS_KEY_PEPPER: PEPPER,
      AOS_SECRETS_KEY: 's'.repeat(40),
    };
  });
  afterAll(() => api.stop());

  const aos = (...args: string[]) => command(settings, ...args);
  const meOf = async (key: string) => (await api.request<Me>('/api/v1/me', { key })).body;

  test('makes a key that works in the running api at once, and prints nothing else to its output', async () => {
    const { code, stdout, stderr } = await aos('keys', 'create', '--name', 'ci', '--role', 'admin');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^aos_[\w-]{43}\n$/);
    expect(stderr).toContain('admin of tenant default');
    expect(await meOf(stdout.trim())).toMatchObject({
      tenant: { id: 'default' },
      role: 'admin',
      key: { name: 'ci', expires_at: null },
    });
    const { rows } = await api.pool.query(
      `SELECT operation, key_id FROM audit_entries WHERE subject = $1`,
      [(await meOf(stdout.trim())).key.id],
    );
    expect(rows).toEqual([{ operation: 'createKey', key_id: null }]);
  });

  test('takes an expiry, a rate and a budget, and prints JSON', async () => {
    const options = ['--expires', '30d', '--rate', '90', '--budget-cents', '2.5', '--json'];
    const { stdout } = await aos('keys', 'create', '--name', 'all', ...options);
    const made = JSON.parse(stdout) as CreatedKey;
    expect(made).toMatchObject({
      role: 'viewer',
      rate_limit_per_minute: 90,
      budget: { total_cents: 2.5 },
    });
    const livesMs = Date.parse(made.expires_at!) - Date.parse(made.created_at);
    expect(Math.round(livesMs / 3_600_000)).toBe(30 * 24);
    expect(await meOf(made.key)).toMatchObject({ key: { id: made.id } });
    const moment = '2031-01-31T12:00:00Z';
    const at = await aos('keys', 'create', '--name', 'at', '--expires', moment, '--json');
    expect(Date.parse((JSON.parse(at.stdout) as CreatedKey).expires_at!)).toBe(Date.parse(moment));
  });

  test('says what is wrong, by the names of its options, and makes nothing', async () => {
    const wrong = ['--expires', 'soon', '--rate', 'x', '--budget-cents', '-1'];
    const { code, stdout, stderr } = await aos('keys', 'create', '--name', '', ...wrong);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    for (const option of ['--name', '--expires', '--rate', '--budget-cents']) {
      expect(stderr).toContain(`${option}: `);
    }
    const past = await aos('keys', 'create', '--name', 'a', '--expires', '2020-01-01T00:00:00Z');
    expect(past).toMatchObject({ code: 1, stdout: '' });
    expect(past.stderr).toContain('--expires: must be in the future');
    const role = await aos('keys', 'create', '--name', 'a', '--role', 'root');
    expect(role).toMatchObject({ code: 1, stdout: '' });
    expect(role.stderr).toContain('viewer, operator, admin');
  });

  test('makes tenants, and keys for tenants that are there', async () => {
    const create = ['keys', 'create', '--name', 'first', '--role', 'admin', '--tenant'];
    const missing = await aos(...create, 'acme');
    expect(missing).toMatchObject({ code: 1, stdout: '' });
    expect(missing.stderr).toContain('tenants create acme');
    expect((await aos('tenants', 'create', 'acme')).code).toBe(0);
    expect((await aos('tenants', 'create', 'acme')).stderr).toContain('already');
    expect((await aos('tenants', 'create', '../acme')).code).toBe(1);
    const { stdout } = await aos(...create, 'acme');
    expect(await meOf(stdout.trim())).toMatchObject({ tenant: { id: 'acme' }, role: 'admin' });
    const other = await aos(...create, 'beta', '--create-tenant');
    expect(await meOf(other.stdout.trim())).toMatchObject({ tenant: { id: 'beta' } });
    const listed = (await aos('tenants', 'list', '--json')).stdout;
    const tenants = JSON.parse(listed) as { id: string }[];
    expect(tenants.map(({ id }) => id)).toEqual(['acme', 'beta', 'default']);
    expect((await aos('tenants', 'list')).stdout).toMatch(/^id +created\nacme +\d{4}/);
  });

  test('lists the keys of a tenant and revokes them, the last admin too', async () => {
    const create = ['keys', 'create', '--name', 'only', '--role', 'admin', '--tenant', 'gamma'];
    const made = JSON.parse(
      (await aos(...create, '--create-tenant', '--json')).stdout,
    ) as CreatedKey;
    const list = ['keys', 'list', '--tenant', 'gamma'];
    const { key, ...shown } = made;
    expect(JSON.parse((await aos(...list, '--json')).stdout)).toEqual([shown]);
    const elsewhere = await aos('keys', 'revoke', made.id);
    expect(elsewhere).toMatchObject({ code: 1, stdout: '' });
    expect(elsewhere.stderr).toContain('Tenant default has no key');
    expect((await aos('keys', 'revoke', made.id, '--tenant', 'gamma')).code).toBe(0);
    const [revoked] = JSON.parse((await aos(...list, '--json')).stdout) as KeyView[];
    expect(revoked).toMatchObject({ id: made.id, status: 'revoked' });
    expect((await aos(...list)).stdout).toMatch(new RegExp(`${made.id} +only +admin +revoked`));
    expect((await aos(...list)).stdout).not.toContain(key);
    expect((await api.request('/api/v1/me', { key })).status).toBe(401);
  });

  test('says so when the database has no schema', async () => {
    const name = `bare_${process.pid}`;
    await api.pool.query(`CREATE DATABASE ${name} TEMPLATE template0`);
    const url = api.databaseUrl.replace(/\/[^/]*$/, `/${name}`);
    const { code, stderr } = await command({ ...settings, DATABASE_URL: url }, 'tenants', 'list');
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('migrate.js') });
    await api.pool.query(`DROP DATABASE ${name} WITH (FORCE)`);
  });
});

describe('npm run aos, with the data folder of npm start', () => {
  let dataDir: string;
  let started: Started | undefined;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'aos-command-'));
  });
  afterAll(async () => {
    await started?.killAll();
    await rm(dataDir, { recursive: true, force: true });
  });

  test('starts its Postgres for the moment where nothing runs, and uses the one that runs', async () => {
    const settings = { AOS_DATA_DIR: dataDir };
    const create = ['keys', 'create', '--role', 'admin', '--name'];
    // The first one makes the database; they take turns.
    const made = await Promise.all([
      command(settings, ...create, 'one'),
      command(settings, ...create, 'two'),
    ]);
    expect(made.map(({ code, stdout }) => [code, stdout])).toEqual([
      [0, expect.stringMatching(/^aos_\S+\n$/)],
      [0, expect.stringMatching(/^aos_\S+\n$/)],
    ]);
    await expect(readFile(join(dataDir, 'supervisor.pid'))).rejects.toThrow('ENOENT');
    await expect(readFile(join(dataDir, 'postgres/data/postmaster.pid'))).rejects.toThrow('ENOENT');

    const stack = { ...settings, AOS_PORT: '0', TEMPORAL_UI_PORT: '0' };
    started = await startAos(stack, made[0]!.stdout.trim());
    const { url } = started;
    // There were admin keys already, so none is made.
    expect(started.line).not.toContain('admin key');
    const nameOf = async (key: string): Promise<string> => {
      const response = await fetch(`${url}/api/v1/me`, { headers: { 'X-API-Key': key } });
      return ((await response.json()) as Me).key.name;
    };
    const third = await command(settings, ...create, 'three');
    expect(third.stderr).not.toContain('Starting');
    for (const [name, { stdout }] of Object.entries({
      one: made[0]!,
      two: made[1]!,
      three: third,
    })) {
      expect(await nameOf(stdout.trim())).toBe(name);
    }
    expect(await started.interrupt()).toBe(0);
    expect((await command(settings, 'keys', 'list', '--json')).stdout).toContain('"three"');
  }, 180_000);
});
