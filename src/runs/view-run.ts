import type { Json } from '../contracts/json.ts';
import { centsFromMicroCents } from '../contracts/money.ts';
import type {
  NotUndone,
  Run,
  RunSummary,
  StepDetail,
  StepView,
  TryView,
  WithheldOutput,
} from '../contracts/run.ts';
import { effectKeyOf } from '../domain/effect-keys.ts';
import { parseFailure } from './failures.ts';
import type { StoredOutput } from '../storage/artifacts.ts';
import type { Db } from '../storage/pool.ts';
import type { RunRow, StepCounts } from '../storage/runs.ts';
import type { StepRow, StepRowWithSpec } from '../storage/steps.ts';
import type { TryRow } from '../storage/tries.ts';
import { findWholeRun } from '../storage/whole-runs.ts';
import type { WholeRun } from '../storage/whole-runs.ts';

/** What a reader sees of a stored output: the value itself, or where a large one can be had. */
export function viewOutput(runId: string, stepId: string, stored: StoredOutput | undefined): Json {
  if (stored?.artifact) {
    const { sha256, bytes, preview } = stored.artifact;
    return { ref: outputPath(runId, stepId), sha256, bytes, preview };
  }
  return stored?.output == null ? null : (JSON.parse(stored.output) as Json);
}

const outputPath = (runId: string, stepId: string): string =>
  `/api/v1/runs/${runId}/steps/${stepId}/output`;

export function viewStep(row: StepRow): StepView {
  return {
    id: row.id,
    index: row.index,
    skill: row.skill,
    status: row.status,
    depends_on: row.depends_on,
    tries: row.tries,
    cost_cents: centsFromMicroCents(row.cost_micro_cents),
    output_bytes: row.output_bytes,
    ...(row.sensitive && { sensitive: true as const }),
    ...(row.failure !== null && { failure: parseFailure(row.failure) }),
    ...(row.compensation !== null && {
      compensation: {
        status: row.compensation,
        ...(row.compensation_failure !== null && {
          failure: parseFailure(row.compensation_failure),
        }),
      },
    }),
    ...(row.started_at && { started_at: row.started_at.toISOString() }),
    ...(row.completed_at && { completed_at: row.completed_at.toISOString() }),
    ...(row.started_at &&
      row.completed_at && { duration_ms: row.completed_at.getTime() - row.started_at.getTime() }),
  };
}

/** The run as a list shows it. */
export function viewRunSummary(
  row: RunRow,
  { begun, total, cost_micro_cents }: StepCounts,
): RunSummary {
  const isClosed = row.completed_at !== null;
  return {
    run_id: row.id,
    id: row.id,
    ...(row.agent_id !== null && { agent_id: row.agent_id }),
    ...(row.goal !== null && { goal: row.goal }),
    labels: row.labels,
    status: row.status,
    execution: row.execution,
    budget_cents: centsFromMicroCents(row.budget_micro_cents),
    cost_cents: centsFromMicroCents(isClosed ? row.cost_micro_cents : cost_micro_cents),
    current_step: begun,
    total_steps: total,
    created_at: row.created_at.toISOString(),
    deadline_at: row.deadline_at.toISOString(),
    ...(row.started_at && { started_at: row.started_at.toISOString() }),
    ...(row.cancel_requested_at && { cancel_requested_at: row.cancel_requested_at.toISOString() }),
    ...(row.traceparent !== null && { traceparent: row.traceparent }),
    ...(row.compensate_until && { compensate_until: row.compensate_until.toISOString() }),
    ...(row.completed_at && {
      completed_at: row.completed_at.toISOString(),
      duration_ms: row.completed_at.getTime() - (row.started_at ?? row.created_at).getTime(),
    }),
    event_number: row.event_number,
    warnings: row.warnings,
    ...(row.failure !== null && { failure: parseFailure(row.failure) }),
  };
}

const countSteps = (steps: readonly StepRow[]): StepCounts => ({
  total: steps.length,
  begun: steps.filter((step) => step.status !== 'pending').length,
  cost_micro_cents: steps.reduce((sum, step) => sum + step.cost_micro_cents, 0),
});

/** The run object, with its steps and, when it has succeeded, its output; null where that is sensitive. */
export function viewRun(row: RunRow, steps: readonly StepRow[], output: Json): Run {
  const { status, completed_at, duration_ms, failure, ...shared } = viewRunSummary(
    row,
    countSteps(steps),
  );
  const base = { ...shared, steps: steps.map(viewStep) };
  if (status === 'queued' || status === 'running') return { ...base, status };
  const ended = { completed_at: completed_at!, duration_ms: duration_ms! };
  if (status === 'succeeded') {
    const withheld = withheldOf(steps.find((step) => step.id === row.output_step_id));
    const outcome = { success: true as const, result: output, data: output, ...withheld };
    return { ...base, ...ended, status, output, ...withheld, outcome };
  }
  const { code, message, category, upstream_status } = failure!;
  const error = {
    code,
    message,
    category,
    ...(upstream_status !== undefined && { upstream_status }),
  };
  const not_undone = notUndone(steps);
  return {
    ...base,
    ...ended,
    ...(not_undone.length > 0 && { not_undone }),
    status,
    failure: failure!,
    outcome: { success: false, error },
  };
}

/** What is told in place of a sensitive output. */
export const withheldOf = (
  step: Pick<StepRow, 'sensitive' | 'output_bytes'> | undefined,
): WithheldOutput => {
  if (!step?.sensitive) return {};
  return {
    sensitive: true,
    ...(step.output_bytes !== null && { output_bytes: step.output_bytes }),
  };
};

/** The steps that stay done although their run did not succeed, and why. */
const notUndone = (steps: readonly StepRow[]): NotUndone[] =>
  steps
    .filter((step) => step.status === 'succeeded' && step.compensation !== null)
    .map(({ id, compensation_failure: text }) => {
      if (text === null) return { step_id: id, reason: 'Its compensation was not begun.' };
      const failure = parseFailure(text);
      return { step_id: id, reason: `Its compensation failed: ${failure.message}`, failure };
    });

export const viewWholeRun = (run: WholeRun): Run =>
  viewRun(run, run.steps, viewOutput(run.id, run.output_step_id ?? '', run.stored));

/** Reads all that the run object shows, as it is now. */
export async function loadRunView(
  db: Db,
  { tenant_id: tenantId, id }: Pick<RunRow, 'tenant_id' | 'id'>,
): Promise<Run> {
  return viewWholeRun((await findWholeRun(db, tenantId, id))!);
}

export const viewTry = (row: TryRow): TryView => ({
  role: row.role,
  number: row.number,
  execution: row.execution,
  status: row.status ?? 'running',
  cost_cents: centsFromMicroCents(row.cost_micro_cents),
  ...(row.failure !== null && { failure: parseFailure(row.failure) }),
  started_at: row.started_at.toISOString(),
  ...(row.completed_at && { completed_at: row.completed_at.toISOString() }),
});

export function viewStepDetail(
  runId: string,
  row: StepRowWithSpec,
  tries: readonly TryRow[],
  stored: StoredOutput | undefined,
): StepDetail {
  const address = { runId, stepId: row.id, generation: row.generation, role: row.role };
  const output = stored && !row.sensitive ? viewOutput(runId, row.id, stored) : undefined;
  return {
    ...viewStep(row),
    run_id: runId,
    params: row.spec.params,
    effect_key: effectKeyOf(address),
    try_list: tries.map(viewTry),
    ...(output !== undefined && { output, result: output }),
  };
}
