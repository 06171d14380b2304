import { Context } from '@temporalio/activity';
import { AosError } from '../src/contracts/failures.ts';
import type { WebhookActivities } from '../src/contracts/webhook-activities.ts';
import { attemptDelivery } from '../src/webhooks/attempt-delivery.ts';
import type { DeliveryDeps } from '../src/webhooks/delivery-deps.ts';
import { toApplicationFailure } from './failure.ts';
import { withMeasures } from './measure.ts';

const BEAT_MS = 1_000;

/** What the workflow of a delivery may ask this worker for. */
export function createWebhookActivities(deps: DeliveryDeps): WebhookActivities {
  const attempt: WebhookActivities['attemptDelivery'] = async (input) => {
    const context = Context.current();
    const beat = setInterval(() => context.heartbeat(), BEAT_MS);
    const { delivery_id: deliveryId } = input;
    try {
      return await attemptDelivery(deps, input, context.cancellationSignal);
    } catch (error) {
      const failure = toApplicationFailure(error);
      const fields = { delivery_id: deliveryId, code: failure.type ?? null };
      // Taken back by a worker that stops: the next one makes the attempt.
      const isTakenBack = error instanceof AosError && error.failure.code === 'CANCELLED';
      if (isTakenBack) deps.logger.info('webhook.given_back', fields);
      else deps.logger.error('activity.failed', error, { activity: 'attemptDelivery', ...fields });
      throw failure;
    } finally {
      clearInterval(beat);
    }
  };
  return { attemptDelivery: withMeasures(deps.metrics, 'attemptDelivery', attempt) };
}
