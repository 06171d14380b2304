import { z } from 'zod';
import { EVENT_TYPES } from './event.ts';
import { Failure, FailureCodeSchema, Problem } from './failures.ts';
import { PageQuery } from './run-query.ts';
import { DELIVERY_STATUSES } from './webhook.ts';

/** The type of what a test sends, which is of no event. */
export const WEBHOOK_TEST = 'webhook.test';

/** One event on its way to one webhook. `id` is the `webhook-id` of its messages, the same over attempts and replays. */
export const WebhookDelivery = z.object({
  id: z.string(),
  webhook_id: z.string(),
  /** Null of a test. */
  event_id: z.string().nullable(),
  event_type: z.enum([...EVENT_TYPES, WEBHOOK_TEST]),
  status: z.enum(DELIVERY_STATUSES),
  /** Since it was made, or replayed. */
  attempts: z.int(),
  /** Of the last answer, when one came. */
  last_status: z.int().nullable(),
  failure: Failure.nullable(),
  next_attempt_at: z.iso.datetime().nullable(),
  created_at: z.iso.datetime(),
  completed_at: z.iso.datetime().nullable(),
});
export type WebhookDelivery = z.infer<typeof WebhookDelivery>;

export const WebhookAttempt = z.object({
  number: z.int(),
  at: z.iso.datetime(),
  duration_ms: z.int(),
  status: z.int().nullable(),
  code: FailureCodeSchema.nullable(),
  /** The beginning of the answer, when it is text. */
  answer: z.string().nullable(),
});
export type WebhookAttempt = z.infer<typeof WebhookAttempt>;

/** `history` has the newest attempts first, those before a replay too. */
export const WebhookDeliveryDetail = WebhookDelivery.extend({ history: z.array(WebhookAttempt) });
export type WebhookDeliveryDetail = z.infer<typeof WebhookDeliveryDetail>;

export const WebhookDeliveryPage = z.object({
  data: z.array(WebhookDelivery),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
export type WebhookDeliveryPage = z.infer<typeof WebhookDeliveryPage>;

export const WebhookDeliveryQuery = PageQuery.extend({
  status: z.enum(DELIVERY_STATUSES).optional(),
});

/**
 * The body of POST /api/v1/webhooks/{id}/replay: what has failed since then is sent again, and what happened since then
 * and was never sent, as while the webhook was disabled, is sent.
 */
export const ReplayWebhook = z.object({
  since: z.iso.datetime({ offset: true }),
  include_delivered: z.boolean().default(false),
});
export type ReplayWebhook = z.infer<typeof ReplayWebhook>;

export const ReplayedWebhook = z.object({
  /** Deliveries that are sent again. */
  replayed: z.int(),
  next_since: z.iso
    .datetime()
    .nullable()
    .describe('There are more than one replay takes: the `since` to go on with.'),
  warnings: z.array(Problem),
});
export type ReplayedWebhook = z.infer<typeof ReplayedWebhook>;
