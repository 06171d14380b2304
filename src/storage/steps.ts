import type { StepRole, StepStatus } from '../contracts/activities.ts';
import type { CompensationStatus } from '../contracts/run.ts';
import type { Failure } from '../contracts/failures.ts';
import type { ResolvedStep } from '../contracts/plan.ts';
import { stepsOfPlan } from '../domain/plan/goal-step.ts';
import { noteEvents, valuesOfEvent, withEvent } from './events.ts';
import type { NewEvent, WrittenEvent } from './events.ts';
import type { Db, Transaction } from './pool.ts';
import type { TryMark } from './tries.ts';

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
  /** Its output is sealed. */
  sensitive: boolean;
  output_bytes: number | null;
  artifact_id: string | null;
  /** A Failure as JSON text. */
  failure: string | null;
  /** Null when the plan names no compensation for the step. */
  compensation: CompensationStatus | null;
  /** A Failure as JSON text. */
  compensation_failure: string | null;
  cost_micro_cents: number;
  started_at: Date | null;
  completed_at: Date | null;
}

export const STEP_COLUMNS = `id, index, skill, inline, depends_on, status, generation, role, tries, sensitive, output_bytes, artifact_id,
  failure, compensation, compensation_failure, cost_micro_cents, started_at, completed_at`;

export type StepRowWithSpec = StepRow & { spec: ResolvedStep };

export const withSpec = (row: StepRow & { spec: string }): StepRowWithSpec => ({
  ...row,
  spec: JSON.parse(row.spec) as ResolvedStep,
});

export async function insertSteps(
  tx: Transaction,
  runId: string,
  steps: readonly ResolvedStep[],
): Promise<StepRowWithSpec[]> {
  const { rows } = await tx.query<StepRow>(
    `INSERT INTO steps (run_id, id, index, skill, inline, depends_on, spec, compensation, sensitive)
     SELECT $1, s.id, s.index, s.skill, s.inline,
       ARRAY(SELECT jsonb_array_elements_text(s.depends_on::jsonb)), s.spec, s.compensation, s.sensitive
     FROM unnest($2::text[], $3::int[], $4::text[], $5::boolean[], $6::text[], $7::text[], $8::text[], $9::boolean[])
       AS s (id, index, skill, inline, depends_on, spec, compensation, sensitive)
     RETURNING ${STEP_COLUMNS}`,
    [
      runId,
      steps.map((step) => step.id),
      steps.map((step) => step.index),
      steps.map((step) => step.skill),
      steps.map((step) => step.inline),
      steps.map((step) => JSON.stringify(step.depends_on)),
      steps.map((step) => JSON.stringify(step)),
      steps.map((step) => (step.compensate ? 'ready' : null)),
      steps.map((step) => step.sensitive === true),
    ],
  );
  const specs = new Map(steps.map((step) => [step.index, step]));
  return rows
    .map((row) => ({ ...row, spec: specs.get(row.index)! }))
    .toSorted((one, other) => one.index - other.index);
}

export async function listSteps(db: Db, runId: string): Promise<StepRow[]> {
  const { rows } = await db.query<StepRow>(
    `SELECT ${STEP_COLUMNS} FROM steps WHERE run_id = $1 ORDER BY index`,
    [runId],
  );
  return rows;
}

export async function listStepsWithSpec(db: Db, runId: string): Promise<StepRowWithSpec[]> {
  const { rows } = await db.query<StepRow & { spec: string }>(
    `SELECT ${STEP_COLUMNS}, spec FROM steps WHERE run_id = $1 ORDER BY index`,
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
    `SELECT ${STEP_COLUMNS}, spec FROM steps WHERE run_id = $1 AND id = $2`,
    [runId, id],
  );
  return rows[0] && withSpec(rows[0]);
}

/** A step with what stands of one of its tries, in one look. */
export async function findStepWithTry(
  db: Db,
  runId: string,
  id: string,
  role: StepRole,
  number: number,
): Promise<{ step: StepRowWithSpec; found: TryMark | undefined } | undefined> {
  const { rows } = await db.query<
    StepRow & { spec: string } & Record<`try_${keyof TryMark}`, never>
  >(
    `SELECT ${STEP_COLUMNS.replaceAll(/\w+/g, 's.$&')}, s.spec, t.fence AS try_fence, t.hold_id AS try_hold_id,
       t.status AS try_status, t.failure AS try_failure, t.next AS try_next
     FROM steps s LEFT JOIN tries t ON t.run_id = s.run_id AND t.step_id = s.id AND t.generation = s.generation
       AND t.role = $3 AND t.number = $4
     WHERE s.run_id = $1 AND s.id = $2`,
    [runId, id, role, number],
  );
  if (!rows[0]) return undefined;
  const { try_fence, try_hold_id, try_status, try_failure, try_next, ...row } = rows[0];
  const mark: TryMark = {
    fence: try_fence,
    hold_id: try_hold_id,
    status: try_status,
    failure: try_failure,
    next: try_next,
  };
  return { step: withSpec(row), found: try_fence === null ? undefined : mark };
}

