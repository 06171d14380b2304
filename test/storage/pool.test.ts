import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createPool, isOutage, sqlStateOf, withTransaction } from '../../src/storage/pool.ts';
import type { Pool } from '../../src/storage/pool.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';

describe('the pool', () => {
  let database: TestDatabase;
  let pool: Pool;

  beforeAll(async () => {
    database = await createTestDatabase();
    ({ pool } = database);
    await pool.query('CREATE TABLE notes (id int PRIMARY KEY)');
  });
  afterAll(() => database.drop());

  const ids = async (): Promise<number[]> =>
    (await pool.query<{ id: number }>('SELECT id FROM notes ORDER BY id')).rows.map(
      (row) => row.id,
    );
  const caught = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    );

  test('reads bigint as a number that is exact up to the largest budget, and jsonb as a value', async () => {
    const { rows } = await pool.query(
      `SELECT 9000000000000001::bigint AS money, sum(1::bigint) AS total, '{"a":[1]}'::jsonb AS labels, '{"a":1}'::text AS raw`,
    );
    expect(rows).toEqual([
      { money: 9_000_000_000_000_001, total: '1', labels: { a: [1] }, raw: '{"a":1}' },
    ]);
  });

  test('commits what a transaction did and answers with its result', async () => {
    const answer = await withTransaction(pool, async (tx) => {
      await tx.query('INSERT INTO notes VALUES (1)');
      return 'done';
    });
    expect(answer).toBe('done');
    expect(await ids()).toEqual([1]);
  });

  test('rolls back on any error, throws that error on and gives the connection back clean', async () => {
    const single = createPool({ url: database.url, connectionsMax: 1, onError: () => {} });
    const mine = new Error('mine');
    const failed = withTransaction(single, async (tx) => {
      await tx.query('INSERT INTO notes VALUES (2)');
      throw mine;
    });
    expect(await caught(failed)).toBe(mine);
    const broken = withTransaction(single, (tx) => tx.query('SELECT nonsense'));
    expect(sqlStateOf(await caught(broken))).toBe('42703');
    const { rows } = await single.query<{ xact: string | null }>(
      'SELECT pg_current_xact_id_if_assigned() AS xact',
    );
    expect(rows).toEqual([{ xact: null }]);
    await single.end();
    expect(await ids()).toEqual([1]);
  });

  test('does not report success for a transaction that Postgres rolled back at its commit', async () => {
    const swallowed = withTransaction(pool, async (tx) => {
      await tx.query('INSERT INTO notes VALUES (3)');
      await tx.query('INSERT INTO notes VALUES (3)').catch(() => {});
      return 'done';
    });
    expect(await caught(swallowed)).toEqual(
      new Error('the transaction was rolled back at its commit'),
    );
    expect(await ids()).toEqual([1]);
  });

  test('replaces a connection that died inside a transaction, which is an outage', async () => {
    const errors: Error[] = [];
    const single = createPool({
      url: database.url,
      connectionsMax: 1,
      onError: (error) => errors.push(error),
    });
    const died = withTransaction(single, async (tx) => {
      const { rows } = await tx.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      await tx.query('INSERT INTO notes VALUES (4)');
      await pool.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
      await tx.query('SELECT 1');
    });
    const error = await caught(died);
    expect(error).toBeInstanceOf(Error);
    expect(isOutage(error)).toBe(true);
    expect((await single.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await single.end();
    expect(await ids()).toEqual([1]);
  });

  test('tells an idle connection that breaks to its owner, and goes on', async () => {
    let noticed: (error: Error) => void = () => {};
    const broke = new Promise<Error>((resolve) => {
      noticed = resolve;
    });
    const single = createPool({
      url: database.url,
      connectionsMax: 1,
      onError: (error) => noticed(error),
    });
    const { rows } = await single.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await pool.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
    expect(isOutage(await broke)).toBe(true);
    expect((await single.query('SELECT 2 AS two')).rows).toEqual([{ two: 2 }]);
    await single.end();
  });

  test('knows an outage from a mistake', async () => {
    const nowhere = createPool({
      url: 'postgres://x@127.0.0.1:1/x',
      connectionsMax: 1,
      onError: () => {},
    });
    const refused = await caught(nowhere.query('SELECT 1'));
    await nowhere.end();
    expect(sqlStateOf(refused)).toBe('ECONNREFUSED');
    expect(isOutage(refused)).toBe(true);
    expect(isOutage(await caught(pool.query(`DO $$ BEGIN RAISE SQLSTATE '57P01'; END $$`)))).toBe(
      true,
    );
    expect(isOutage(await caught(pool.query(`DO $$ BEGIN RAISE SQLSTATE '53300'; END $$`)))).toBe(
      true,
    );
    expect(isOutage(await caught(pool.query('INSERT INTO notes VALUES (1)')))).toBe(false);
    expect(isOutage(await caught(pool.query('SELECT nonsense')))).toBe(false);
    expect(isOutage(new TypeError('a mistake in the code'))).toBe(false);
    expect(isOutage(await caught(Promise.resolve().then(() => JSON.parse('{') as unknown)))).toBe(
      false,
    );
  });
});
