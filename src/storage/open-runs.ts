import type { StepStatus } from '../contracts/activities.ts';
import { conditionOf, valuesOf } from './attempts.ts';
import type { RunsOf } from './attempts.ts';
import type { Db } from './pool.ts';

/** An open run with one of its steps and that step's newest try; without a step when it has none yet. */
export interface OpenStepRow {
  run_id: string;
  agent_id: string | null;
  run_status: 'queued' | 'running';
  max_parallel: number;
  created_at: Date;
  run_started_at: Date | null;
  run_deadline_at: Date;
  compensate_until: Date | null;
  cancel_requested_at: Date | null;
  step_id: string | null;
  skill: string;
  status: StepStatus;
  depends_on: string[];
  step_started_at: Date | null;
  try_status: 'succeeded' | 'failed' | 'cancelled' | null;
  /** A NextMove as JSON text. */
  try_next: string | null;
  try_started_at: Date | null;
  try_deadline_at: Date | null;
  try_completed_at: Date | null;
  /** Whether another step of the run holds money for a call. */
  is_held: boolean;
}

/** The open runs, oldest first, each with all of its steps in their order. */
export async function listOpenSteps(
  db: Db,
  tenantId: string,
  of: RunsOf,
  runsMax: number,
): Promise<OpenStepRow[]> {
  const { rows } = await db.query<OpenStepRow>(
    `WITH open AS (
       SELECT * FROM runs WHERE tenant_id = $1 AND ${conditionOf(of)} AND status IN ('queued', 'running')
       ORDER BY created_at, id LIMIT $3
     )
     SELECT r.id AS run_id, r.agent_id, r.status AS run_status, r.max_parallel, r.created_at,
       r.started_at AS run_started_at, r.deadline_at AS run_deadline_at, r.compensate_until, r.cancel_requested_at,
       s.id AS step_id, s.skill, s.status, s.depends_on, s.started_at AS step_started_at,
       t.status AS try_status, t.next AS try_next, t.started_at AS try_started_at, t.deadline_at AS try_deadline_at,
       t.completed_at AS try_completed_at,
       EXISTS (SELECT 1 FROM holds h WHERE h.account_id = r.account_id AND h.step_id IS NOT NULL
         AND h.step_id <> s.id AND h.role <> 'compensate') AS is_held
     FROM open r LEFT JOIN steps s ON s.run_id = r.id
       LEFT JOIN LATERAL (
         SELECT * FROM tries WHERE run_id = s.run_id AND step_id = s.id AND generation = s.generation
         ORDER BY started_at DESC, number DESC LIMIT 1
       ) t ON s.status = 'running'
     ORDER BY r.created_at, r.id, s.index`,
    [...valuesOf(tenantId, of), runsMax],
  );
  return rows;
}

export async function hasOpenRuns(db: Db, tenantId: string, of: RunsOf): Promise<boolean> {
  const { rows } = await db.query(
    `SELECT 1 FROM runs WHERE tenant_id = $1 AND ${conditionOf(of)} AND status IN ('queued', 'running') LIMIT 1`,
    valuesOf(tenantId, of),
  );
  return rows.length > 0;
}