/** The ids of the plan's steps by their index: a step that made the plan is none of them. */
export async function listStepIds(db: Db, runId: string): Promise<string[]> {
  const { rows } = await db.query<{ id: string; skill: string }>(
    'SELECT id, skill FROM steps WHERE run_id = $1 ORDER BY index',
    [runId],
  );
  return stepsOfPlan(rows).map((row) => row.id);
}

export interface StepValue {
  id: string;
  skill: string;
  /** JSON text; null without an output, and where it is sealed. */
  output: string | null;
  /** The output of a sensitive step. */
  sealed: Buffer | null;
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
       coalesce(s.output, a.content) AS output, s.sealed, s.failure
     FROM steps s LEFT JOIN artifacts a ON a.id = s.artifact_id
     WHERE s.run_id = $1 AND s.id = ANY($2)`,
    [runId, ids],
  );
  return rows;
}

/** Adds the cost of the last try and writes how the step's compensation ended; undone, the step counts as not done. */
export async function endCompensation(
  tx: Transaction,
  runId: string,
  id: string,
  costMicroCents: number,
  failure: Failure | undefined,
  event: NewEvent,
): Promise<void> {
  const { rows } = await tx.query<WrittenEvent>(
    `WITH ended AS (
       UPDATE steps SET cost_micro_cents = cost_micro_cents + $3, compensation = $4, compensation_failure = $5,
         status = CASE $4 WHEN 'succeeded' THEN 'compensated' ELSE status END
       WHERE run_id = $1 AND id = $2
     ), ${withEvent(6)}`,
    [
      runId,
      id,
      costMicroCents,
      failure ? 'failed' : 'succeeded',
      failure ? JSON.stringify(failure) : null,
      ...valuesOfEvent(event),
    ],
  );
  noteEvents(tx, runId, [event], rows);
}

/** What is still to be undone, last done first. */
export async function listStepsToUndo(tx: Transaction, runId: string): Promise<StepRowWithSpec[]> {
  const { rows } = await tx.query<StepRow & { spec: string }>(
    `SELECT ${STEP_COLUMNS}, spec FROM steps
     WHERE run_id = $1 AND status = 'succeeded' AND compensation IN ('ready', 'running')
     ORDER BY completed_at DESC, index DESC`,
    [runId],
  );
  return rows.map(withSpec);
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
  sealed?: Buffer;
  outputBytes?: number;
  failure?: Failure;
}

/** Adds the cost of the last try, writes the step's final state and the event that says so. */
export async function endStep(
  tx: Transaction,
  runId: string,
  id: string,
  costMicroCents: number,
  ending: StepEnding,
  event: NewEvent,
): Promise<void> {
  const { rows } = await tx.query<WrittenEvent>(
    `WITH ended AS (
       UPDATE steps SET cost_micro_cents = cost_micro_cents + $3, status = $4, output = $5, artifact_id = $6,
         output_bytes = $7, failure = $8, sealed = $9, completed_at = now()
       WHERE run_id = $1 AND id = $2
     ), ${withEvent(10)}`,
    [
      runId,
      id,
      costMicroCents,
      ending.status,
      ending.output ?? null,
      ending.artifactId ?? null,
      ending.outputBytes ?? null,
      ending.failure ? JSON.stringify(ending.failure) : null,
      ending.sealed ?? null,
      ...valuesOfEvent(event),
    ],
  );
  noteEvents(tx, runId, [event], rows);
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
       failure = e.failure, sealed = e.sealed, tries = CASE WHEN e.status = 'skipped' AND e.failure IS NULL THEN 0 ELSE 1 END,
       started_at = e.started_at, completed_at = now()
     FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::timestamptz[], $9::bytea[])
       AS e (id, status, output, artifact_id, output_bytes, failure, started_at, sealed)
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
      ends.map((end) => end.sealed ?? null),
    ],
  );
  return new Set(rows.map((row) => row.id));
}
