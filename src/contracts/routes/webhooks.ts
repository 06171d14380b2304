import type { Route } from '../route.ts';
import { PageQuery } from '../run-query.ts';
import {
  CreateWebhook,
  DeletedWebhook,
  RotateWebhookSecret,
  SecretWebhook,
  UpdateWebhook,
  WebhookDetail,
  WebhookPage,
  WebhookView,
} from '../webhook.ts';
import { WEBHOOK_DELIVERY_ROUTES } from './webhook-deliveries.ts';

const WEBHOOK = {
  id: 'webhook_01935d3a-1f2e-7b3c-9d4e-5f6a7b8c9d0e',
  url: 'https://example.org/hooks/aos',
  events: ['run.*', 'step.failed'],
  agent_id: null,
  description: 'Tells the on-call room.',
  status: 'enabled',
  disabled_reason: null,
  last_success_at: '2026-11-29T08:31:00.412Z',
  last_failure_at: null,
  failing_since: null,
  previous_secret_until: null,
  created_at: '2026-11-29T08:00:00.000Z',
  updated_at: '2026-11-29T08:00:00.000Z',
};

const SECRET = 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDC1Yn6wB7Nkk=';

export const WEBHOOK_ROUTES = {
  createWebhook: {
    method: 'POST',
    path: '/api/v1/webhooks',
    answerHeaders: ['Cache-Control'],
    role: 'admin',
    tag: 'webhooks',
    summary: 'Have events sent to a URL; the answer shows the secret that signs them',
    description:
      'From now on each event is posted as `{type, timestamp, data}`, signed by Standard Webhooks 1.0: the libraries of ' +
      'standardwebhooks.com verify it with the secret. A message arrives at least once, always with the same `webhook-id`, ' +
      'and not always in order. A status from 200 to 299 takes it; 410 disables the webhook; after anything else it is ' +
      'sent again, ten times in three days. No redirect is followed, and private addresses cannot be reached.',
    body: CreateWebhook,
    bodyExample: {
      url: 'https://example.org/hooks/aos',
      events: ['run.*', 'step.failed'],
      description: 'Tells the on-call room.',
    },
    answers: {
      201: {
        description: 'The webhook, with its secret.',
        schema: SecretWebhook,
        example: { ...WEBHOOK, last_success_at: null, secret: SECRET, warnings: [] },
      },
    },
    errors: ['WEBHOOKS_EXCEEDED'],
  },
  listWebhooks: {
    method: 'GET',
    path: '/api/v1/webhooks',
    role: 'viewer',
    tag: 'webhooks',
    summary: 'Webhooks, newest first',
    query: PageQuery,
    answers: {
      200: {
        description: 'A page of webhooks.',
        schema: WebhookPage,
        example: { data: [WEBHOOK], has_more: false, next_cursor: null },
      },
    },
    errors: ['CURSOR_INVALID'],
  },
  getWebhook: {
    method: 'GET',
    path: '/api/v1/webhooks/:webhook_id',
    role: 'viewer',
    tag: 'webhooks',
    summary: 'A webhook, how it fares, and how many deliveries it has of each status',
    answers: {
      200: {
        description: 'The webhook.',
        schema: WebhookDetail,
        example: {
          ...WEBHOOK,
          deliveries: { pending: 0, sending: 1, waiting: 2, delivered: 1290, failed: 0 },
        },
      },
    },
    errors: ['WEBHOOK_NOT_FOUND', 'KEY_BOUND_TO_AGENT'],
  },
  updateWebhook: {
    method: 'PATCH',
    path: '/api/v1/webhooks/:webhook_id',
    role: 'admin',
    tag: 'webhooks',
    summary: 'Change where a webhook leads and what it is sent, disable or enable it',
    description:
      'What is not named stays. To disable it ends what is under way; once enabled it is sent what happens from then on, ' +
      'and a replay sends what happened before.',
    body: UpdateWebhook,
    bodyExample: { events: ['run.*'], status: 'enabled' },
    answers: {
      200: {
        description: 'The webhook, changed.',
        schema: WebhookView,
        example: { ...WEBHOOK, events: ['run.*'], warnings: [] },
      },
    },
    errors: ['WEBHOOK_NOT_FOUND'],
  },
  deleteWebhook: {
    method: 'DELETE',
    path: '/api/v1/webhooks/:webhook_id',
    role: 'admin',
    tag: 'webhooks',
    summary: 'Delete a webhook with its secret and its deliveries',
    answers: {
      200: {
        description: 'It is gone.',
        schema: DeletedWebhook,
        example: { id: WEBHOOK.id, deleted: true },
      },
    },
    errors: ['WEBHOOK_NOT_FOUND'],
  },
  rotateWebhookSecret: {
    method: 'POST',
    path: '/api/v1/webhooks/:webhook_id/rotate-secret',
    answerHeaders: ['Cache-Control'],
    role: 'admin',
    tag: 'webhooks',
    summary: 'Give a webhook a new secret, while both sign for some time',
    description:
      'For `overlap_hours` each message carries two signatures, as the standard has it: of the new secret and of the old one.',
    body: RotateWebhookSecret,
    bodyExample: { overlap_hours: 24 },
    answers: {
      200: {
        description: 'The webhook, with its new secret.',
        schema: SecretWebhook,
        example: {
          ...WEBHOOK,
          previous_secret_until: '2026-11-30T09:00:00.000Z',
          secret: SECRET,
          warnings: [],
        },
      },
    },
    errors: ['WEBHOOK_NOT_FOUND'],
  },
  ...WEBHOOK_DELIVERY_ROUTES,
} as const satisfies Record<string, Route>;
