import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import {
  KEY_CACHE_MS,
  KEY_LENGTH_MAX,
  KEY_LOOKUPS_MAX,
  KEY_LOOKUPS_WAITING_MAX,
  KEY_USE_NOTED_MS,
} from '../../src/contracts/limits.ts';
import { createKeyCache } from '../../src/keys/key-cache.ts';
import type { KeyCache } from '../../src/keys/key-cache.ts';
import { ensureApiKey } from '../../src/storage/api-keys.ts';
import type { ApiKey } from '../../src/storage/api-keys.ts';
import { withTransaction } from '../../src/storage/pool.ts';
import type { Db } from '../../src/storage/pool.ts';
import { ensureTenant } from '../../src/storage/tenants.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';

const logger = createLogger('silent', 'test');
const hashKey = (key: string): Buffer => createHash('sha256').update(key).digest();

interface Statement {
  kind: 'look up' | 'note';
  hashes: Buffer[];
}
type Rows = { rows: Record<string, unknown>[] };

let database: TestDatabase;
let keys: KeyCache;
let statements: Statement[];
let nowMs: number;
/** What a statement waits for before it is sent, and what becomes of its answer. */
let before: (statement: Statement) => Promise<unknown> | undefined;
let after: (answer: Rows) => Rows;

beforeAll(async () => {
  database = await createTestDatabase();
  await withTransaction(database.pool, (tx) => ensureTenant(tx, 'default'));
});
afterAll(() => database.drop());

beforeEach(() => {
  statements = [];
  nowMs = 5_000;
  before = () => undefined;
  after = (answer) => answer;
  const query = async (text: string, values: unknown[]): Promise<Rows> => {
    const kind = text.startsWith('UPDATE') ? 'note' : 'look up';
    const statement: Statement = { kind, hashes: kind === 'note' ? [] : (values[0] as Buffer[]) };
    statements.push(statement);
    await before(statement);
    return after(await database.pool.query(text, values));
  };
  keys = createKeyCache({ pool: { query } as Db, hashKey, logger, nowMs: () => nowMs });
});

let made = 0;
async function makeKey(): Promise<{ id: string; key: string }> {
  made += 1;
  const [id, key] = [`key_${made}`, `aos_good_${made}`];
  const row = { id, tenantId: 'default', name: 'test', role: 'viewer', prefix: 'aos_' } as const;
  await ensureApiKey(database.pool, { ...row, hash: hashKey(key) });
  return { id, key };
}

/** The key that was presented, if it works. */
async function find(presented: string): Promise<ApiKey | undefined> {
  const known = await keys.find(presented);
  return known && 'key' in known ? known.key : undefined;
}
const lookUps = (): Statement[] => statements.filter(({ kind }) => kind === 'look up');
const revoke = (id: string) =>
  database.pool.query('UPDATE api_keys SET revoked_at = now() WHERE id = $1', [id]);
const lastUseOf = async (id: string): Promise<Date | null> =>
  (
    await database.pool.query<{ at: Date | null }>(
      'SELECT last_used_at AS at FROM api_keys WHERE id = $1',
      [id],
    )
  ).rows[0]!.at;

/** Holds back what `matches` until it is opened. */
function hold(matches: (statement: Statement) => boolean): () => void {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  before = (statement) => (matches(statement) ? opened : undefined);
  return open;
}

test('requests with one key at once ask Postgres once, and later ones not at all', async () => {
  const { id, key } = await makeKey();
  const found = await Promise.all(Array.from({ length: 50 }, () => find(key)));
  expect(found.map((each) => each?.id)).toEqual(Array.from({ length: 50 }, () => id));
  nowMs += KEY_CACHE_MS - 1;
  expect(await find(key)).toMatchObject({ id, tenant_id: 'default', role: 'viewer' });
  expect(lookUps()).toHaveLength(1);
});

