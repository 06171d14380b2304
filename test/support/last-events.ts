import type { Db } from '../../src/storage/pool.ts';

/** The runs that have ended and whose last event is not that end, or that have an end and go on. Every one is a fault. */
export async function listUnsealedRuns(db: Db): Promise<{ id: string; last: string }[]> {
  const { rows } = await db.query<{ id: string; last: string }>(
    `SELECT runs.id, e.type AS last FROM runs
     CROSS JOIN LATERAL (SELECT type FROM events WHERE run_id = runs.id ORDER BY number DESC LIMIT 1) e
     WHERE CASE WHEN completed_at IS NULL THEN EXISTS (
       SELECT 1 FROM events WHERE run_id = runs.id AND type IN ('run.succeeded', 'run.failed', 'run.cancelled')
     ) ELSE e.type <> 'run.' || status END`,
  );
  return rows;
}
