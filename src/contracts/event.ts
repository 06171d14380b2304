import { z } from 'zod';

export const EVENT_TYPES = [
  'run.accepted',
  'run.started',
  'run.restarted',
  'run.cancel_requested',
  'run.succeeded',
  'run.failed',
  'run.cancelled',
  'step.started',
  'step.retrying',
  'step.succeeded',
  'step.failed',
  'step.skipped',
  'step.cancelled',
] as const;

/** Something that happened to a run; `number` counts from 1 within the run, in the order of commits. */
export const RunEvent = z.object({
  run_id: z.string(),
  number: z.int(),
  type: z.enum(EVENT_TYPES),
  step_id: z.string().nullable(),
  data: z.json(),
  at: z.iso.datetime(),
});
export type RunEvent = z.infer<typeof RunEvent>;
export type EventType = RunEvent['type'];
