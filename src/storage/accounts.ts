import type { Balances, BalanceChange } from '../domain/balances.ts';
import type { ThresholdMarks, ThresholdPercent } from '../domain/budget-thresholds.ts';
import type { Db, Transaction } from './pool.ts';

export interface Account {
  id: string;
  tenantId: string;
  parentId: string | null;
  balances: Balances;
  thresholds: ThresholdMarks;
  closedAt: Date | null;
}

interface AccountRow {
  id: string;
  tenant_id: string;
  parent_id: string | null;
  limit_micro_cents: number | null;
  reserved_micro_cents: number;
  settled_micro_cents: number;
  overage_micro_cents: number;
  thresholds: ThresholdMarks;
  closed_at: Date | null;
}

const COLUMNS = `id, tenant_id, parent_id, limit_micro_cents, reserved_micro_cents,
  settled_micro_cents, overage_micro_cents, thresholds, closed_at`;

const fromRow = (row: AccountRow): Account => ({
  id: row.id,
  tenantId: row.tenant_id,
  parentId: row.parent_id,
  balances: {
    limit: row.limit_micro_cents,
    reserved: row.reserved_micro_cents,
    settled: row.settled_micro_cents,
    overage: row.overage_micro_cents,
  },
  thresholds: row.thresholds,
  closedAt: row.closed_at,
});

export interface NewAccount {
  id: string;
  tenantId: string;
  parentId: string | null;
  limitMicroCents: number | null;
}

export async function insertAccount(db: Db, account: NewAccount): Promise<void> {
  await db.query(
    'INSERT INTO accounts (id, tenant_id, parent_id, limit_micro_cents) VALUES ($1, $2, $3, $4)',
    [account.id, account.tenantId, account.parentId, account.limitMicroCents],
  );
}

export async function findAccount(
  db: Db,
  tenantId: string,
  id: string,
): Promise<Account | undefined> {
  const { rows } = await db.query<AccountRow>(
    `SELECT ${COLUMNS} FROM accounts WHERE tenant_id = $1 AND id = $2`,
    [tenantId, id],
  );
  return rows[0] && fromRow(rows[0]);
}

/** Creates the account unless it is there: the account of a budget's period begins with its first run. */
export async function ensureAccount(tx: Transaction, account: NewAccount): Promise<void> {
  await tx.query(
    `INSERT INTO accounts (id, tenant_id, parent_id, limit_micro_cents) VALUES ($1, $2, $3, $4)
     ON CONFLICT DO NOTHING`,
    [account.id, account.tenantId, account.parentId, account.limitMicroCents],
  );
}

/** The accounts of a tenant with these ids, in no order. */
export async function listAccounts(
  db: Db,
  tenantId: string,
  ids: readonly string[],
): Promise<Account[]> {
  const { rows } = await db.query<AccountRow>(
    `SELECT ${COLUMNS} FROM accounts WHERE tenant_id = $1 AND id = ANY($2)`,
    [tenantId, ids],
  );
  return rows.map(fromRow);
}

/**
 * Locks the account's row until the transaction ends. Order of locks: run, its account, agent, tenant. Not FOR UPDATE:
 * that waits for every transaction that has opened an account below this one, and two of them for each other.
 */
export async function lockAccount(tx: Transaction, id: string): Promise<Account> {
  const { rows } = await tx.query<AccountRow>(
    `SELECT ${COLUMNS} FROM accounts WHERE id = $1 FOR NO KEY UPDATE`,
    [id],
  );
  if (!rows[0]) throw new Error(`account ${id} does not exist`);
  return fromRow(rows[0]);
}

export async function changeBalances(
  tx: Transaction,
  id: string,
  by: BalanceChange,
): Promise<void> {
  await tx.query(
    `UPDATE accounts SET limit_micro_cents = limit_micro_cents + $2,
       reserved_micro_cents = reserved_micro_cents + $3,
       settled_micro_cents = settled_micro_cents + $4,
       overage_micro_cents = overage_micro_cents + $5
     WHERE id = $1`,
    [id, by.limit, by.reserved, by.settled, by.overage],
  );
}

/** Sets the limit to what it is to be, since a change of what is null stays null; the other balances change as told. */
export async function writeLimit(
  tx: Transaction,
  id: string,
  limitMicroCents: number | null,
  by: BalanceChange,
): Promise<void> {
  await tx.query(
    `UPDATE accounts SET limit_micro_cents = $2, settled_micro_cents = settled_micro_cents + $3,
       overage_micro_cents = overage_micro_cents + $4
     WHERE id = $1`,
    [id, limitMicroCents, by.settled, by.overage],
  );
}

/** Writes that these parts of the limit are reached now, and by which run's spending. */
export async function noteThresholds(
  tx: Transaction,
  id: string,
  percents: readonly ThresholdPercent[],
  runId: string | null,
): Promise<void> {
  await tx.query(
    `UPDATE accounts SET thresholds = thresholds || (
       SELECT jsonb_object_agg(percent, jsonb_build_object('at', now(), 'run_id', $3::text))
       FROM unnest($2::text[]) AS percent
     ) WHERE id = $1`,
    [id, percents, runId],
  );
}

/** Closes an account for good; answers what it has cost. */
export async function closeAccount(tx: Transaction, id: string): Promise<number> {
  const { rows } = await tx.query<{ cost: number }>(
    `UPDATE accounts SET closed_at = now() WHERE id = $1
     RETURNING settled_micro_cents + overage_micro_cents AS cost`,
    [id],
  );
  return rows[0]!.cost;
}
