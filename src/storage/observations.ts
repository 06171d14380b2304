import type { Db } from './pool.ts';

export interface ObservationRow {
  skill: string;
  calls: number;
  failed: number;
  avg_ms: number;
  p50_ms: number;
  p95_ms: number;
  /** How often each code was the failure. */
  codes: Record<string, number>;
}

/**
 * What became of the calls of steps' own skills in the tenant's newest runs, by skill. A step that ran inside a chain
 * has no row of a try, so it counts by itself.
 */
export async function listObservations(
  db: Db,
  tenantId: string,
  { runs, callsPerRun }: { runs: number; callsPerRun: number },
): Promise<ObservationRow[]> {
  // In JSON text a quote inside a string is escaped, so the pattern finds the failure's own code.
  const { rows } = await db.query<ObservationRow>(
    `WITH calls AS (
       SELECT c.skill, c.failed, c.took_ms, substring(c.failure, '"code":"([A-Z0-9_]+)"') AS code
       FROM (SELECT id FROM runs WHERE tenant_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2) newest
       CROSS JOIN LATERAL (
         (SELECT s.skill, t.status = 'failed' AS failed, t.failure,
            extract(epoch FROM t.completed_at - t.started_at)::float8 * 1000 AS took_ms
          FROM tries t JOIN steps s ON s.run_id = t.run_id AND s.id = t.step_id
          WHERE t.run_id = newest.id AND t.role = 'main' AND t.status IN ('succeeded', 'failed') LIMIT $3)
         UNION ALL
         (SELECT s.skill, s.failure IS NOT NULL, s.failure,
            extract(epoch FROM s.completed_at - coalesce(s.started_at, s.completed_at))::float8 * 1000
          FROM steps s
          WHERE s.run_id = newest.id AND s.inline AND s.tries > 0 AND s.completed_at IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM tries t WHERE t.run_id = s.run_id AND t.step_id = s.id) LIMIT $3)
       ) c
     )
     SELECT skill, count(*) AS calls, count(*) FILTER (WHERE failed) AS failed,
       greatest(0, avg(took_ms)) AS avg_ms,
       greatest(0, percentile_cont(0.5) WITHIN GROUP (ORDER BY took_ms)) AS p50_ms,
       greatest(0, percentile_cont(0.95) WITHIN GROUP (ORDER BY took_ms)) AS p95_ms,
       (SELECT coalesce(json_object_agg(f.code, f.times), '{}') FROM (
          SELECT code, count(*) AS times FROM calls other
          WHERE other.skill = calls.skill AND failed AND code IS NOT NULL GROUP BY code) f) AS codes
     FROM calls GROUP BY skill`,
    [tenantId, runs, callsPerRun],
  );
  return rows;
}
