import type { FailureCode } from '../contracts/failure-codes.ts';
import type { Db } from './pool.ts';

/** Whose failures are meant, and which. */
export interface FailuresAsked {
  tenantId: string;
  /** The only agent whose runs count; null is all runs of the tenant. */
  agentId: string | null;
  codes: readonly FailureCode[];
}

/** Only where it is asked for, so that each case has a plan of its own. */
const ofAgent = (agentId: string | null): string => (agentId === null ? '' : 'AND agent_id = $3');

const valuesOf = ({ tenantId, agentId, codes }: FailuresAsked): unknown[] => [
  tenantId,
  codes,
  ...(agentId === null ? [] : [agentId]),
];

export async function countFailures(
  db: Db,
  asked: FailuresAsked,
): Promise<{ code: FailureCode; count: number }[]> {
  const { rows } = await db.query<{ code: FailureCode; count: number }>(
    `SELECT failure_code AS code, count(*) AS count FROM runs
     WHERE tenant_id = $1 AND status = 'failed' AND failure_code = ANY($2) ${ofAgent(asked.agentId)}
     GROUP BY failure_code ORDER BY failure_code`,
    valuesOf(asked),
  );
  return rows;
}

export interface FailedRunRow {
  id: string;
  agent_id: string | null;
  goal: string | null;
  /** A Failure as JSON text. */
  failure: string;
  created_at: Date;
  completed_at: Date;
  cursor_at: string;
}

/** A page of failed runs, newest first; `cursor_at` keeps the microseconds. */
export async function listFailures(
  db: Db,
  asked: FailuresAsked,
  { after, limit }: { after: { createdAt: string; id: string } | undefined; limit: number },
): Promise<FailedRunRow[]> {
  const given = valuesOf(asked);
  const next = (offset: number): string => `$${given.length + offset}`;
  const { rows } = await db.query<FailedRunRow>(
    `SELECT id, agent_id, goal, failure, created_at, completed_at, created_at::text AS cursor_at FROM runs
     WHERE tenant_id = $1 AND status = 'failed' AND failure_code = ANY($2) ${ofAgent(asked.agentId)}
       AND (${next(1)}::timestamptz IS NULL OR (created_at, id) < (${next(1)}, ${next(2)}))
     ORDER BY created_at DESC, id DESC LIMIT ${next(3)}`,
    [...given, after?.createdAt ?? null, after?.id ?? null, limit],
  );
  return rows;
}
