import type { Db } from './pool.ts';
import type { RunState } from './runs.ts';
import { STEP_COLUMNS, withSpec } from './steps.ts';
import type { StepRow, StepRowWithSpec } from './steps.ts';

export interface ChainSource {
  run: RunState;
  steps: StepRowWithSpec[];
  /** The run's input as JSON text; null when no step reads it. */
  input: string | null;
}

type Row = StepRow & { spec: string; input: string | null } & {
  [K in keyof RunState as `run_${K}`]: RunState[K];
};

/** Everything but earlier outputs that a chain of inline steps is computed from, in one statement. */
export async function readChainSource(db: Db, runId: string): Promise<ChainSource | undefined> {
  const { rows } = await db.query<Row>(
    `SELECT ${STEP_COLUMNS.replaceAll(/\w+/g, 's.$&')}, s.spec, r.id AS run_id, r.tenant_id AS run_tenant_id,
       r.status AS run_status, r.execution AS run_execution, r.deadline_at AS run_deadline_at,
       r.cancel_requested_at AS run_cancel_requested_at, r.compensate_until AS run_compensate_until,
       CASE WHEN s.index = 0 AND EXISTS (SELECT 1 FROM steps WHERE run_id = $1 AND spec LIKE '%input%')
         THEN r.input END AS input
     FROM steps s JOIN runs r ON r.id = s.run_id WHERE s.run_id = $1 ORDER BY s.index`,
    [runId],
  );
  const [first] = rows;
  if (!first) return undefined;
  const run: RunState = {
    id: first.run_id,
    tenant_id: first.run_tenant_id,
    status: first.run_status,
    execution: first.run_execution,
    deadline_at: first.run_deadline_at,
    cancel_requested_at: first.run_cancel_requested_at,
    compensate_until: first.run_compensate_until,
  };
  return { run, steps: rows.map(withSpec), input: first.input };
}