test('a revoked key is found no longer than KEY_CACHE_MS, which is less than a second', async () => {
  expect(KEY_CACHE_MS).toBeLessThan(1_000);
  const { id, key } = await makeKey();
  await find(key);
  await revoke(id);
  nowMs += KEY_CACHE_MS - 1;
  expect(await find(key)).toBeDefined();
  nowMs += 1;
  expect(await find(key)).toBeUndefined();
});

test('the time counts from when Postgres was asked, not from when it answered', async () => {
  const { id, key } = await makeKey();
  const open = hold(({ kind }) => kind === 'look up');
  const finding = find(key);
  nowMs += KEY_CACHE_MS - 1;
  open();
  expect(await finding).toBeDefined();
  await revoke(id);
  nowMs += 1;
  expect(await find(key)).toBeUndefined();
});

test('a look-up that takes too long is not waited for by who comes later', async () => {
  const { key } = await makeKey();
  const open = hold(() => statements.length === 1);
  const first = find(key);
  const twin = find(key);
  expect(lookUps()).toHaveLength(1);
  nowMs += KEY_CACHE_MS;
  expect(await find(key)).toBeDefined();
  expect(lookUps()).toHaveLength(2);
  open();
  expect(await first).toBeDefined();
  expect(await twin).toBeDefined();
});

test('a key is not found past its expiry, by the clock of Postgres', async () => {
  const { key } = await makeKey();
  after = ({ rows }) => ({ rows: rows.map((row) => ({ ...row, expires_in_ms: 300 })) });
  await find(key);
  nowMs += 299;
  await find(key);
  expect(lookUps()).toHaveLength(1);
  nowMs += 1;
  await find(key);
  expect(lookUps()).toHaveLength(2);
});

test('an expired key is not found', async () => {
  const { id, key } = await makeKey();
  await database.pool.query(`UPDATE api_keys SET expires_at = now() WHERE id = $1`, [id]);
  expect(await find(key)).toBeUndefined();
});

test('a key that has ended is known by its id, its tenant and its reason, and by nothing it could act with', async () => {
  const { id, key } = await makeKey();
  await database.pool.query(`UPDATE api_keys SET expires_at = now() WHERE id = $1`, [id]);
  const expired = { ended: { id, tenantId: 'default', reason: 'expired' } };
  expect(await keys.find(key)).toEqual(expired);
  await revoke(id);
  nowMs += KEY_CACHE_MS - 1;
  expect(await keys.find(key)).toEqual(expired);
  expect(lookUps()).toHaveLength(1);
  nowMs += 1;
  expect(await keys.find(key)).toEqual({ ended: { ...expired.ended, reason: 'revoked' } });
  expect(statements.filter(({ kind }) => kind === 'note')).toEqual([]);
});

test('a look-up that was asked before a key ended lets it in no more once it has ended', async () => {
  const { id, key } = await makeKey();
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  // The first answer is that of an active key, and comes late.
  const { pool } = database;
  const query = async (text: string, values: unknown[]) => {
    const answer = await pool.query(text, values);
    if (!text.startsWith('UPDATE') && (asked += 1) === 1) await opened;
    return answer;
  };
  let asked = 0;
  keys = createKeyCache({ pool: { query } as Db, hashKey, logger, nowMs: () => nowMs });
  const first = find(key);
  while (asked === 0) await new Promise(setImmediate);
  await revoke(id);
  nowMs += KEY_CACHE_MS;
  const revoked = { ended: { id, tenantId: 'default', reason: 'revoked' } };
  expect(await keys.find(key)).toEqual(revoked);
  open();
  await first;
  expect(await keys.find(key)).toEqual(revoked);
});

test('a wrong key is remembered for as long as a good one', async () => {
  expect(await find('aos_wrong')).toBeUndefined();
  nowMs += KEY_CACHE_MS - 1;
  expect(await find('aos_wrong')).toBeUndefined();
  expect(lookUps()).toHaveLength(1);
  nowMs += 1;
  await find('aos_wrong');
  expect(lookUps()).toHaveLength(2);
});

