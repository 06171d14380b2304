import type { Route } from '../route.ts';
import {
  ReplayedWebhook,
  ReplayWebhook,
  WebhookDelivery,
  WebhookDeliveryDetail,
  WebhookDeliveryPage,
  WebhookDeliveryQuery,
} from '../webhook-delivery.ts';

const DELIVERY = {
  id: 'delivery_01935d40-5c1d-7f20-8e3b-4a5b6c7d8e9f',
  webhook_id: 'webhook_01935d3a-1f2e-7b3c-9d4e-5f6a7b8c9d0e',
  event_id: '81234-5120',
  event_type: 'run.failed',
  status: 'delivered',
  attempts: 1,
  last_status: 200,
  failure: null,
  next_attempt_at: null,
  created_at: '2026-11-29T08:31:00.000Z',
  completed_at: '2026-11-29T08:31:00.412Z',
};

const PENDING = {
  ...DELIVERY,
  status: 'pending',
  attempts: 0,
  last_status: null,
  completed_at: null,
};

export const WEBHOOK_DELIVERY_ROUTES = {
  testWebhook: {
    method: 'POST',
    path: '/api/v1/webhooks/:webhook_id/test',
    role: 'admin',
    tag: 'webhooks',
    summary: 'Send a message of type webhook.test, as any other is sent',
    answers: {
      202: {
        description: 'The delivery, which is sent in a moment.',
        schema: WebhookDelivery,
        example: { ...PENDING, event_id: null, event_type: 'webhook.test' },
      },
    },
    errors: ['WEBHOOK_NOT_FOUND', 'WEBHOOK_DISABLED'],
  },
  listWebhookDeliveries: {
    method: 'GET',
    path: '/api/v1/webhooks/:webhook_id/deliveries',
    role: 'viewer',
    tag: 'webhooks',
    summary: 'Deliveries of a webhook, newest first',
    query: WebhookDeliveryQuery,
    answers: {
      200: {
        description: 'A page of deliveries.',
        schema: WebhookDeliveryPage,
        example: { data: [DELIVERY], has_more: false, next_cursor: null },
      },
    },
    errors: ['WEBHOOK_NOT_FOUND', 'KEY_BOUND_TO_AGENT', 'CURSOR_INVALID'],
  },
  getWebhookDelivery: {
    method: 'GET',
    path: '/api/v1/webhooks/:webhook_id/deliveries/:delivery_id',
    role: 'viewer',
    tag: 'webhooks',
    summary: 'A delivery with its attempts, and the beginning of what was answered',
    answers: {
      200: {
        description: 'The delivery.',
        schema: WebhookDeliveryDetail,
        example: {
          ...DELIVERY,
          attempts: 2,
          history: [
            {
              number: 2,
              at: '2026-11-29T08:31:05.300Z',
              duration_ms: 112,
              status: 200,
              code: null,
              answer: '{"ok": true}',
            },
            {
              number: 1,
              at: '2026-11-29T08:31:00.100Z',
              duration_ms: 80,
              status: 503,
              code: 'HTTP_5XX',
              answer: 'Service Unavailable',
            },
          ],
        },
      },
    },
    errors: ['WEBHOOK_NOT_FOUND', 'WEBHOOK_DELIVERY_NOT_FOUND', 'KEY_BOUND_TO_AGENT'],
  },
  replayDelivery: {
    method: 'POST',
    path: '/api/v1/webhooks/:webhook_id/deliveries/:delivery_id/replay',
    role: 'admin',
    tag: 'webhooks',
    summary: 'Send a delivery again, under the same `webhook-id`',
    description:
      'One that waits for its next attempt is sent now; one that is being sent stays as it is.',
    answers: {
      202: {
        description: 'The delivery, which is sent in a moment.',
        schema: WebhookDelivery,
        example: PENDING,
      },
    },
    errors: ['WEBHOOK_NOT_FOUND', 'WEBHOOK_DELIVERY_NOT_FOUND', 'WEBHOOK_DISABLED'],
  },
  replayWebhook: {
    method: 'POST',
    path: '/api/v1/webhooks/:webhook_id/replay',
    role: 'admin',
    tag: 'webhooks',
    summary: 'Send again what has failed since then, and what was never sent',
    description:
      'What happened while the webhook was disabled, or before it was made, has no delivery: it gets one. Everything goes ' +
      'out under the `webhook-id` that it had, so a receiver that knows an id drops it.',
    body: ReplayWebhook,
    bodyExample: { since: '2026-11-29T06:00:00Z' },
    answers: {
      202: {
        description: 'How many deliveries are sent again; those of new events are not counted.',
        schema: ReplayedWebhook,
        example: { replayed: 12, next_since: null, warnings: [] },
      },
    },
    errors: ['WEBHOOK_NOT_FOUND', 'WEBHOOK_DISABLED'],
  },
} as const satisfies Record<string, Route>;
