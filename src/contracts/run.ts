import { z } from 'zod';
import { Failure, Problem } from './failures.ts';
import {
  BUDGET_CENTS_MAX,
  CANCEL_REASON_LENGTH_MAX,
  GOAL_LENGTH_MAX,
  IDEMPOTENCY_KEY_LENGTH_MAX,
  ID_LENGTH_MAX,
  LABELS_MAX,
  LABEL_LENGTH_MAX,
} from './limits.ts';
import { text } from './text.ts';

export const RUN_STATUSES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

export const Labels = z
  .record(text(LABEL_LENGTH_MAX), text(LABEL_LENGTH_MAX))
  .refine((labels) => Object.keys(labels).length <= LABELS_MAX, `at most ${LABELS_MAX} labels`)
  .meta({ maxProperties: LABELS_MAX });

/** The body of POST /api/v1/runs. The plan itself is checked apart, so that all its problems are told at once. */
export const SubmitRun = z.object({
  plan: z
    .json()
    .optional()
    .describe(
      'A list of steps `{skill, params, …}`, or an object with `steps` and what holds for all of them.',
    ),
  goal: text(GOAL_LENGTH_MAX).min(1).optional(),
  agent_id: text(ID_LENGTH_MAX).min(1).optional(),
  input: z.json().optional(),
  /** Without it: 1000, or what the limits above the run leave of that. */
  budget_cents: z.number().min(0).max(BUDGET_CENTS_MAX).optional(),
  labels: Labels.default({}),
  idempotency_key: text(IDEMPOTENCY_KEY_LENGTH_MAX).min(1).optional(),
});
export type SubmitRun = z.infer<typeof SubmitRun>;

export const CancelRun = z.object({
  reason: text(CANCEL_REASON_LENGTH_MAX).min(1).default('Cancelled on request.'),
});

export const STEP_STATUSES = [
  'pending',
  'running',
  'succeeded',
  'failed',
  'skipped',
  'cancelled',
  'compensated',
] as const;

/** What stands in place of an output that is shown to nobody but an operator who downloads it. */
export const WithheldOutput = z.object({
  sensitive: z
    .literal(true)
    .optional()
    .describe(
      'The output is sealed: an operator reads it with GET /api/v1/runs/{run_id}/steps/{step_id}/output. Absent otherwise.',
    ),
  output_bytes: z.int().optional().describe('Of an output that is not shown.'),
});
export type WithheldOutput = z.infer<typeof WithheldOutput>;

export const COMPENSATION_STATUSES = ['ready', 'running', 'succeeded', 'failed'] as const;
export type CompensationStatus = (typeof COMPENSATION_STATUSES)[number];

/** What undoes a step, and how far it has come: `ready` waits for the run to fail or be cancelled. */
export const CompensationView = z.object({
  status: z.enum(COMPENSATION_STATUSES),
  failure: Failure.optional(),
});

/** A step that has succeeded and stays done although its run failed or was cancelled. */
export const NotUndone = z.object({
  step_id: z.string(),
  reason: z.string(),
  failure: Failure.optional(),
});
export type NotUndone = z.infer<typeof NotUndone>;

/** One step of a run, without its output. */
export const StepView = z.object({
  id: z.string(),
  index: z.int(),
  skill: z.string(),
  status: z.enum(STEP_STATUSES),
  depends_on: z.array(z.string()),
  tries: z.int(),
  cost_cents: z.number(),
  output_bytes: z.int().nullable(),
  sensitive: WithheldOutput.shape.sensitive,
  failure: Failure.optional(),
  /** Absent when the plan names none for the step. */
  compensation: CompensationView.optional(),
  started_at: z.iso.datetime().optional(),
  completed_at: z.iso.datetime().optional(),
  duration_ms: z.number().optional(),
});
export type StepView = z.infer<typeof StepView>;

export const TryView = z.object({
  role: z.enum(['main', 'fallback', 'compensate']),
  number: z.int(),
  execution: z.int(),
  status: z.enum(['running', 'succeeded', 'failed', 'cancelled']),
  cost_cents: z.number(),
  failure: Failure.optional(),
  started_at: z.iso.datetime(),
  completed_at: z.iso.datetime().optional(),
});
export type TryView = z.infer<typeof TryView>;

/** One step with its tries and output; `output` and `result` are the same value, and absent where it is sensitive. */
export const StepDetail = StepView.extend({
  run_id: z.string(),
  params: z.json(),
  effect_key: z.string(),
  try_list: z.array(TryView),
  output: z.json().optional(),
  result: z.json().optional(),
});
export type StepDetail = z.infer<typeof StepDetail>;

const RunBase = z.object({
  run_id: z.string(),
  id: z.string(),
  agent_id: z.string().optional(),
  goal: z.string().optional(),
  labels: z.record(z.string(), z.string()),
  execution: z.int(),
  budget_cents: z.number(),
  cost_cents: z.number(),
  current_step: z.int(),
  total_steps: z.int(),
  created_at: z.iso.datetime(),
  deadline_at: z.iso.datetime(),
  started_at: z.iso.datetime().optional(),
  cancel_requested_at: z.iso.datetime().optional(),
  /** The caller's trace, as it came with the submission. */
  traceparent: z.string().optional(),
  /** Set once the run undoes its steps: until when that may take. */
  compensate_until: z.iso.datetime().optional(),
  /** The number of the run's newest event: it grows with every change. */
  event_number: z.int(),
  warnings: z.array(Problem),
  steps: z.array(StepView).optional(),
});

const Ended = { completed_at: z.iso.datetime(), duration_ms: z.number() };
/** Steps with a compensation that did not undo them; absent when there is none. */
const Unfinished = { not_undone: z.array(NotUndone).optional() };

const FailedOutcome = z.object({
  success: z.literal(false),
  error: z.object({
    code: z.string(),
    message: z.string(),
    category: z.string(),
    upstream_status: z.int().optional(),
  }),
});

export const QueuedRun = RunBase.extend({ status: z.literal('queued') });

/** A run as every reader sees it. `outcome` is absent until the end. */
export const Run = z.discriminatedUnion('status', [
  QueuedRun,
  RunBase.extend({ status: z.literal('running') }),
  RunBase.extend({
    status: z.literal('succeeded'),
    ...Ended,
    output: z.json().describe("The last step's; null where that is sensitive."),
    ...WithheldOutput.shape,
    outcome: z.object({
      success: z.literal(true),
      result: z.json(),
      data: z.json(),
      ...WithheldOutput.shape,
    }),
  }),
  RunBase.extend({
    status: z.literal('failed'),
    ...Ended,
    ...Unfinished,
    failure: Failure,
    outcome: FailedOutcome,
  }),
  RunBase.extend({
    status: z.literal('cancelled'),
    ...Ended,
    ...Unfinished,
    failure: Failure,
    outcome: FailedOutcome,
  }),
]);
export type Run = z.infer<typeof Run>;

/** A run in a list: all but its steps, output and outcome, which are read one by one. */
export const RunSummary = RunBase.omit({ steps: true }).extend({
  status: z.enum(RUN_STATUSES),
  completed_at: z.iso.datetime().optional(),
  duration_ms: z.number().optional(),
  failure: Failure.optional(),
});
export type RunSummary = z.infer<typeof RunSummary>;

export const RunPage = z.object({
  data: z.array(RunSummary),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
export type RunPage = z.infer<typeof RunPage>;
