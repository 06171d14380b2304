import type { Spending } from './budget-events.ts';
import type { EndHold, PlaceHold } from './ledger.ts';
import type { Db } from './pool.ts';
import { valuesOfSubject } from './transactions.ts';
import type { EntryBasis } from './transactions.ts';

/**
 * The ordinary operations of the ledger as one statement each: account, working set and entry change together, and the
 * account is locked for no round trip. What is out of the ordinary is left to `ledger.ts`.
 */

const ENTRY = `account_id, idempotency_key, kind, hold_id, amount_micro_cents, reserved_change_micro_cents,
  settled_change_micro_cents, overage_change_micro_cents, basis, expires_at, run_id, execution, step_id, try,
  price_table_version, actor`;

/** Reserves money where there is room and no entry with this key; answers whether it did. Source of the rule: `holdChange`. */
export async function reserve(db: Db, { hold, key, basis, subject }: PlaceHold): Promise<boolean> {
  const { rowCount } = await db.query(
    `WITH room AS (
       UPDATE accounts SET reserved_micro_cents = reserved_micro_cents + $3
       WHERE id = $1 AND closed_at IS NULL AND overage_micro_cents = 0
         AND settled_micro_cents + reserved_micro_cents + $3 <= coalesce(limit_micro_cents, ${Number.MAX_SAFE_INTEGER})
         AND NOT EXISTS (SELECT 1 FROM transactions WHERE account_id = $1 AND idempotency_key = $4)
       RETURNING id
     ), held AS (
       INSERT INTO holds (id, account_id, amount_micro_cents, run_id, step_id, generation, role, try, fence, expires_at)
       SELECT $2, id, $3, $17, $18, $13, $14, $15, $16, $6 FROM room
     )
     INSERT INTO transactions (${ENTRY})
     SELECT id, $4, 'hold', $2, $3, $3, 0, 0, $5, $6, $7, $8, $9, $10, $11, $12 FROM room`,
    [
      hold.accountId,
      hold.id,
      hold.amountMicroCents,
      key,
      basis,
      hold.expiresAt,
      ...valuesOfSubject(subject),
      hold.generation,
      hold.role,
      hold.try,
      hold.fence,
      hold.runId,
      hold.stepId,
    ],
  );
  return rowCount === 1;
}

/** Ends a hold by a cost that it covers; answers what was spent, or undefined when it has ended or does not cover it. */
export async function settleWithin(
  db: Db,
  { holdId, key, subject }: EndHold,
  actualMicroCents: number | 'whole',
  basis: EntryBasis,
): Promise<Spending | undefined> {
  const { rows } = await db.query<Spending>(
    `WITH ended AS (
       DELETE FROM holds WHERE id = $1 AND amount_micro_cents >= coalesce($2::bigint, 0)
       RETURNING account_id, amount_micro_cents AS held, coalesce($2::bigint, amount_micro_cents) AS actual
     ), changed AS (
       UPDATE accounts SET reserved_micro_cents = reserved_micro_cents - held,
         settled_micro_cents = settled_micro_cents + actual
       FROM ended WHERE accounts.id = ended.account_id
       RETURNING accounts.id AS "accountId", limit_micro_cents AS "limitMicroCents",
         settled_micro_cents + overage_micro_cents AS "spentMicroCents", actual AS "byMicroCents"
     ), entered AS (
       INSERT INTO transactions (${ENTRY})
       SELECT account_id, $3, 'settle', $1, actual, -held, actual, 0, $4, NULL, $5, $6, $7, $8, $9, $10 FROM ended
     )
     SELECT * FROM changed`,
    [
      holdId,
      actualMicroCents === 'whole' ? null : actualMicroCents,
      key,
      basis,
      ...valuesOfSubject(subject),
    ],
  );
  return rows[0];
}

/** Ends a hold without cost; answers whether it was open. */
export async function giveBack(
  db: Db,
  { holdId, key, subject }: EndHold,
  kind: 'release' | 'expire',
): Promise<boolean> {
  const { rowCount } = await db.query(
    `WITH ended AS (
       DELETE FROM holds WHERE id = $1 RETURNING account_id, amount_micro_cents AS held
     ), changed AS (
       UPDATE accounts SET reserved_micro_cents = reserved_micro_cents - held
       FROM ended WHERE accounts.id = ended.account_id
     )
     INSERT INTO transactions (${ENTRY})
     SELECT account_id, $2, $3, $1, held, -held, 0, 0, 'actual', NULL, $4, $5, $6, $7, $8, $9 FROM ended`,
    [holdId, key, kind, ...valuesOfSubject(subject)],
  );
  return rowCount === 1;
}
