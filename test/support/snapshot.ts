import type { Pool } from '../../src/storage/pool.ts';

/** What any request may write, as it stands apart from what the request was about. */
const NOTES = ['audit_entries', 'workers'];

/** A mark of all rows of every table: two are equal when nothing was changed between them. */
export async function snapshot(pool: Pool): Promise<Record<string, string>> {
  const { rows: tables } = await pool.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> ALL($1) ORDER BY 1`,
    [NOTES],
  );
  const marks = await Promise.all(
    tables.map(async ({ name }) => {
      const { rows } = await pool.query<{ mark: string }>(
        `SELECT count(*) || ' rows ' || coalesce(md5(string_agg(row, ',' ORDER BY row)), '') AS mark
         FROM (SELECT (to_jsonb(t) - 'last_used_at')::text AS row FROM ${name} AS t) AS rows`,
      );
      return [name, rows[0]!.mark] as const;
    }),
  );
  return Object.fromEntries(marks);
}
