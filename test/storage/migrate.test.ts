import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import pg from 'pg';
import { migrate } from '../../src/storage/migrate.ts';

describe('migrating', () => {
  const serverUrl = process.env['AOS_TEST_POSTGRES_URL']!;
  const admin = new pg.Client({ connectionString: serverUrl });
  const made: string[] = [];
  let names: string[];

  beforeAll(async () => {
    await admin.connect();
    const folder = new URL('../../src/storage/migrations/', import.meta.url);
    names = (await readdir(folder)).toSorted();
  });
  afterAll(async () => {
    for (const name of made) await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    await admin.end();
  });

  async function createEmpty(): Promise<string> {
    const name = `migrate_${process.pid}_${made.length}`;
    await admin.query(`CREATE DATABASE ${name} TEMPLATE template0`);
    made.push(name);
    return serverUrl.replace(/\/[^/]*$/, `/${name}`);
  }

  async function query<T extends pg.QueryResultRow>(url: string, statement: string): Promise<T[]> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query<T>(statement)).rows;
    } finally {
      await client.end();
    }
  }
  const appliedAt = (url: string) =>
    query<{ name: string }>(url, 'SELECT name FROM migrations ORDER BY name');

  test('brings an empty database to the newest schema', async () => {
    const url = await createEmpty();
    expect(await migrate(url)).toEqual(names);
    expect(await appliedAt(url)).toEqual(names.map((name) => ({ name })));
    const tables = await query<{ name: string }>(
      url,
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`,
    );
    const expected = ['accounts', 'events', 'holds', 'runs', 'steps', 'transactions', 'tries'];
    expect(tables.map((table) => table.name)).toEqual(expect.arrayContaining(expected));
  });

  test('does nothing the second time, and keeps what is there', async () => {
    const url = await createEmpty();
    await migrate(url);
    await query(url, `INSERT INTO tenants (id, name) VALUES ('kept', 'kept')`);
    expect(await migrate(url)).toEqual([]);
    expect(await query(url, 'SELECT id FROM tenants')).toEqual([{ id: 'kept' }]);
  });

  test('is done once when five processes do it at the same time', async () => {
    const url = await createEmpty();
    const applied = await Promise.all([1, 2, 3, 4, 5].map(() => migrate(url)));
    expect(applied.toSorted((a, b) => b.length - a.length)).toEqual([names, [], [], [], []]);
    expect(await appliedAt(url)).toEqual(names.map((name) => ({ name })));
  });

  test('leaves a database as it was when a statement fails', async () => {
    const url = await createEmpty();
    await query(url, 'CREATE TABLE workers (id text)');
    await expect(migrate(url)).rejects.toThrow('relation "workers" already exists');
    expect(
      await query(
        url,
        `SELECT to_regclass('runs') AS runs, to_regclass('migrations') AS migrations`,
      ),
    ).toEqual([{ runs: null, migrations: null }]);
    await query(url, 'DROP TABLE workers');
    expect(await migrate(url)).toEqual(names);
  });
});
