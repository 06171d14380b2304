import { ENDPOINT_RETRY_AFTER_MAX_MS, ENDPOINT_RETRY_DELAYS_MS } from '../contracts/limits.ts';
import type { AttemptReply } from '../contracts/webhook-activities.ts';
import { pauseAfter } from '../domain/delivery-backoff.ts';
import { recordChange } from '../storage/audit-entries.ts';
import type { Transaction } from '../storage/pool.ts';
import {
  insertAttempt,
  markAttemptFailed,
  markDelivered,
  noteOutcome,
} from '../storage/webhook-attempts.ts';
import { endOpenDeliveries } from '../storage/webhook-deliveries.ts';
import type { DeliveryRow } from '../storage/webhook-deliveries.ts';
import { disableWebhookRow } from '../storage/webhooks.ts';
import { CHECK_MS } from './delivery-deps.ts';
import type { DeliveryDeps } from './delivery-deps.ts';
import { endedByDisabling, failureOfAttempt } from './failures.ts';
import type { SendOutcome } from './send-message.ts';

interface Attempted {
  /** The row as it is now, under the lock of its webhook. */
  delivery: DeliveryRow;
  /** The row as it was when the attempt began. */
  begun: DeliveryRow;
  outcome: SendOutcome;
  /** The webhook leads to another URL by now. */
  isMoved: boolean;
}

export interface Recorded {
  reply: AttemptReply;
  /** `lost`: another worker has recorded this attempt. */
  result: 'delivered' | 'waiting' | 'failed' | 'gone' | 'lost';
}

/**
 * Records what came of an attempt and decides what follows. An answer that took the message counts whenever it comes; a
 * failure only if nobody else has recorded that attempt meanwhile.
 */
export async function recordAttempt(
  deps: DeliveryDeps,
  tx: Transaction,
  { delivery, begun, outcome, isMoved }: Attempted,
): Promise<Recorded> {
  const { failure } = outcome;
  const isMine = delivery.attempts === begun.attempts;
  if (failure && !isMine) return { reply: { kind: 'again', delay_ms: 0 }, result: 'lost' };
  await insertAttempt(tx, delivery, {
    at: outcome.at,
    duration_ms: outcome.durationMs,
    status: outcome.status,
    code: failure?.code ?? null,
    answer: outcome.answer,
  });
  await noteOutcome(tx, delivery, failure === undefined);
  if (failure) return recordFailure(deps, tx, delivery, { ...outcome, failure, isMoved });
  await markDelivered(tx, delivery, outcome.status!);
  return { reply: { kind: 'over' }, result: 'delivered' };
}

async function recordFailure(
  deps: DeliveryDeps,
  tx: Transaction,
  delivery: DeliveryRow,
  outcome: Required<SendOutcome> & Pick<Attempted, 'isMoved'>,
): Promise<Recorded> {
  const { retryDelaysMs = ENDPOINT_RETRY_DELAYS_MS, checkMs = CHECK_MS } = deps.times ?? {};
  // A receiver that is left says nothing of the next one.
  const isGone = outcome.failure.code === 'WEBHOOK_GONE' && !outcome.isMoved;
  const backoff = {
    delaysMs: isGone ? [] : retryDelaysMs,
    retryAfterMaxMs: ENDPOINT_RETRY_AFTER_MAX_MS,
  };
  const retryAfterMs = outcome.failure.retry_after_ms;
  const pauseMs = pauseAfter(delivery.attempts + 1, retryAfterMs, backoff, Math.random());
  const failure = failureOfAttempt(outcome.failure, delivery);
  const attempt = { lastStatus: outcome.status, failure, pauseMs };
  await markAttemptFailed(tx, delivery, attempt, checkMs);
  if (isGone) await disableGone(tx, delivery);
  if (pauseMs === undefined) return { reply: { kind: 'over' }, result: isGone ? 'gone' : 'failed' };
  return { reply: { kind: 'again', delay_ms: pauseMs }, result: 'waiting' };
}

/** The receiver wants no more: what is under way to it ends, and nothing more begins. */
async function disableGone(
  tx: Transaction,
  { tenant_id: tenantId, webhook_id: webhookId }: DeliveryRow,
): Promise<void> {
  await disableWebhookRow(tx, tenantId, webhookId);
  const why = `The receiver of webhook ${webhookId} answered 410, which disabled it before the message was delivered.`;
  const ended = await endOpenDeliveries(tx, tenantId, webhookId, endedByDisabling(webhookId, why));
  await recordChange(
    tx,
    { tenantId, keyId: null, requestId: null },
    {
      operation: 'updateWebhook',
      subject: webhookId,
      detail: { status: 'disabled', disabled_reason: 'gone', ended_deliveries: ended },
    },
  );
}

/** Tells the log and the metrics what is recorded now. */
export function reportAttempt(
  { logger, metrics }: DeliveryDeps,
  { begun, outcome }: Pick<Attempted, 'begun' | 'outcome'>,
  result: Recorded['result'],
): void {
  const { durationMs, status, failure } = outcome;
  metrics.webhookAttempted({ result, seconds: durationMs / 1000 });
  const hasFailed = result === 'failed' || result === 'gone';
  const write = hasFailed ? logger.warn : logger.debug;
  write('webhook.attempted', {
    webhook_id: begun.webhook_id,
    delivery_id: begun.id,
    event: begun.event_type,
    attempt: begun.attempts + 1,
    result,
    status,
    code: failure?.code,
    duration_ms: durationMs,
  });
}
