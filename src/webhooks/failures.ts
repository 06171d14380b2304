import { AosError, createFailure } from '../contracts/failures.ts';
import type { Failure, Recovery } from '../contracts/failures.ts';
import { ENDPOINTS_PER_TENANT_MAX } from '../contracts/limits.ts';
import type { DeliveryRow } from '../storage/webhook-deliveries.ts';

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

/** The failure of an attempt, with what helps once no further one is made. */
export function failureOfAttempt(
  failure: Failure,
  { webhook_id: webhookId, id }: Pick<DeliveryRow, 'webhook_id' | 'id'>,
): Failure {
  if (failure.code === 'WEBHOOK_GONE') return { ...failure, recovery: [toEnable(webhookId)] };
  const toReplay: Recovery = {
    action: 'retry_later',
    method: 'POST',
    path: `${pathOf(webhookId)}/deliveries/${id}/replay`,
    why: 'Once the receiver takes messages again, send this one again; its `webhook-id` stays the same.',
  };
  return { ...failure, recovery: [toReplay] };
}

/** How deliveries end that were under way when their webhook was disabled. */
export const endedByDisabling = (webhookId: string, why: string): Failure =>
  createFailure('WEBHOOK_DISABLED', why, { recovery: [toEnable(webhookId)] });

const toEnable = (webhookId: string): Recovery => ({
  action: 'fix_request',
  method: 'PATCH',
  path: pathOf(webhookId),
  body: { status: 'enabled' },
  why: 'Enable the webhook once its receiver takes messages, then replay what has failed.',
});
