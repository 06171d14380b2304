import { z } from 'zod';
import { EVENT_PATTERNS } from './event.ts';
import { Problem } from './failures.ts';
import {
  ID_LENGTH_MAX,
  ENDPOINT_DESCRIPTION_LENGTH_MAX,
  ENDPOINT_OVERLAP_DEFAULT_MS,
  ENDPOINT_OVERLAP_MAX_MS,
  ENDPOINT_URL_LENGTH_MAX,
} from './limits.ts';
import { text } from './text.ts';

const HOUR_MS = 3600 * 1000;

const eachOnce = <T>(items: T[]): T[] => [...new Set(items)];

const Settings = {
  url: text(ENDPOINT_URL_LENGTH_MAX).min(1),
  events: z
    .array(z.enum(EVENT_PATTERNS as [string, ...string[]]))
    .min(1)
    .max(EVENT_PATTERNS.length)
    .overwrite(eachOnce)
    .nullable()
    .describe('Types of events, `run.*` for all of a kind; null is all.'),
  description: text(ENDPOINT_DESCRIPTION_LENGTH_MAX).nullable(),
};

/** The body of POST /api/v1/webhooks. */
export const CreateWebhook = z.object({
  url: Settings.url,
  events: Settings.events.default(null),
  agent_id: text(ID_LENGTH_MAX)
    .min(1)
    .optional()
    .describe('Only events of this agent; without it, of the whole tenant.'),
  description: Settings.description.default(null),
});
export type CreateWebhook = z.infer<typeof CreateWebhook>;

export const WEBHOOK_STATUSES = ['enabled', 'disabled'] as const;

/** The body of PATCH /api/v1/webhooks/{id}: what is not named stays. */
export const UpdateWebhook = z.object({ ...Settings, status: z.enum(WEBHOOK_STATUSES) }).partial();
export type UpdateWebhook = z.infer<typeof UpdateWebhook>;

/** The body of POST /api/v1/webhooks/{id}/rotate-secret: so long messages are signed with both secrets. */
export const RotateWebhookSecret = z.object({
  overlap_hours: z
    .number()
    .min(0)
    .max(ENDPOINT_OVERLAP_MAX_MS / HOUR_MS)
    .default(ENDPOINT_OVERLAP_DEFAULT_MS / HOUR_MS),
});
export type RotateWebhookSecret = z.infer<typeof RotateWebhookSecret>;

/** A webhook as the API shows it; its secret is shown when it is made, and never again. */
export const WebhookView = z.object({
  id: z.string(),
  url: z.string(),
  events: z.array(z.string()).nullable(),
  agent_id: z.string().nullable(),
  description: z.string().nullable(),
  status: z.enum(WEBHOOK_STATUSES),
  /** `gone`: the receiver answered 410. */
  disabled_reason: z.enum(['asked', 'gone']).nullable(),
  last_success_at: z.iso.datetime().nullable(),
  last_failure_at: z.iso.datetime().nullable(),
  failing_since: z.iso.datetime().nullable().describe('The first failure since the last success.'),
  /** Until then messages are signed with the secret before, too. */
  previous_secret_until: z.iso.datetime().nullable(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
  /** What of the request was ignored; only in the answer to it. */
  warnings: z.array(Problem).optional(),
});
export type WebhookView = z.infer<typeof WebhookView>;

export const DELIVERY_STATUSES = ['pending', 'sending', 'waiting', 'delivered', 'failed'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** One webhook, with how many deliveries it has of each status. */
export const WebhookDetail = WebhookView.extend({
  deliveries: z.object({
    pending: z.int(),
    sending: z.int(),
    waiting: z.int(),
    delivered: z.int(),
    failed: z.int(),
  }),
});
export type WebhookDetail = z.infer<typeof WebhookDetail>;

/** `secret` is shown in this answer only. */
export const SecretWebhook = WebhookView.extend({
  secret: z.string().startsWith('whsec_'),
  warnings: z.array(Problem),
});
export type SecretWebhook = z.infer<typeof SecretWebhook>;

export const WebhookPage = z.object({
  data: z.array(WebhookView),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
export type WebhookPage = z.infer<typeof WebhookPage>;

export const DeletedWebhook = z.object({ id: z.string(), deleted: z.literal(true) });
export type DeletedWebhook = z.infer<typeof DeletedWebhook>;
