import type { BalanceChange } from '../domain/balances.ts';
import type { Db, Transaction } from './pool.ts';

export type EntryKind =
  | 'hold'
  | 'settle'
  | 'release'
  | 'expire'
  | 'topup'
  | 'overage'
  | 'adjust'
  | 'limit';
export type EntryBasis = 'worst_case' | 'actual' | 'presumed' | 'budget' | 'operator';

/** What an entry is about, and who made it. */
export interface EntrySubject {
  runId?: string;
  execution?: number;
  stepId?: string;
  try?: number;
  priceTableVersion?: string;
  actor: string;
}

export interface NewEntry {
  accountId: string;
  idempotencyKey: string;
  kind: EntryKind;
  holdId?: string;
  amountMicroCents: number;
  change: BalanceChange;
  basis: EntryBasis;
  expiresAt?: Date;
  subject: EntrySubject;
}

/** A subject as the last six values of an entry. */
export const valuesOfSubject = (subject: EntrySubject): unknown[] => [
  subject.runId,
  subject.execution,
  subject.stepId,
  subject.try,
  subject.priceTableVersion,
  subject.actor,
];

export async function insertEntry(tx: Transaction, entry: NewEntry): Promise<void> {
  const { subject, change } = entry;
  await tx.query(
    `INSERT INTO transactions (account_id, idempotency_key, kind, hold_id, amount_micro_cents,
       reserved_change_micro_cents, settled_change_micro_cents, overage_change_micro_cents,
       limit_change_micro_cents, basis, expires_at, run_id, execution, step_id, try, price_table_version, actor)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
    [
      entry.accountId,
      entry.idempotencyKey,
      entry.kind,
      entry.holdId,
      entry.amountMicroCents,
      change.reserved,
      change.settled,
      change.overage,
      change.limit,
      entry.basis,
      entry.expiresAt,
      ...valuesOfSubject(subject),
    ],
  );
}

/** Whether an entry with this key stands on the account: the same key twice is one entry. */
export async function hasEntry(tx: Transaction, accountId: string, key: string): Promise<boolean> {
  const { rows } = await tx.query(
    'SELECT 1 FROM transactions WHERE account_id = $1 AND idempotency_key = $2',
    [accountId, key],
  );
  return rows.length > 0;
}

export interface HoldEnd {
  key: string;
  /** What the end counted as spent. */
  spentMicroCents: number;
}

/** How a hold ended, or undefined while it is open. */
export async function findHoldEnd(tx: Transaction, holdId: string): Promise<HoldEnd | undefined> {
  const { rows } = await tx.query<{ key: string; spent: number }>(
    `SELECT idempotency_key AS key, CASE kind WHEN 'settle' THEN amount_micro_cents ELSE 0 END AS spent
     FROM transactions WHERE hold_id = $1 AND kind IN ('settle', 'release', 'expire')`,
    [holdId],
  );
  return rows[0] && { key: rows[0].key, spentMicroCents: rows[0].spent };
}

/** The ancestors on which a run has held its budget. */
export async function listAncestorsHeldOn(tx: Transaction, runId: string): Promise<string[]> {
  const { rows } = await tx.query<{ account_id: string }>(
    `SELECT DISTINCT account_id FROM transactions WHERE run_id = $1 AND kind = 'hold' AND step_id IS NULL
     ORDER BY account_id`,
    [runId],
  );
  return rows.map((row) => row.account_id);
}

export interface Entry {
  id: number;
  account_id: string;
  kind: EntryKind;
  hold_id: string | null;
  amount_micro_cents: number;
  reserved_change_micro_cents: number;
  settled_change_micro_cents: number;
  overage_change_micro_cents: number;
  basis: EntryBasis;
  execution: number | null;
  step_id: string | null;
  try: number | null;
  price_table_version: string | null;
  actor: string;
  at: Date;
}

const COLUMNS = `id, account_id, kind, hold_id, amount_micro_cents, reserved_change_micro_cents,
  settled_change_micro_cents, overage_change_micro_cents, basis, execution, step_id, try,
  price_table_version, actor, at`;

/** The entry under this key, on an account of the tenant that has one. */
export async function findEntry(
  db: Db,
  tenantId: string,
  accountId: string,
  key: string,
): Promise<Entry> {
  const { rows } = await db.query<Entry>(
    `SELECT ${COLUMNS} FROM transactions
     WHERE account_id = (SELECT id FROM accounts WHERE tenant_id = $1 AND id = $2) AND idempotency_key = $3`,
    [tenantId, accountId, key],
  );
  if (!rows[0]) throw new Error(`account ${accountId} has no entry ${key}`);
  return rows[0];
}

/** The entries of a run's own account, oldest first. */
export async function listEntries(
  db: Db,
  accountId: string,
  afterId: number,
  limit: number,
): Promise<Entry[]> {
  const { rows } = await db.query<Entry>(
    `SELECT ${COLUMNS} FROM transactions WHERE account_id = $1 AND id > $2 ORDER BY id LIMIT $3`,
    [accountId, afterId, limit],
  );
  return rows;
}
