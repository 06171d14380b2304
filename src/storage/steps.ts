import type { StepRole, StepStatus } from '../contracts/activities.ts';
import type { Failure } from '../contracts/failures.ts';
import type { ResolvedStep } from '../contracts/plan.ts';
import type { Db, Transaction } from './pool.ts';

export interface StepRow {
  id: string;
  index: number;
  skill: string;
  inline: boolean;
  depends_on: string[];
  status: StepStatus;
  generation: number;
  role: StepRole;
  tries: number;
  output_bytes: number | null;
  artifact_id: string | null;
  /** A Failure as JSON text. */
  failure: string | null;
  cost_micro_cents: number;
  started_at: Date | null;
  completed_at: Date | null;
}

const COLUMNS = `id, index, skill, inline, depends_on, status, generation, role, tries, output_bytes, artifact_id,
  failure, cost_micro_cents, started_at, completed_at`;

export type StepRowWithSpec = StepRow & { spec: ResolvedStep };

const withSpec = (row: StepRow & { spec: string }): StepRowWithSpec => ({
  ...row,
  spec: JSON.parse(row.spec) as ResolvedStep,
});

export async function insertSteps(
  tx: Transaction,
  runId: string,
  steps: readonly ResolvedStep[],
): Promise<void> {
  await tx.query(
    `INSERT INTO steps (run_id, id, index, skill, inline, depends_on, spec)
     SELECT $1, s.id, s.index, s.skill, s.inline,
       ARRAY(SELECT jsonb_array_elements_text(s.depends_on::jsonb)), s.spec
     FROM unnest($2::text[], $3::int[], $4::text[], $5::boolean[], $6::text[], $7::text[])
       AS s (id, index, skill, inline, depends_on, spec)`,
    [
      runId,
      steps.map((step) => step.id),
      steps.map((step) => step.index),
      steps.map((step) => step.skill),
      steps.map((step) => step.inline),
      steps.map((step) => JSON.stringify(step.depends_on)),
      steps.map((step) => JSON.stringify(step)),
    ],
  );
}

export async function listSteps(db: Db, runId: string): Promise<StepRow[]> {
  const { rows } = await db.query<StepRow>(
    `SELECT ${COLUMNS} FROM steps WHERE run_id = $1 ORDER BY index`,
    [runId],
  );
  return rows;
}

export async function listStepsWithSpec(db: Db, runId: string): Promise<StepRowWithSpec[]> {
  const { rows } = await db.query<StepRow & { spec: string }>(
    `SELECT ${COLUMNS}, spec FROM steps WHERE run_id = $1 ORDER BY index`,
    [runId],
  );
  return rows.map(withSpec);
}

export async function findStep(
  db: Db,
  runId: string,
  id: string,
): Promise<StepRowWithSpec | undefined> {
  const { rows } = await db.query<StepRow & { spec: string }>(
    `SELECT ${COLUMNS}, spec FROM steps WHERE run_id = $1 AND id = $2`,
    [runId, id],
  );
  return rows[0] && withSpec(rows[0]);
}

export async function listStepIds(db: Db, runId: string): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    'SELECT id FROM steps WHERE run_id = $1 ORDER BY index',
    [runId],
  );
  return rows.map((row) => row.id);
}

export interface StepValue {
  id: string;
  skill: string;
  /** JSON text; null without an output. */
  output: string | null;
  /** JSON text; null without a failure. */
  failure: string | null;
}

/** The values of finished steps, large ones from their artifacts; `skill` is the one that answered. */
export async function readStepValues(
  db: Db,
  runId: string,
  ids: readonly string[],
): Promise<StepValue[]> {
  if (ids.length === 0) return [];
  const { rows } = await db.query<StepValue>(
    `SELECT s.id, CASE WHEN s.role = 'fallback' THEN s.spec::json #>> '{fallback,skill}' ELSE s.skill END AS skill,
       coalesce(s.output, a.content) AS output, s.failure
     FROM steps s LEFT JOIN artifacts a ON a.id = s.artifact_id
     WHERE s.run_id = $1 AND s.id = ANY($2)`,
    [runId, ids],
  );
  return rows;
}

export async function markStepStarted(
  tx: Transaction,
  runId: string,
  id: string,
  role: StepRole,
): Promise<void> {
  await tx.query(
    `UPDATE steps SET status = 'running', role = $3, tries = tries + 1, started_at = coalesce(started_at, now())
     WHERE run_id = $1 AND id = $2`,
    [runId, id, role],
  );
}

export async function addStepCost(
  tx: Transaction,
  runId: string,
  id: string,
  costMicroCents: number,
): Promise<void> {
  await tx.query(
    'UPDATE steps SET cost_micro_cents = cost_micro_cents + $3 WHERE run_id = $1 AND id = $2',
    [runId, id, costMicroCents],
  );
}

export interface StepEnding {
  status: Exclude<StepStatus, 'pending' | 'running'>;
  output?: string;
  artifactId?: string;
  outputBytes?: number;
  failure?: Failure;
}

/** Adds the cost of the last try and writes the step's final state. */
export async function endStep(
  tx: Transaction,
  runId: string,
  id: string,
  costMicroCents: number,
  ending: StepEnding,
): Promise<void> {
  await tx.query(
    `UPDATE steps SET cost_micro_cents = cost_micro_cents + $3, status = $4, output = $5, artifact_id = $6,
       output_bytes = $7, failure = $8, completed_at = now()
     WHERE run_id = $1 AND id = $2`,
    [
      runId,
      id,
      costMicroCents,
      ending.status,
      ending.output ?? null,
      ending.artifactId ?? null,
      ending.outputBytes ?? null,
      ending.failure ? JSON.stringify(ending.failure) : null,
    ],
  );
}

export interface InlineEnding extends StepEnding {
  id: string;
  startedAt: Date;
}

/** Writes the ends of a chain's steps and answers which it wrote; a step that has already ended keeps its end. */
export async function recordInlineEnds(
  tx: Transaction,
  runId: string,
  ends: readonly InlineEnding[],
): Promise<Set<string>> {
  if (ends.length === 0) return new Set();
  const { rows } = await tx.query<{ id: string }>(
    `UPDATE steps SET status = e.status, output = e.output, artifact_id = e.artifact_id, output_bytes = e.output_bytes,
       failure = e.failure, tries = CASE WHEN e.status = 'skipped' AND e.failure IS NULL THEN 0 ELSE 1 END,
       started_at = e.started_at, completed_at = now()
     FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::timestamptz[])
       AS e (id, status, output, artifact_id, output_bytes, failure, started_at)
     WHERE steps.run_id = $1 AND steps.id = e.id AND steps.status = 'pending' RETURNING steps.id`,
    [
      runId,
      ends.map((end) => end.id),
      ends.map((end) => end.status),
      ends.map((end) => end.output ?? null),
      ends.map((end) => end.artifactId ?? null),
      ends.map((end) => end.outputBytes ?? null),
      ends.map((end) => (end.failure ? JSON.stringify(end.failure) : null)),
      ends.map((end) => end.startedAt),
    ],
  );
  return new Set(rows.map((row) => row.id));
}
