import type { Db } from './pool.ts';

/** A finished run, as a recall tells of it. */
export interface MemoryRow {
  id: string;
  goal: string | null;
  status: 'succeeded' | 'failed' | 'cancelled';
  /** A Failure as JSON text. */
  failure: string | null;
  /** The beginning of the output, as JSON text. */
  output: string | null;
  /** The output is sealed; null without one. */
  sensitive: boolean | null;
  completed_at: Date;
  score: number;
  /** Of all that were found. */
  total: number;
}

export interface MemoriesAsked {
  query: string;
  limit: number;
  /** Runs that are looked through for the best ones. */
  rankedMax: number;
  outputChars: number;
}

/** Whether anything of a query is looked for: not so of stop words alone. */
export async function hasWords(db: Db, query: string): Promise<boolean> {
  const { rows } = await db.query<{ has: boolean }>(
    `SELECT numnode(websearch_to_tsquery('english', $1)) > 0 AS has`,
    [query],
  );
  return rows[0]!.has;
}

const TOLD = `SELECT r.id, r.goal, r.status, r.failure, left(coalesce(s.output, a.content), $3) AS output, s.sensitive,
     r.completed_at, r.score, r.total
   FROM best r LEFT JOIN steps s ON s.run_id = r.id AND s.id = r.output_step_id
     LEFT JOIN artifacts a ON a.id = s.artifact_id
   ORDER BY r.score DESC, r.created_at DESC, r.id DESC`;

/** The finished runs of an agent that have the words of a query, best first. */
export async function findMemories(
  db: Db,
  tenantId: string,
  agentId: string,
  { query, limit, rankedMax, outputChars }: MemoriesAsked,
): Promise<MemoryRow[]> {
  const { rows } = await db.query<MemoryRow>(
    `WITH found AS (
       SELECT * FROM runs WHERE tenant_id = $1 AND agent_id = $2 AND memory @@ websearch_to_tsquery('english', $4)
       ORDER BY created_at DESC, id DESC LIMIT $5
     ), best AS (
       SELECT *, ts_rank_cd(memory, websearch_to_tsquery('english', $4))::float8 AS score, count(*) OVER () AS total
       FROM found ORDER BY score DESC, created_at DESC, id DESC LIMIT $6
     ) ${TOLD}`,
    [tenantId, agentId, outputChars, query, rankedMax, limit],
  );
  return rows;
}

/** The newest finished runs of an agent. */
export async function listMemories(
  db: Db,
  tenantId: string,
  agentId: string,
  { limit, rankedMax, outputChars }: Omit<MemoriesAsked, 'query'>,
): Promise<MemoryRow[]> {
  const { rows } = await db.query<MemoryRow>(
    `WITH found AS (
       SELECT * FROM runs WHERE tenant_id = $1 AND agent_id = $2 AND memory IS NOT NULL
       ORDER BY created_at DESC, id DESC LIMIT $4
     ), best AS (
       SELECT *, 0::float8 AS score, count(*) OVER () AS total
       FROM found ORDER BY created_at DESC, id DESC LIMIT $5
     ) ${TOLD}`,
    [tenantId, agentId, outputChars, rankedMax, limit],
  );
  return rows;
}
