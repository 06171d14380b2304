import { ENDPOINT_ATTEMPTS_SHOWN_MAX } from '../contracts/limits.ts';
import type { WebhookDelivery, WebhookDeliveryDetail } from '../contracts/webhook-delivery.ts';
import { eventIdOf } from '../events/event-id.ts';
import type { EventPlace } from '../storage/event-feed.ts';
import type { Db } from '../storage/pool.ts';
import { listAttempts } from '../storage/webhook-attempts.ts';
import type { DeliveryRow } from '../storage/webhook-deliveries.ts';

/** The event that a delivery is of; undefined of a test. */
export const placeOfEvent = ({
  event_transaction: transaction,
  event_position: position,
}: DeliveryRow): EventPlace | undefined =>
  transaction === null || position === null ? undefined : { transaction, position };

/** A delivery as lists and answers show it. */
export function viewDelivery(row: DeliveryRow): WebhookDelivery {
  const place = placeOfEvent(row);
  return {
    id: row.id,
    webhook_id: row.webhook_id,
    event_id: place ? eventIdOf(place) : null,
    event_type: row.event_type,
    status: row.status,
    attempts: row.attempts,
    last_status: row.last_status,
    failure: row.failure,
    next_attempt_at: row.next_at?.toISOString() ?? null,
    created_at: row.created_at.toISOString(),
    completed_at: row.completed_at?.toISOString() ?? null,
  };
}

/** The same with its attempts. */
export async function viewDeliveryDetail(db: Db, row: DeliveryRow): Promise<WebhookDeliveryDetail> {
  const attempts = await listAttempts(db, row.tenant_id, row.id, ENDPOINT_ATTEMPTS_SHOWN_MAX);
  const history = attempts.map((attempt) => ({ ...attempt, at: attempt.at.toISOString() }));
  return { ...viewDelivery(row), history };
}
