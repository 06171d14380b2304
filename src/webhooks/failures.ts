import { AosError, createFailure } from '../contracts/failures.ts';
import type { Failure, FailureFacts } from '../contracts/failures.ts';
import { ENDPOINTS_PER_TENANT_MAX } from '../contracts/limits.ts';

export const webhookNotFound = (id: string): AosError =>
  new AosError('WEBHOOK_NOT_FOUND', `There is no webhook ${id.slice(0, 100)}.`);

export const deliveryNotFound = (id: string): AosError =>
  new AosError('WEBHOOK_DELIVERY_NOT_FOUND', `The webhook has no delivery ${id.slice(0, 100)}.`);

export const webhookDisabled = (id: string): AosError =>
  new AosError('WEBHOOK_DISABLED', `Webhook ${id} is disabled, so nothing is sent to it.`);

export const webhooksExceeded = (count: number): AosError =>
  new AosError(
    'WEBHOOKS_EXCEEDED',
    `The tenant has ${count} webhooks and may have ${ENDPOINTS_PER_TENANT_MAX}. Delete one first.`,
    {
      limit: {
        name: 'endpoints_per_tenant_max',
        value: ENDPOINTS_PER_TENANT_MAX,
        asked: count + 1,
      },
    },
  );

const pathOf = (webhookId: string): string => `/api/v1/webhooks/${webhookId}`;

/** How a delivery that has failed is sent again, once the receiver is well. */
const toReplay = (webhookId: string, deliveryId: string): FailureFacts['recovery'] => [
  {
    action: 'retry_later',
    method: 'POST',
    path: `${pathOf(webhookId)}/deliveries/${deliveryId}/replay`,
    why: 'Once the receiver takes messages again, send this one again; its `webhook-id` stays the same.',
  },
];

/** The failure of an attempt, with what helps once no further one is made. */
export const withReplay = (failure: Failure, webhookId: string, deliveryId: string): Failure => ({
  ...failure,
  recovery: toReplay(webhookId, deliveryId)!,
});

/** How deliveries end that were under way when their webhook was disabled. */
export function endedByDisabling(webhookId: string, why: string): Failure {
  const recovery = [
    {
      action: 'fix_request' as const,
      method: 'PATCH',
      path: pathOf(webhookId),
      body: { status: 'enabled' },
      why: 'Enable the webhook once its receiver takes messages, then replay what has failed.',
    },
  ];
  return createFailure('WEBHOOK_DISABLED', why, { recovery });
}
