import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import type { LedgerViolation } from '../../src/contracts/ledger.ts';
import { closeRun } from '../../src/runs/close-run.ts';
import { submitRun } from '../../src/runs/submit-run.ts';
import { insertAccount } from '../../src/storage/accounts.ts';
import { keyAccountId } from '../../src/storage/api-keys.ts';
import { auditLedger } from '../../src/storage/ledger-audit.ts';
import { placeHold, settleHold } from '../../src/storage/ledger.ts';
import { withTransaction } from '../../src/storage/pool.ts';
import type { Transaction } from '../../src/storage/pool.ts';
import { tenantAccountId } from '../../src/storage/tenants.ts';
import { startHarness } from '../support/harness.ts';
import type { Harness } from '../support/harness.ts';

const CENT = 1_000_000;
const SUBJECT = { actor: 'test' };

const bySubject = (violations: LedgerViolation[]): LedgerViolation[] =>
  violations.toSorted((a, b) => (a.invariant + a.subject < b.invariant + b.subject ? -1 : 1));

const byDetail = (a: LedgerViolation, b: LedgerViolation): number => (a.detail < b.detail ? -1 : 1);

/** Ends the transaction of a test, and with it what the test has broken. */
class Restore extends Error {}

describe('the audit of the ledger', () => {
  let aos: Harness;

  /** What stands in each tenant: an account without a run, an open run and a closed one, all with entries. */
  interface Ledger {
    tenantId: string;
    accountId: string;
    /** The accounts above the runs': the key's and the tenant's. */
    above: string[];
    openHoldId: string;
    openRunId: string;
    closedRunId: string;
  }
  let ledger: Ledger;
  let other: Ledger;

  beforeAll(async () => {
    aos = await startHarness({ worker: false, reconciler: false });
    ledger = await fill('broken');
    other = await fill('sound');
  });
  afterAll(() => aos.stop());

  async function fill(tenantId: string): Promise<Ledger> {
    await aos.createKey(tenantId, 100 * CENT);
    const submitter = await aos.submitterOf(tenantId);
    const keyAccount = keyAccountId(submitter.key.id);
    await insertAccount(aos.pool, {
      id: keyAccount,
      tenantId,
      parentId: tenantAccountId(tenantId),
      limitMicroCents: 40 * CENT,
    });
    const key = { ...submitter.key, account_id: keyAccount };
    const open = async (): Promise<{ id: string; account_id: string }> => {
      const plan = [{ skill: 'fs_read', params: { path: 'x' } }];
      const request = { plan, budget_cents: 10, labels: {} };
      const engine = { ...aos.engine, startExecution: async () => {} };
      const submission = { ...submitter, key, request, body: { plan }, warnings: [] };
      const { run } = await submitRun(
        { ...aos.deps, engine, rates: aos.rates },
        { ...submission, idempotencyKey: undefined },
      );
      return run;
    };
    const accountId = `agent_${tenantId}`;
    const parentId = tenantAccountId(tenantId);
    await insertAccount(aos.pool, {
      id: accountId,
      tenantId,
      parentId,
      limitMicroCents: 50 * CENT,
    });
    const [openRun, closedRun] = [await open(), await open()];
    await hold(accountId, 'no run', 4 * CENT, 3 * CENT);
    await hold(closedRun.account_id, closedRun.id, 4 * CENT, 2 * CENT);
    await hold(openRun.account_id, openRun.id, 4 * CENT);
    await closeRun(aos.deps, { run_id: closedRun.id, execution: 1, reason: { kind: 'done' } });
    const openHoldId = await hold(accountId, 'no run', 5 * CENT);
    const above = [keyAccount, parentId];
    const runs = { openRunId: openRun.id, closedRunId: closedRun.id };
    return { tenantId, accountId, above, openHoldId, ...runs };
  }

  async function hold(
    accountId: string,
    runId: string,
    amount: number,
    settled?: number,
  ): Promise<string> {
    const id = `hold_${uuidv7()}`;
    await withTransaction(aos.pool, async (tx) => {
      const step = { stepId: 's', generation: 1, role: 'main' as const, try: 1, fence: 'f' };
      await placeHold(tx, {
        hold: { id, accountId, amountMicroCents: amount, runId, ...step, expiresAt: null },
        key: `${id}/hold`,
        basis: 'worst_case',
        subject: SUBJECT,
      });
      const end = { holdId: id, key: `${id}/settle`, subject: SUBJECT };
      if (settled !== undefined) await settleHold(tx, end, settled, 'actual');
    });
    return id;
  }

  /** Breaks the ledger, looks at what the audit says to everybody, to the tenant and to another, and restores it. */
  async function afterBreaking(
    breaking: (tx: Transaction) => Promise<unknown>,
  ): Promise<LedgerViolation[]> {
    let found: LedgerViolation[] = [];
    const work = withTransaction(aos.pool, async (tx) => {
      await tx.query('ALTER TABLE transactions DISABLE TRIGGER transactions_append_only');
      await breaking(tx);
      found = bySubject(await auditLedger(tx, null));
      expect(bySubject(await auditLedger(tx, ledger.tenantId))).toEqual(found);
      expect(await auditLedger(tx, other.tenantId)).toEqual([]);
      throw new Restore();
    });
    await expect(work).rejects.toThrow(Restore);
    expect(await auditLedger(aos.pool, null)).toEqual([]);
    return found;
  }

  /** An entry on the tenant's account without a run. */
  const insertEntry = (tx: Transaction, fields: Record<string, string | number>) => {
    const row: Record<string, string | number> = {
      account_id: ledger.accountId,
      idempotency_key: uuidv7(),
      amount_micro_cents: 0,
      reserved_change_micro_cents: 0,
      settled_change_micro_cents: 0,
      overage_change_micro_cents: 0,
      basis: 'actual',
      actor: 'vandal',
      ...fields,
    };
    const names = Object.keys(row);
    const places = names.map((_, n) => `$${n + 1}`);
    return tx.query(
      `INSERT INTO transactions (${names.join(', ')}) VALUES (${places.join(', ')})`,
      Object.values(row),
    );
  };

  const dropAccountChecks = async (tx: Transaction) => {
    const { rows } = await tx.query<{ name: string }>(
      `SELECT conname AS name FROM pg_constraint WHERE conrelid = 'accounts'::regclass AND contype = 'c'`,
    );
    expect(rows.length).toBeGreaterThanOrEqual(5);
    for (const { name } of rows) await tx.query(`ALTER TABLE accounts DROP CONSTRAINT ${name}`);
  };

  test('says nothing about a ledger that is in order', async () => {
    expect(await auditLedger(aos.pool, null)).toEqual([]);
    const { rows } = await aos.pool.query<{ kind: string }>(
      'SELECT DISTINCT kind FROM transactions ORDER BY kind',
    );
    expect(rows.map((row) => row.kind)).toEqual(['hold', 'settle']);
  });

  test('finds balances above the limit (I1)', async () => {
    const found = await afterBreaking(async (tx) => {
      await dropAccountChecks(tx);
      await tx.query('UPDATE accounts SET limit_micro_cents = 7999999 WHERE id = $1', [
        ledger.accountId,
      ]);
    });
    expect(found).toEqual([
      {
        invariant: 'I1',
        subject: ledger.accountId,
        detail: 'limit 7999999, reserved 5000000, settled 3000000',
      },
    ]);
  });

  test.each(['reserved', 'settled'])('finds a negative balance of %s (I1)', async (balance) => {
    const found = await afterBreaking(async (tx) => {
      await dropAccountChecks(tx);
      await tx.query(
        `UPDATE accounts SET limit_micro_cents = NULL, ${balance}_micro_cents = -1 WHERE id = $1`,
        [ledger.accountId],
      );
    });
    expect(found).toContainEqual({
      invariant: 'I1',
      subject: ledger.accountId,
      detail: expect.stringContaining(`${balance} -1`),
    });
  });

  test('finds a hold that ended twice (I2)', async () => {
    const found = await afterBreaking(async (tx) => {
      await tx.query('DROP INDEX transactions_hold_end_once');
      const { rows } = await tx.query<{ id: string }>(
        `SELECT hold_id AS id FROM transactions WHERE account_id = $1 AND kind = 'settle'`,
        [ledger.accountId],
      );
      await insertEntry(tx, { kind: 'release', hold_id: rows[0]!.id });
    });
    expect(found).toMatchObject([{ invariant: 'I2', detail: '1 begins, 2 ends, 0 open' }]);
  });

  test('finds a hold that is neither open nor ended (I2)', async () => {
    const found = await afterBreaking((tx) =>
      tx.query('DELETE FROM holds WHERE id = $1', [ledger.openHoldId]),
    );
    expect(found).toContainEqual({
      invariant: 'I2',
      subject: ledger.openHoldId,
      detail: '1 begins, 0 ends, 0 open',
    });
  });

  test('finds a hold that has ended and is still open (I2)', async () => {
    const found = await afterBreaking((tx) =>
      insertEntry(tx, { kind: 'expire', hold_id: ledger.openHoldId }),
    );
    expect(found).toEqual([
      { invariant: 'I2', subject: ledger.openHoldId, detail: '1 begins, 1 ends, 1 open' },
    ]);
  });

  test('finds an open hold that no entry began (I2)', async () => {
    const found = await afterBreaking((tx) =>
      tx.query(
        `INSERT INTO holds (id, account_id, amount_micro_cents, run_id) VALUES ('stray', $1, 1, 'no run')`,
        [ledger.accountId],
      ),
    );
    expect(found).toContainEqual({
      invariant: 'I2',
      subject: 'stray',
      detail: '0 begins, 0 ends, 1 open',
    });
  });

  test('finds that what was held is not what ended and what is open (I3)', async () => {
    const found = await afterBreaking((tx) =>
      tx.query('UPDATE holds SET amount_micro_cents = amount_micro_cents + 1 WHERE id = $1', [
        ledger.openHoldId,
      ]),
    );
    expect(found).toEqual([
      {
        invariant: 'I3',
        subject: ledger.accountId,
        detail: 'held 9000000, ended 4000000, open 5000001',
      },
    ]);
  });

  test.each(['reserved', 'settled', 'overage'])(
    'finds that the balance of %s is not the fold of the entries (I4)',
    async (balance) => {
      const found = await afterBreaking((tx) =>
        tx.query(
          `UPDATE accounts SET ${balance}_micro_cents = ${balance}_micro_cents + 1 WHERE id = $1`,
          [ledger.accountId],
        ),
      );
      expect(found).toEqual([
        {
          invariant: 'I4',
          subject: ledger.accountId,
          detail: expect.stringContaining('folded 5000000/3000000/0'),
        },
      ]);
    },
  );

  test('finds one key on two entries (I5)', async () => {
    const found = await afterBreaking(async (tx) => {
      await tx.query(
        'ALTER TABLE transactions DROP CONSTRAINT transactions_account_id_idempotency_key_key',
      );
      await insertEntry(tx, { kind: 'topup', idempotency_key: 'twice' });
      await insertEntry(tx, { kind: 'topup', idempotency_key: 'twice' });
    });
    expect(found).toEqual([
      { invariant: 'I5', subject: `${ledger.accountId} twice`, detail: '2 entries' },
    ]);
  });

  test('finds an open run whose limit is not its hold on each account above it (I6)', async () => {
    const found = await afterBreaking((tx) =>
      tx.query(
        `UPDATE accounts SET limit_micro_cents = limit_micro_cents + 1
         WHERE id = (SELECT account_id FROM runs WHERE id = $1)`,
        [ledger.openRunId],
      ),
    );
    const subject = { invariant: 'I6', subject: ledger.openRunId };
    expect(found.toSorted(byDetail)).toEqual(
      ledger.above.map((id) => ({
        ...subject,
        detail: `open with limit 10000001, held 10000000 on ${id}`,
      })),
    );
  });

  test.each([0, 1])('finds an open run without a hold on account %i above it (I6)', async (n) => {
    const id = ledger.above[n]!;
    const found = await afterBreaking((tx) =>
      tx.query('DELETE FROM holds WHERE run_id = $1 AND account_id = $2', [ledger.openRunId, id]),
    );
    expect(found.filter(({ invariant }) => invariant === 'I6')).toEqual([
      {
        invariant: 'I6',
        subject: ledger.openRunId,
        detail: `open with limit 10000000, held 0 on ${id}`,
      },
    ]);
  });

  test.each([0, 1])(
    'finds a closed run that has not passed its cost on to account %i above it (I6)',
    async (n) => {
      const id = ledger.above[n]!;
      const found = await afterBreaking((tx) =>
        tx.query(
          `UPDATE transactions SET amount_micro_cents = amount_micro_cents - 1
         WHERE run_id = $1 AND kind = 'settle' AND account_id = $2`,
          [ledger.closedRunId, id],
        ),
      );
      expect(found).toEqual([
        {
          invariant: 'I6',
          subject: ledger.closedRunId,
          detail: `closed with 2000000, passed on 1999999 to ${id}`,
        },
      ]);
    },
  );

  test('finds runs that do not name their tenant among the accounts above them (I6)', async () => {
    const found = await afterBreaking(async (tx) => {
      const set = 'UPDATE runs SET ancestor_accounts = $2 WHERE id = $1';
      await tx.query(set, [ledger.openRunId, []]);
      await tx.query(set, [ledger.closedRunId, ledger.above.slice(0, 1)]);
    });
    expect(found).toEqual([
      { invariant: 'I6', subject: ledger.openRunId, detail: 'has above it: ; not its tenant' },
      {
        invariant: 'I6',
        subject: ledger.closedRunId,
        detail: `has above it: ${ledger.above[0]}; not its tenant`,
      },
    ]);
  });

  test('finds a closed run with open holds (I7)', async () => {
    const found = await afterBreaking((tx) =>
      tx.query('UPDATE runs SET completed_at = now() WHERE id = $1', [ledger.openRunId]),
    );
    const detail = expect.stringMatching(
      new RegExp(`^open on .+, but run ${ledger.openRunId} is closed$`),
    );
    const violation = { invariant: 'I7', subject: expect.stringMatching(/^hold_/), detail };
    expect(found).toEqual([violation, violation, violation]);
  });

  test('finds an entry that takes from what is settled and is no adjustment (I8)', async () => {
    const lower = (tx: Transaction, kind: string) =>
      Promise.all([
        insertEntry(tx, { kind, settled_change_micro_cents: -1, overage_change_micro_cents: 1 }),
        tx.query(
          `UPDATE accounts SET settled_micro_cents = settled_micro_cents - 1,
             overage_micro_cents = overage_micro_cents + 1 WHERE id = $1`,
          [ledger.accountId],
        ),
      ]);
    expect(await afterBreaking((tx) => lower(tx, 'topup'))).toMatchObject([
      { invariant: 'I8', detail: 'topup takes -1 off settled' },
    ]);
    expect(await afterBreaking((tx) => lower(tx, 'adjust'))).toEqual([]);
  });
});
