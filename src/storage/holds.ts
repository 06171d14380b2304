import type { StepRole } from '../contracts/activities.ts';
import type { Db, Transaction } from './pool.ts';

/** A hold that has not ended. A run's hold on an ancestor names no step and never expires. */
export interface Hold {
  id: string;
  accountId: string;
  amountMicroCents: number;
  runId: string;
  stepId: string | null;
  generation: number | null;
  role: StepRole | null;
  try: number | null;
  fence: string | null;
  expiresAt: Date | null;
}

interface HoldRow {
  id: string;
  account_id: string;
  amount_micro_cents: number;
  run_id: string;
  step_id: string | null;
  generation: number | null;
  role: StepRole | null;
  try: number | null;
  fence: string | null;
  expires_at: Date | null;
}

const COLUMNS =
  'id, account_id, amount_micro_cents, run_id, step_id, generation, role, try, fence, expires_at';

const fromRow = (row: HoldRow): Hold => ({
  id: row.id,
  accountId: row.account_id,
  amountMicroCents: row.amount_micro_cents,
  runId: row.run_id,
  stepId: row.step_id,
  generation: row.generation,
  role: row.role,
  try: row.try,
  fence: row.fence,
  expiresAt: row.expires_at,
});

/** Takes an open hold out of the working set; undefined when it has already ended. */
export async function takeHold(tx: Transaction, id: string): Promise<Hold | undefined> {
  const { rows } = await tx.query<HoldRow>(`DELETE FROM holds WHERE id = $1 RETURNING ${COLUMNS}`, [
    id,
  ]);
  return rows[0] && fromRow(rows[0]);
}

/** Gives an open hold to a newer fence and moves its expiry. Answers false when it has ended. */
export async function renewHold(
  db: Db,
  id: string,
  fence: string,
  expiresAt: Date | null,
): Promise<boolean> {
  const { rowCount } = await db.query(
    'UPDATE holds SET fence = $2, expires_at = $3 WHERE id = $1',
    [id, fence, expiresAt],
  );
  return rowCount === 1;
}

/** Moves the expiry of a hold that this fence still has. */
export async function prolongHold(
  db: Db,
  id: string,
  fence: string,
  expiresAt: Date,
): Promise<void> {
  await db.query('UPDATE holds SET expires_at = $3 WHERE id = $1 AND fence = $2', [
    id,
    fence,
    expiresAt,
  ]);
}

/** The open holds of a run: on its own account first, then on the ancestors. */
export async function listRunHolds(
  tx: Transaction,
  runId: string,
  accountId: string,
): Promise<Hold[]> {
  const { rows } = await tx.query<HoldRow>(
    `SELECT ${COLUMNS} FROM holds WHERE run_id = $1 ORDER BY (account_id = $2) DESC, account_id, id`,
    [runId, accountId],
  );
  return rows.map(fromRow);
}

/** The hold that waits for a step's compensation, if it is open. */
export async function findCompensationHold(
  tx: Transaction,
  runId: string,
  stepId: string,
): Promise<Hold | undefined> {
  const { rows } = await tx.query<HoldRow>(
    `SELECT ${COLUMNS} FROM holds WHERE run_id = $1 AND step_id = $2 AND role = 'compensate'`,
    [runId, stepId],
  );
  return rows[0] && fromRow(rows[0]);
}

/** Whether another step's try holds money on the account at this moment; what waits for a compensation is none. */
export async function hasOtherStepHold(
  tx: Transaction,
  accountId: string,
  stepId: string,
): Promise<boolean> {
  const { rows } = await tx.query(
    `SELECT 1 FROM holds WHERE account_id = $1 AND step_id IS NOT NULL AND step_id <> $2 AND role <> 'compensate'
     LIMIT 1`,
    [accountId, stepId],
  );
  return rows.length > 0;
}

/** Holds whose time is over; the caller asks the engine before it ends one. */
export async function listExpiredHolds(db: Db, limit: number): Promise<Hold[]> {
  const { rows } = await db.query<HoldRow>(
    `SELECT ${COLUMNS} FROM holds WHERE expires_at < now() ORDER BY expires_at LIMIT $1`,
    [limit],
  );
  return rows.map(fromRow);
}

export async function isHoldExpired(tx: Transaction, id: string, fence: string): Promise<boolean> {
  const { rows } = await tx.query(
    'SELECT 1 FROM holds WHERE id = $1 AND fence = $2 AND expires_at < now()',
    [id, fence],
  );
  return rows.length > 0;
}
