import type { LedgerViolation } from '../contracts/ledger.ts';
import type { Db } from './pool.ts';

/**
 * The invariants of the ledger, one query each; a row is a violation. `$1` is the tenant, or NULL for all. One
 * statement sees one snapshot, so that a busy ledger shows no false alarm.
 */
const CHECKS: Record<string, string> = {
  I1: `SELECT id AS subject, format('limit %s, reserved %s, settled %s', limit_micro_cents, reserved_micro_cents, settled_micro_cents) AS detail
    FROM own_accounts
    WHERE reserved_micro_cents < 0 OR settled_micro_cents < 0 OR reserved_micro_cents + settled_micro_cents > limit_micro_cents`,
  I2: `SELECT hold_id AS subject, format('%s begins, %s ends, %s open', begins, ends, open) AS detail
    FROM (SELECT hold_id, count(*) FILTER (WHERE kind = 'hold') AS begins,
        count(*) FILTER (WHERE kind IN ('settle', 'release', 'expire')) AS ends, count(*) FILTER (WHERE kind = 'open') AS open
      FROM (SELECT hold_id, kind FROM own_entries WHERE hold_id IS NOT NULL AND kind <> 'adjust'
        UNION ALL SELECT h.id, 'open' FROM holds h JOIN own_accounts a ON a.id = h.account_id) marks
      GROUP BY hold_id) h
    WHERE begins <> 1 OR ends + open <> 1`,
  I3: `SELECT e.account_id AS subject, format('held %s, ended %s, open %s', e.held, e.ended, coalesce(o.open, 0)) AS detail
    FROM (SELECT account_id, sum(reserved_change_micro_cents) FILTER (WHERE kind = 'hold') AS held,
        -coalesce(sum(reserved_change_micro_cents) FILTER (WHERE kind <> 'hold'), 0) AS ended
      FROM own_entries GROUP BY account_id) e
    LEFT JOIN (SELECT account_id, sum(amount_micro_cents) AS open FROM holds GROUP BY account_id) o USING (account_id)
    WHERE coalesce(e.held, 0) <> e.ended + coalesce(o.open, 0)`,
  I4: `SELECT a.id AS subject, format('cached %s/%s/%s, folded %s/%s/%s', a.reserved_micro_cents, a.settled_micro_cents,
      a.overage_micro_cents, f.reserved, f.settled, f.overage) AS detail
    FROM own_accounts a CROSS JOIN LATERAL (SELECT coalesce(sum(reserved_change_micro_cents), 0) AS reserved,
        coalesce(sum(settled_change_micro_cents), 0) AS settled, coalesce(sum(overage_change_micro_cents), 0) AS overage
      FROM transactions t WHERE t.account_id = a.id) f
    WHERE (a.reserved_micro_cents, a.settled_micro_cents, a.overage_micro_cents) <> (f.reserved, f.settled, f.overage)`,
  I5: `SELECT account_id || ' ' || idempotency_key AS subject, format('%s entries', count(*)) AS detail
    FROM own_entries GROUP BY account_id, idempotency_key HAVING count(*) > 1`,
  I6: `SELECT r.id AS subject, format('open with limit %s, held %s on %s', a.limit_micro_cents, h.held, above.id) AS detail
    FROM runs r JOIN own_accounts a ON a.id = r.account_id CROSS JOIN unnest(r.ancestor_accounts) AS above (id)
    CROSS JOIN LATERAL (SELECT coalesce(sum(amount_micro_cents), 0) AS held FROM holds
      WHERE run_id = r.id AND account_id = above.id) h
    WHERE r.completed_at IS NULL AND h.held <> a.limit_micro_cents
    UNION ALL
    SELECT r.id, format('closed with %s, passed on %s to %s', a.settled_micro_cents + a.overage_micro_cents, p.passed, above.id)
    FROM runs r JOIN own_accounts a ON a.id = r.account_id CROSS JOIN unnest(r.ancestor_accounts) AS above (id)
    CROSS JOIN LATERAL (SELECT coalesce(sum(amount_micro_cents), 0) AS passed FROM transactions t
      WHERE t.run_id = r.id AND t.account_id = above.id AND t.kind = 'settle') p
    WHERE r.completed_at IS NOT NULL AND p.passed <> a.settled_micro_cents + a.overage_micro_cents
    UNION ALL
    SELECT r.id, format('has above it: %s; not its tenant', array_to_string(r.ancestor_accounts, ', '))
    FROM runs r JOIN own_accounts a ON a.id = r.account_id
    WHERE ('tenant/' || r.tenant_id) <> ALL (r.ancestor_accounts)`,
  I7: `SELECT h.id AS subject, format('open on %s, but run %s is closed', h.account_id, r.id) AS detail
    FROM holds h JOIN runs r ON r.id = h.run_id JOIN own_accounts a ON a.id = r.account_id WHERE r.completed_at IS NOT NULL`,
  I8: `SELECT id::text AS subject, format('%s takes %s off settled', kind, settled_change_micro_cents) AS detail
    FROM own_entries WHERE settled_change_micro_cents < 0 AND kind <> 'adjust'`,
};

export const INVARIANTS = Object.keys(CHECKS);

const STATEMENT = `WITH own_accounts AS (SELECT * FROM accounts WHERE $1::text IS NULL OR tenant_id = $1),
  own_entries AS (SELECT t.* FROM transactions t JOIN own_accounts a ON a.id = t.account_id)
${Object.entries(CHECKS)
  .map(
    ([name, query]) =>
      `SELECT '${name}' AS invariant, subject, detail FROM (${query}) ${name.toLowerCase()}`,
  )
  .join('\nUNION ALL\n')}
LIMIT 1000`;

/** Checks the invariants I1 to I8 over a tenant's accounts, or over all. */
export async function auditLedger(db: Db, tenantId: string | null): Promise<LedgerViolation[]> {
  const { rows } = await db.query<LedgerViolation>(STATEMENT, [tenantId]);
  return rows;
}
