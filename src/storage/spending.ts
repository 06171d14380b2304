import { conditionOf, valuesOf } from './attempts.ts';
import type { RunsOf } from './attempts.ts';
import type { Pool } from './pool.ts';
import { readWithin } from './read-only.ts';
import { tenantAccountId } from './tenants.ts';

/** The groups of spending, each by an expression of ours; `$7` is the name of a label. */
const GROUPS = {
  agent: 'r.agent_id',
  skill: 's.skill',
  day: `to_char(x.at AT TIME ZONE 'UTC', 'YYYY-MM-DD')`,
  run: 'r.id',
  key: 'r.key_id',
  label: 'r.labels ->> $7::text',
} as const;

export interface SpendingAsked {
  by: keyof typeof GROUPS;
  /** The name of the label, for groups by one. */
  label?: string | undefined;
  since: Date | null;
  until: Date | null;
  limit: number;
}

export interface SpendingGroup {
  group: string | null;
  spentMicroCents: number;
  runs: number;
}

/**
 * What was spent, in groups, the largest first, and all of it. Counted is each cost once: on its run's account, or on
 * the tenant's when it came after that was closed.
 */
export async function sumSpending(
  pool: Pool,
  tenantId: string,
  of: RunsOf,
  { by, label, since, until, limit }: SpendingAsked,
  timeoutMs: number,
): Promise<{ groups: SpendingGroup[]; totalMicroCents: number }> {
  const text = `WITH groups AS (
       SELECT ${GROUPS[by]} AS name, sum(x.settled_change_micro_cents + x.overage_change_micro_cents) AS spent,
         count(DISTINCT x.run_id) AS runs
       FROM (SELECT * FROM runs WHERE tenant_id = $1 AND ${conditionOf(of)}) r
         JOIN transactions x ON x.run_id = r.id
         ${by === 'skill' ? 'LEFT JOIN steps s ON s.run_id = x.run_id AND s.id = x.step_id' : ''}
       WHERE x.kind IN ('settle', 'adjust')
         AND (x.account_id = r.account_id OR (x.kind = 'adjust' AND x.account_id = $3))
         AND ($4::timestamptz IS NULL OR x.at >= $4) AND ($5::timestamptz IS NULL OR x.at < $5)
       GROUP BY 1
     )
     SELECT name, spent::bigint, runs, (sum(spent) OVER ())::bigint FROM groups
     ORDER BY spent DESC, name LIMIT $6`;
  const values = [...valuesOf(tenantId, of), tenantAccountId(tenantId), since, until, limit];
  const rows = await readWithin<[string | null, number, number, number]>(
    pool,
    { text, values: by === 'label' ? [...values, label] : values },
    timeoutMs,
  );
  return {
    groups: rows.map(([group, spentMicroCents, runs]) => ({ group, spentMicroCents, runs })),
    totalMicroCents: rows[0]?.[3] ?? 0,
  };
}
