import type { Db } from './pool.ts';

/**
 * Of a row `r` of runs: another text after every change of the run or of its steps. A cost that becomes known late is
 * such a change and no event, so the number of the last event would not do.
 */
export const RUN_VERSION = `concat_ws('/', r.xmin,
  (SELECT string_agg(s.xmin::text, ',' ORDER BY s.index) FROM steps s WHERE s.run_id = r.id))`;

/** The versions of tenants' runs as they are now, in the order of the asks; null where there is no such run. */
export async function readRunVersions(
  db: Db,
  asked: readonly { tenantId: string; id: string }[],
): Promise<(string | null)[]> {
  const { rows } = await db.query<{ version: string | null }>(
    `SELECT CASE WHEN r.id IS NOT NULL THEN ${RUN_VERSION} END AS version
     FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (tenant_id, id, position)
       LEFT JOIN runs r ON r.tenant_id = asked.tenant_id AND r.id = asked.id
     ORDER BY asked.position`,
    [asked.map(({ tenantId }) => tenantId), asked.map(({ id }) => id)],
  );
  return rows.map(({ version }) => version);
}
