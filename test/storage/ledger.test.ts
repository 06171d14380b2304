import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { insertAccount, findAccount } from '../../src/storage/accounts.ts';
import { auditLedger } from '../../src/storage/ledger-audit.ts';
import {
  adjust,
  placeHold,
  releaseHold,
  setLimit,
  settleHold,
  topUp,
} from '../../src/storage/ledger.ts';
import { createPool, withTransaction } from '../../src/storage/pool.ts';
import type { Pool } from '../../src/storage/pool.ts';
import { ensureTenant, tenantAccountId } from '../../src/storage/tenants.ts';
import { listEntries } from '../../src/storage/transactions.ts';
import { createTestDatabase } from '../support/database.ts';
import type { TestDatabase } from '../support/database.ts';

const CENT = 1_000_000;
const SUBJECT = { actor: 'test' };

describe('the ledger', () => {
  let database: TestDatabase;
  const pools: Pool[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    for (let n = 0; n < 4; n += 1) {
      pools.push(createPool({ url: database.url, connectionsMax: 10, onError: () => {} }));
    }
  });
  afterAll(async () => {
    await Promise.all(pools.map((pool) => pool.end()));
    await database.drop();
  });

  /** An account under a tenant of its own. */
  async function openAccount(
    limitMicroCents: number | null,
  ): Promise<{ id: string; tenantId: string }> {
    const tenantId = `tenant_${uuidv7()}`;
    const id = `account_${uuidv7()}`;
    await withTransaction(database.pool, async (tx) => {
      await ensureTenant(tx, tenantId);
      await insertAccount(tx, {
        id,
        tenantId,
        parentId: tenantAccountId(tenantId),
        limitMicroCents,
      });
    });
    return { id, tenantId };
  }

  const hold = (
    pool: Pool,
    accountId: string,
    amountMicroCents: number,
    holdId = `hold_${uuidv7()}`,
  ) =>
    withTransaction(pool, (tx) =>
      placeHold(tx, {
        hold: {
          id: holdId,
          accountId,
          amountMicroCents,
          runId: 'no run',
          stepId: 's',
          generation: 1,
          role: 'main',
          try: 1,
          fence: 'f',
          expiresAt: null,
        },
        key: `${holdId}/hold`,
        basis: 'worst_case',
        subject: SUBJECT,
      }),
    );

  const balancesOf = async ({ id, tenantId }: { id: string; tenantId: string }) =>
    (await findAccount(database.pool, tenantId, id))!.balances;
  const kindsOn = async (accountId: string) =>
    (await listEntries(database.pool, accountId, 0, 10_000)).map((entry) => entry.kind);

  /** Runs `work` on every item, over all pools, with as many at once as there are connections. */
  async function inParallel<T, R>(
    items: readonly T[],
    work: (pool: Pool, item: T) => Promise<R>,
  ): Promise<R[]> {
    const results: R[] = [];
    const queue = [...items.entries()];
    const lanes = pools.flatMap((pool) => Array.from({ length: 10 }, () => pool));
    await Promise.all(
      lanes.map(async (pool) => {
        for (let next = queue.shift(); next; next = queue.shift()) {
          results[next[0]] = await work(pool, next[1]);
        }
      }),
    );
    return results;
  }
  const times = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

  test('admits exactly 50 of 1,000 holds of 10 cents that 40 connections ask of 500 cents', async () => {
    const account = await openAccount(500 * CENT);
    const replies = await inParallel(times(1_000), (pool) => hold(pool, account.id, 10 * CENT));
    expect(replies.filter((reply) => reply.ok)).toHaveLength(50);
    expect(replies.find((reply) => !reply.ok)).toMatchObject({ balances: { limit: 500 * CENT } });
    expect(await balancesOf(account)).toEqual({
      limit: 500 * CENT,
      reserved: 500 * CENT,
      settled: 0,
      overage: 0,
    });
    expect(await kindsOn(account.id)).toEqual(times(50).map(() => 'hold'));
    expect(await auditLedger(database.pool, null)).toEqual([]);
  });

  test('gives money back to who asks next while others hold, settle and release all at once', async () => {
    const account = await openAccount(100 * CENT);
    const costs = await inParallel(times(400), async (pool, n) => {
      const holdId = `hold_${uuidv7()}`;
      if (!(await hold(pool, account.id, 10 * CENT, holdId)).ok) return 0;
      const end = { holdId, key: `${holdId}/end`, subject: SUBJECT };
      if (n % 2 === 0) {
        await withTransaction(pool, (tx) => releaseHold(tx, end));
        return 0;
      }
      return (await withTransaction(pool, (tx) => settleHold(tx, end, CENT / 10, 'actual')))!;
    });
    const settled = costs.reduce((sum, cost) => sum + cost, 0);
    expect(settled).toBeGreaterThan(0);
    expect(await balancesOf(account)).toEqual({
      limit: 100 * CENT,
      reserved: 0,
      settled,
      overage: 0,
    });
    expect(await auditLedger(database.pool, null)).toEqual([]);
  });

  test('ends a hold by exactly one entry when 40 ends of every kind race', async () => {
    const account = await openAccount(100 * CENT);
    const holdId = `hold_${uuidv7()}`;
    await hold(database.pool, account.id, 10 * CENT, holdId);
    const replies = await inParallel(times(40), (pool, n) =>
      withTransaction(pool, (tx) => {
        const end = { holdId, key: `${holdId}/end/${n}`, subject: SUBJECT };
        if (n % 3 === 0) return releaseHold(tx, end, 'expire');
        return settleHold(tx, end, 4 * CENT, 'actual').then((cost) => cost !== undefined);
      }),
    );
    expect(replies.filter((isMine) => isMine)).toHaveLength(1);
    expect(await kindsOn(account.id)).toEqual(['hold', expect.stringMatching(/^(settle|expire)$/)]);
    expect(await balancesOf(account)).toMatchObject({ reserved: 0 });
    expect(await auditLedger(database.pool, null)).toEqual([]);
  });

  test('posts one entry when 40 callers settle, adjust or top up under one key', async () => {
    const account = await openAccount(100 * CENT);
    const holdId = `hold_${uuidv7()}`;
    await hold(database.pool, account.id, 10 * CENT, holdId);
    const entry = (kind: string) => ({ holdId, key: `${holdId}/${kind}`, subject: SUBJECT });
    const settles = await inParallel(times(40), (pool) =>
      withTransaction(pool, (tx) => settleHold(tx, entry('settle'), 6 * CENT, 'actual')),
    );
    expect(settles.filter((cost) => cost !== undefined)).toEqual([6 * CENT]);
    await inParallel(times(40), (pool) =>
      withTransaction(pool, (tx) => adjust(tx, account.id, entry('adjust'), -2 * CENT)),
    );
    await inParallel(times(40), (pool) =>
      withTransaction(pool, (tx) => topUp(tx, account.id, `${holdId}/topup`, 50 * CENT, SUBJECT)),
    );
    expect(await kindsOn(account.id)).toEqual(['hold', 'settle', 'adjust', 'topup']);
    expect(await balancesOf(account)).toEqual({
      limit: 150 * CENT,
      reserved: 0,
      settled: 4 * CENT,
      overage: 0,
    });
    expect(await auditLedger(database.pool, null)).toEqual([]);
  });

  test('sets a limit by one entry when 40 callers do under one key', async () => {
    const account = await openAccount(null);
    const limit = (pool: Pool, key: string, microCents: number | null) =>
      withTransaction(pool, (tx) => setLimit(tx, account.id, key, microCents, SUBJECT));
    const replies = await inParallel(times(40), (pool) => limit(pool, 'first', 30 * CENT));
    expect(replies).toEqual(times(40).map(() => ({ ok: true, reached: [] })));
    expect(await balancesOf(account)).toMatchObject({ limit: 30 * CENT });
    expect(await limit(database.pool, 'none', null)).toEqual({ ok: true, reached: [] });
    expect(await balancesOf(account)).toMatchObject({ limit: null });
    // The key of an entry that stands changes nothing any more.
    expect(await limit(database.pool, 'first', 10 * CENT)).toEqual({ ok: true, reached: [] });
    expect(await balancesOf(account)).toMatchObject({ limit: null });
    expect(await kindsOn(account.id)).toEqual(['limit', 'limit']);
  });

  test('refuses a limit below what is settled and reserved, and pays what is over under a new one', async () => {
    const account = await openAccount(20 * CENT);
    const limit = (key: string, microCents: number) =>
      withTransaction(database.pool, (tx) => setLimit(tx, account.id, key, microCents, SUBJECT));
    await hold(database.pool, account.id, 10 * CENT, `${account.id}/a`);
    await hold(database.pool, account.id, 10 * CENT);
    await withTransaction(database.pool, (tx) =>
      settleHold(
        tx,
        { holdId: `${account.id}/a`, key: 'a', subject: SUBJECT },
        15 * CENT,
        'actual',
      ),
    );
    const before = { limit: 20 * CENT, reserved: 10 * CENT, settled: 10 * CENT, overage: 5 * CENT };
    expect(await balancesOf(account)).toEqual(before);
    expect(await limit('low', 20 * CENT - 1)).toEqual({ ok: false, balances: before });
    expect(await balancesOf(account)).toEqual(before);
    expect(await limit('same', 20 * CENT)).toEqual({ ok: true, reached: [] });
    expect(await balancesOf(account)).toEqual(before);
    expect(await limit('higher', 22 * CENT)).toEqual({ ok: true, reached: [] });
    expect(await balancesOf(account)).toEqual({
      limit: 22 * CENT,
      reserved: 10 * CENT,
      settled: 12 * CENT,
      overage: 3 * CENT,
    });
    expect(await kindsOn(account.id)).toEqual(['hold', 'hold', 'settle', 'limit', 'limit']);
    expect(await auditLedger(database.pool, account.tenantId)).toEqual([]);
  });

  test('opens and funds accounts of one tenant from all connections at once', async () => {
    const tenantId = `tenant_${uuidv7()}`;
    await withTransaction(database.pool, (tx) => ensureTenant(tx, tenantId, 100 * CENT));
    const parentId = tenantAccountId(tenantId);
    // What submitting a run does: a child account, and then the hold of its limit on the parent.
    const replies = await inParallel(times(200), (pool) =>
      withTransaction(pool, async (tx) => {
        const id = `account_${uuidv7()}`;
        await insertAccount(tx, { id, tenantId, parentId, limitMicroCents: CENT });
        return placeHold(tx, {
          hold: {
            id: `hold_${id}`,
            accountId: parentId,
            amountMicroCents: CENT,
            runId: id,
            stepId: null,
            generation: null,
            role: null,
            try: null,
            fence: null,
            expiresAt: null,
          },
          key: `${id}/hold`,
          basis: 'budget',
          subject: SUBJECT,
        });
      }),
    );
    expect(replies.filter((reply) => reply.ok)).toHaveLength(100);
    expect(await balancesOf({ id: parentId, tenantId })).toMatchObject({ reserved: 100 * CENT });
  });

  test('keeps its entries: they cannot be changed or deleted', async () => {
    const account = await openAccount(null);
    await hold(database.pool, account.id, CENT);
    const before = await listEntries(database.pool, account.id, 0, 10);
    for (const statement of [
      `UPDATE transactions SET amount_micro_cents = 1 WHERE account_id = '${account.id}'`,
      `DELETE FROM transactions WHERE account_id = '${account.id}'`,
      'TRUNCATE transactions',
    ]) {
      await expect(database.pool.query(statement)).rejects.toThrow('transactions are append-only');
    }
    expect(await listEntries(database.pool, account.id, 0, 10)).toEqual(before);
    expect(before).toHaveLength(1);
  });

  test('refuses balances below zero and above the limit, whoever writes them', async () => {
    const account = await openAccount(10 * CENT);
    for (const change of [
      'reserved_micro_cents = -1',
      'settled_micro_cents = -1',
      'overage_micro_cents = -1',
      `reserved_micro_cents = ${6 * CENT}, settled_micro_cents = ${6 * CENT}`,
    ]) {
      const statement = `UPDATE accounts SET ${change} WHERE id = $1`;
      await expect(database.pool.query(statement, [account.id])).rejects.toMatchObject({
        code: '23514',
      });
    }
    const entry = { holdId: 'none', key: 'less than nothing', subject: SUBJECT };
    await expect(
      withTransaction(database.pool, (tx) => adjust(tx, account.id, entry, -1)),
    ).rejects.toMatchObject({ code: '23514' });
    expect(await kindsOn(account.id)).toEqual([]);
  });

  test('names an account that does not exist', async () => {
    await expect(hold(database.pool, 'nowhere', CENT)).rejects.toThrow(
      'account nowhere does not exist',
    );
  });
});
