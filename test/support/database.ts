import pg from 'pg';
import { createPool } from '../../src/storage/pool.ts';
import type { Pool, PoolOptions } from '../../src/storage/pool.ts';

export interface TestDatabase {
  url: string;
  pool: Pool;
  drop(): Promise<void>;
}

let made = 0;

/** A database of one's own, cloned from the migrated template. */
export async function createTestDatabase(
  options: Pick<PoolOptions, 'onCommitted'> = {},
): Promise<TestDatabase> {
  const serverUrl = process.env['AOS_TEST_POSTGRES_URL']!;
  const name = `test_${process.pid}_${Date.now()}_${(made += 1)}`;
  await asAdmin(serverUrl, `CREATE DATABASE ${name} TEMPLATE aos_template`);
  const url = serverUrl.replace(/\/[^/]*$/, `/${name}`);
  const pool = createPool({
    url,
    connectionsMax: 20,
    namedStatements: true,
    onError: () => {},
    ...options,
  });
  return {
    url,
    pool,
    async drop() {
      await pool.end();
      await asAdmin(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

/** Cloning a template takes turns: only one session may do so at a time. */
async function asAdmin(serverUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock(1)');
    await client.query(statement);
  } finally {
    await client.end();
  }
}
