import type { StepRole, StepStatus } from '../contracts/activities.ts';
import type { ResolvedStep } from '../contracts/plan.ts';
import type { Db } from './pool.ts';
import { RUN_COLUMNS } from './runs.ts';
import type { RunRow } from './runs.ts';

/** Whose runs are meant: one run, all of an agent, or all of the tenant. */
export type RunsOf = { run: string } | { agent: string } | 'tenant';

export interface AttemptRow {
  run_id: string;
  agent_id: string | null;
  step_id: string;
  skill: string;
  role: StepRole;
  number: number;
  /** Null while it runs. */
  status: 'succeeded' | 'failed' | 'cancelled' | null;
  /** A Failure as JSON text. */
  failure: string | null;
  cost_micro_cents: number;
  started_at: Date;
  completed_at: Date | null;
}

/** The condition on `runs`, whose `$2` is the second of `valuesOf`. */
export function conditionOf(of: RunsOf): string {
  if (of === 'tenant') return '$2::text IS NULL';
  return 'run' in of ? 'id = $2' : 'agent_id = $2';
}

export const valuesOf = (tenantId: string, of: RunsOf): unknown[] => [
  tenantId,
  of === 'tenant' ? null : 'run' in of ? of.run : of.agent,
];

/** Read here and not by Postgres, whose json refuses half a surrogate pair anywhere in a step. */
const skillOf = (skill: string, role: StepRole, spec: string | null): string =>
  role === 'main' || spec === null
    ? skill
    : ((JSON.parse(spec) as ResolvedStep)[role]?.skill ?? skill);

const specFor = (role: string): string => `CASE WHEN ${role} <> 'main' THEN s.spec END AS spec`;

/**
 * What was tried in the newest runs, newest first. A step that ran inside a chain has no row of a try: it counts as one
 * by itself.
 */
export async function listAttempts(
  db: Db,
  tenantId: string,
  of: RunsOf,
  { runs, limit }: { runs: number; limit: number },
): Promise<AttemptRow[]> {
  const { rows } = await db.query<AttemptRow & { spec: string | null }>(
    `WITH newest AS (
       SELECT id, agent_id FROM runs WHERE tenant_id = $1 AND ${conditionOf(of)}
       ORDER BY created_at DESC, id DESC LIMIT $3
     )
     SELECT r.id AS run_id, r.agent_id, s.id AS step_id, s.skill, ${specFor('t.role')}, t.role, t.number, t.status,
       t.failure, t.cost_micro_cents, t.started_at, t.completed_at, s.index
     FROM newest r JOIN steps s ON s.run_id = r.id JOIN tries t ON t.run_id = s.run_id AND t.step_id = s.id
     UNION ALL
     SELECT r.id, r.agent_id, s.id, s.skill, NULL, 'main', 1,
       CASE WHEN s.failure IS NULL THEN 'succeeded' ELSE 'failed' END,
       s.failure, s.cost_micro_cents, coalesce(s.started_at, s.completed_at), s.completed_at, s.index
     FROM newest r JOIN steps s ON s.run_id = r.id
     WHERE s.inline AND s.tries > 0 AND s.completed_at IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM tries t WHERE t.run_id = s.run_id AND t.step_id = s.id)
     ORDER BY started_at DESC, index DESC, number DESC, run_id DESC LIMIT $4`,
    [...valuesOf(tenantId, of), runs, limit],
  );
  return rows.map(({ spec, ...row }) => ({ ...row, skill: skillOf(row.skill, row.role, spec) }));
}

export interface LastStepRow {
  run_id: string;
  step_id: string;
  skill: string;
  status: Exclude<StepStatus, 'pending' | 'running'>;
  tries: number;
  sensitive: boolean;
  output_bytes: number | null;
  failure: string | null;
  cost_micro_cents: number;
  completed_at: Date;
}

/** The newest run, and in it the step that ended last; a step whose condition was false did nothing. */
export async function findLastStep(
  db: Db,
  tenantId: string,
  of: RunsOf,
): Promise<{ runId: string; step: LastStepRow | undefined } | undefined> {
  const { rows } = await db.query<
    LastStepRow & { newest_id: string; role: StepRole; spec: string | null }
  >(
    `SELECT r.id AS newest_id, s.run_id, s.id AS step_id, s.skill, s.role, ${specFor('s.role')}, s.status, s.tries, s.sensitive,
       s.output_bytes, s.failure, s.cost_micro_cents, s.completed_at
     FROM (SELECT id FROM runs WHERE tenant_id = $1 AND ${conditionOf(of)}
       ORDER BY created_at DESC, id DESC LIMIT 1) r
     LEFT JOIN steps s ON s.run_id = r.id AND s.completed_at IS NOT NULL
       AND (s.status <> 'skipped' OR s.failure IS NOT NULL)
     ORDER BY s.completed_at DESC NULLS LAST, s.index DESC LIMIT 1`,
    valuesOf(tenantId, of),
  );
  const [row] = rows;
  if (!row) return undefined;
  const { newest_id: runId, role, spec, ...step } = row;
  // The newest run may have no step that has ended.
  const hasStep = (step.step_id as string | null) !== null;
  const skill = hasStep ? skillOf(step.skill, role, spec) : '';
  return { runId, step: hasStep ? { ...step, skill } : undefined };
}

/** The newest of these runs that has failed. */
export async function findNewestFailedRun(
  db: Db,
  tenantId: string,
  of: RunsOf,
): Promise<RunRow | undefined> {
  const { rows } = await db.query<RunRow>(
    `SELECT ${RUN_COLUMNS} FROM runs WHERE tenant_id = $1 AND ${conditionOf(of)} AND status = 'failed'
     ORDER BY created_at DESC, id DESC LIMIT 1`,
    valuesOf(tenantId, of),
  );
  return rows[0];
}
