import pg from 'pg';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import type { PostgresProbe } from '../measure/postgres-counters.ts';

/** Makes the cluster of a new data folder count statements, which Postgres takes up at its start alone. */
export async function prepareStatementStatistics(
  dataDir: string,
  onProgress: (text: string) => void,
  onLog: (text: string) => void,
): Promise<void> {
  const postgres = await startEmbeddedPostgres({ dataDir, onProgress, onLog });
  try {
    const client = new pg.Client({ connectionString: postgres.url });
    await client.connect();
    await client.query(`ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'`);
    await client.query('CREATE EXTENSION pg_stat_statements');
    await client.end();
  } finally {
    await postgres.stop();
  }
}

export interface StatementCost {
  query: string;
  calls: number;
  totalMs: number;
}

/** What each statement has cost since the server started, by its id. */
export async function readStatements(probe: PostgresProbe): Promise<Map<string, StatementCost>> {
  const { rows } = await probe.ask<{ id: string; query: string; calls: string; ms: number }>(
    `SELECT queryid::text AS id, min(query) AS query, sum(calls) AS calls, sum(total_exec_time) AS ms
     FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND query NOT LIKE '%pg_stat_statements%' AND query NOT LIKE '%pg_current_wal_insert_lsn%'
     GROUP BY queryid`,
  );
  return new Map(
    rows.map(({ id, query, calls, ms }) => [id, { query, calls: Number(calls), totalMs: ms }]),
  );
}

/** What was added between two readings. */
export function addDifference(
  sum: Map<string, StatementCost>,
  before: ReadonlyMap<string, StatementCost>,
  after: ReadonlyMap<string, StatementCost>,
): void {
  for (const [id, { query, calls, totalMs }] of after) {
    const earlier = before.get(id);
    const known = sum.get(id) ?? { query, calls: 0, totalMs: 0 };
    known.calls += calls - (earlier?.calls ?? 0);
    known.totalMs += totalMs - (earlier?.totalMs ?? 0);
    if (known.calls > 0) sum.set(id, known);
  }
}
