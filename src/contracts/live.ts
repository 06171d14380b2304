import { z } from 'zod';
import { Event } from './event.ts';
import { ID_LENGTH_MAX } from './limits.ts';
import { PageQuery } from './run-query.ts';

const LimitAndWait = {
  limit: PageQuery.shape.limit.describe('Of an answer in JSON alone.'),
  wait: z
    .string()
    .optional()
    .describe('How long an answer in JSON may wait for an event: `30s`, `500ms` or seconds.'),
};

export const RunEventsQuery = z.object({
  after: z
    .string()
    .optional()
    .describe('The number of the last event that is known, or `latest`. Default: the beginning.'),
  ...LimitAndWait,
});

const Name = z
  .string()
  .min(1)
  .max(ID_LENGTH_MAX)
  .regex(/^[^\0]*$/, 'holds a NUL character');

export const EventsQuery = z.object({
  after: z
    .string()
    .optional()
    .describe(
      'The `id` of the last event that is known, or `latest`. Default: the oldest for JSON, now for a stream.',
    ),
  ...LimitAndWait,
  types: z
    .string()
    .optional()
    .describe('Types, comma-separated; `run.*` is all that begin so. Default: all.'),
  agent_id: Name.optional(),
  run_id: Name.optional(),
});

/** Events in their order; `next_after` is the `after` that goes on behind them. */
export const EventPage = z.object({
  data: z.array(Event),
  has_more: z.boolean().describe('Whether more are there already: ask again, with `next_after`.'),
  next_after: z.string(),
});
export type EventPage = z.infer<typeof EventPage>;

/** Why a stream ends for good; any other end is a break, after which a client resumes. */
export const StreamEnd = z.object({ reason: z.enum(['run_ended', 'key_ended']) });
export type StreamEnd = z.infer<typeof StreamEnd>;