test('10,000 wrong keys cost few statements, and push no good key out', async () => {
  const { key } = await makeKey();
  await find(key);
  const answers = await Promise.all(
    Array.from({ length: 10_000 }, (_, index) => find(`aos_wrong_${index}`)),
  );
  expect(answers.filter((found) => found !== undefined)).toEqual([]);
  expect(lookUps().length).toBeLessThan(50);
  const asked = lookUps().length;
  expect(await find(key)).toBeDefined();
  expect(lookUps()).toHaveLength(asked);
});

test('a key that has worked waits behind no other one, also when it is looked up again', async () => {
  const { id, key } = await makeKey();
  await find(key);
  const open = hold(({ hashes }) => !hashes.some((hash) => hash.equals(hashKey(key))));
  const others = Array.from({ length: 1_000 }, (_, index) => find(`aos_other_${index}`));
  expect(await find(key)).toBeDefined();
  nowMs += KEY_CACHE_MS;
  expect(await find(key)).toMatchObject({ id });
  // Once for itself, and the others still as many at once as may be.
  expect(lookUps()).toHaveLength(2 + KEY_LOOKUPS_MAX);
  open();
  await Promise.all(others);
});

test('whoever would wait behind too many is told to come back', async () => {
  const open = hold(() => true);
  const waiting = Array.from({ length: KEY_LOOKUPS_MAX + KEY_LOOKUPS_WAITING_MAX }, (_, index) =>
    find(`aos_many_${index}`),
  );
  await expect(find('aos_one_more')).rejects.toMatchObject({
    failure: { code: 'SERVICE_UNAVAILABLE', retry_after_ms: expect.any(Number) },
  });
  open();
  await Promise.all(waiting);
});

test('an outage is an error and not a wrong key, and the next request asks again', async () => {
  const { id, key } = await makeKey();
  before = () => Promise.reject(new Error('Connection terminated'));
  await expect(find(key)).rejects.toThrow('Connection terminated');
  before = () => undefined;
  expect(await find(key)).toMatchObject({ id });
});

test('what is no key by its form is not even hashed', async () => {
  const hashes: string[] = [];
  const counted = createKeyCache({
    pool: database.pool,
    logger,
    hashKey: (key) => {
      hashes.push(key);
      return hashKey(key);
    },
  });
  const longest = 'aos_'.padEnd(KEY_LENGTH_MAX, 'a');
  for (const none of [`${longest}a`, '', 'aos_', 'bad', 'aos_a b', 'aos_\0'])
    expect(await counted.find(none)).toBeUndefined();
  expect(await counted.find(longest)).toBeUndefined();
  expect(hashes).toEqual([longest]);
});

test('that a key is in use is written once a minute, and no request waits for it', async () => {
  const { id, key } = await makeKey();
  const open = hold(({ kind }) => kind === 'note');
  await find(key);
  const noted = () => statements.filter(({ kind }) => kind === 'note').length;
  expect(noted()).toBe(1);
  expect(await lastUseOf(id)).toBeNull();
  open();
  before = () => undefined;
  for (let passedMs = 0; passedMs < KEY_USE_NOTED_MS - 500; passedMs += 500) {
    nowMs += 500;
    await find(key);
  }
  expect(noted()).toBe(1);
  nowMs += 500;
  await find(key);
  expect(noted()).toBe(2);
});

test('a second process does not write again what one has written within the minute', async () => {
  const { id, key } = await makeKey();
  await database.pool.query(
    `UPDATE api_keys SET last_used_at = now() - interval '10 seconds' WHERE id = $1`,
    [id],
  );
  const written = await lastUseOf(id);
  let settled: Promise<unknown> | undefined;
  const query = (text: string, values: unknown[]) => (settled = database.pool.query(text, values));
  await createKeyCache({ pool: { query } as unknown as Db, hashKey, logger }).find(key);
  await settled;
  expect(await lastUseOf(id)).toEqual(written);
});

test('a request is none the worse when its use cannot be written', async () => {
  const { id, key } = await makeKey();
  before = ({ kind }) => (kind === 'note' ? Promise.reject(new Error('no')) : undefined);
  expect(await find(key)).toMatchObject({ id });
});
