import type { Pool } from '../../src/storage/pool.ts';

/** What requests write of themselves, whatever they are about. */
const NOTES = ['audit_entries', 'workers'];
/** When a key was used last is such a note, too. */
const ROW = { api_keys: "(to_jsonb(t) - 'last_used_at')::text" };
/** Where a version of a row lies, and who wrote it: another one for every change. */
const VERSION = `t.ctid || '/' || t.xmin`;

/** A mark of all rows of every table: two are equal when nothing was written between them. */
export async function snapshot(pool: Pool): Promise<Record<string, string>> {
  const { rows: tables } = await pool.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> ALL($1)`,
    [NOTES],
  );
  const marks = tables.map(
    ({ name }) =>
      `SELECT '${name}' AS name, count(*) || ' rows ' || coalesce(sum(hashtextextended(
         ${name in ROW ? ROW[name as keyof typeof ROW] : VERSION}, 0)), 0) AS mark FROM ${name} AS t`,
  );
  const { rows } = await pool.query<{ name: string; mark: string }>(marks.join(' UNION ALL '));
  return Object.fromEntries(rows.map(({ name, mark }) => [name, mark]));
}
