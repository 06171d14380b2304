import type { Harness } from './harness.ts';

/** The columns of all tables, as `table.column`, that hold a text anywhere: as it is, or in what is kept as bytes. */
export async function findInTables({ pool }: Harness, text: string): Promise<string[]> {
  const { rows: columns } = await pool.query<{ t: string; c: string; type: string }>(
    `SELECT table_name AS t, column_name AS c, data_type AS type FROM information_schema.columns
     WHERE table_schema = 'public' ORDER BY 1, 2`,
  );
  const found: string[] = [];
  for (const { t, c, type } of columns) {
    const written = type === 'bytea' ? `encode("${c}", 'escape')` : `"${c}"::text`;
    const { rows } = await pool.query(
      `SELECT 1 FROM "${t}" WHERE strpos(lower(${written}), lower($1)) > 0 LIMIT 1`,
      [text],
    );
    if (rows.length > 0) found.push(`${t}.${c}`);
  }
  return found;
}

/** All that Temporal keeps of a run, its payloads read. */
export async function readHistories({ client }: Harness, runId: string): Promise<string> {
  const history = await client.workflow.getHandle(`${runId}.1`).fetchHistory();
  return JSON.stringify(history, (_key, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
  );
}
