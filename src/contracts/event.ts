import { z } from 'zod';

/** What can happen. Events of a run are numbered from 1, in the order of commits. */
export const EVENT_TYPES = [
  'run.accepted',
  'run.started',
  'run.planned',
  'run.restarted',
  'run.cancel_requested',
  'run.compensating',
  'run.succeeded',
  'run.failed',
  'run.cancelled',
  'step.started',
  'step.retrying',
  'step.succeeded',
  'step.failed',
  'step.skipped',
  'step.cancelled',
  'step.compensated',
  'step.compensation_failed',
  'budget.threshold_reached',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** What a reader may ask for: types of events, and `run.*` for all of a kind. */
export const EVENT_PATTERNS: readonly string[] = [
  ...new Set(EVENT_TYPES.map((type) => `${type.slice(0, type.indexOf('.'))}.*`)),
  ...EVENT_TYPES,
];

/** One event as every reader gets it: in answers, streams and webhooks. */
export const Event = z.object({
  id: z
    .string()
    .describe(
      'Its place among all events of the tenant: what `after` takes there, while that of a run takes `number`.',
    ),
  type: z.enum(EVENT_TYPES),
  at: z.iso.datetime(),
  run_id: z.string().nullable(),
  number: z.int().nullable().describe("Its number among the run's events, from 1."),
  step_id: z.string().nullable(),
  agent_id: z.string().nullable(),
  data: z.record(z.string(), z.json()),
});
export type Event = z.infer<typeof Event>;

/** An event whose transaction is committed, with what logs and metrics need beside what is stored. */
export interface CommittedEvent {
  /** Absent where a new limit has reached a part of a budget. */
  runId?: string;
  tenantId: string;
  type: EventType;
  stepId?: string;
  data?: Record<string, unknown>;
  /** The skill that was called, or would have been; on events of steps. */
  skill?: string | undefined;
  /** How long it took: from the run's acceptance to its first start or its end, or from the begin of a step's call. */
  seconds?: number | undefined;
}
