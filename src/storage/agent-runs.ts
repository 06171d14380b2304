import type { StepRow } from './steps.ts';
import { STEP_COLUMNS, withSpec } from './steps.ts';
import type { StepRowWithSpec } from './steps.ts';
import type { Db } from './pool.ts';

/** Whether the tenant has this agent, or a run that names it: runs may be of agents that nobody has made. */
export async function isAgentKnown(db: Db, tenantId: string, agentId: string): Promise<boolean> {
  const { rows } = await db.query<{ known: boolean }>(
    `SELECT EXISTS (SELECT 1 FROM agents WHERE tenant_id = $1 AND id = $2)
       OR EXISTS (SELECT 1 FROM runs WHERE tenant_id = $1 AND agent_id = $2) AS known`,
    [tenantId, agentId],
  );
  return rows[0]!.known;
}

/** The run's plan as JSON text; `null` while there is only a goal. */
export async function readPlan(db: Db, tenantId: string, runId: string): Promise<string> {
  const { rows } = await db.query<{ plan: string }>(
    'SELECT plan FROM runs WHERE tenant_id = $1 AND id = $2',
    [tenantId, runId],
  );
  return rows[0]!.plan;
}

/** The hashes of the plans of some runs, by the ids of the runs. */
export async function readPlanHashes(
  db: Db,
  tenantId: string,
  runIds: readonly string[],
): Promise<Map<string, string | null>> {
  const { rows } = await db.query<{ id: string; plan_hash: string | null }>(
    'SELECT id, plan_hash FROM runs WHERE tenant_id = $1 AND id = ANY($2)',
    [tenantId, runIds],
  );
  return new Map(rows.map(({ id, plan_hash: hash }) => [id, hash]));
}

export type TriedStep = StepRowWithSpec & { output_start: string | null };

/** The steps of a run that were tried, with the beginning of their output. */
export async function listTriedSteps(
  db: Db,
  runId: string,
  outputChars: number,
): Promise<TriedStep[]> {
  const { rows } = await db.query<StepRow & { spec: string; output_start: string | null }>(
    `SELECT ${STEP_COLUMNS.replaceAll(/\w+/g, 's.$&')}, s.spec, left(coalesce(s.output, a.content), $2) AS output_start
     FROM steps s LEFT JOIN artifacts a ON a.id = s.artifact_id
     WHERE s.run_id = $1 AND s.tries > 0 ORDER BY s.index`,
    [runId, outputChars],
  );
  return rows.map(({ output_start, ...row }) => ({ ...withSpec(row), output_start }));
}
