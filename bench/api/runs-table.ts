import type { RunPage } from '../../src/contracts/run.ts';
import { createPool } from '../../src/storage/pool.ts';

export const RUNS = 100_000;
const PAGES = 1_000;
const PAGE_SIZE = 50;

/** Puts copies of a run into its tenant, a second apart, so that a list has pages. */
export async function copyRun(databaseUrl: string, runId: string): Promise<void> {
  const pool = createPool({ url: databaseUrl, connectionsMax: 1, onError: () => {} });
  try {
    await pool.query(
      `INSERT INTO runs SELECT copy.* FROM runs AS model, generate_series(1, $2) AS n,
         jsonb_populate_record(model, jsonb_build_object('id', 'run_' || gen_random_uuid(),
           'created_at', model.created_at - n * interval '1 second')) AS copy
       WHERE model.id = $1`,
      [runId, RUNS],
    );
    await pool.query(
      `INSERT INTO steps SELECT copy.* FROM runs, steps AS model,
         jsonb_populate_record(model, jsonb_build_object('run_id', runs.id)) AS copy
       WHERE model.run_id = $1 AND runs.id <> $1`,
      [runId],
    );
    await pool.query('ANALYZE');
  } finally {
    await pool.end();
  }
}

/** The path of page 1,000, found as a client finds it: by the cursor of the page before. */
export async function pathOfLatePage(apiUrl: string, key: string): Promise<string> {
  let path = `/api/v1/runs?limit=${PAGE_SIZE}`;
  for (let page = 1; page < PAGES; page += 1) {
    const response = await fetch(apiUrl + path, { headers: { 'X-API-Key': key } });
    const { next_cursor: cursor } = (await response.json()) as RunPage;
    if (cursor === null) throw new Error(`the list of runs ends with page ${page}`);
    path = `/api/v1/runs?limit=${PAGE_SIZE}&cursor=${cursor}`;
  }
  return path;
}
