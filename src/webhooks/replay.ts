import { uuidv7 } from 'uuidv7';
import { ENDPOINT_REPLAY_AGE_MAX_MS, ENDPOINT_REPLAYED_MAX } from '../contracts/limits.ts';
import type { Problem } from '../contracts/failures.ts';
import { WEBHOOK_TEST } from '../contracts/webhook-delivery.ts';
import type { ReplayedWebhook, ReplayWebhook } from '../contracts/webhook-delivery.ts';
import { recordChange } from '../storage/audit-entries.ts';
import type { Actor } from '../storage/audit-entries.ts';
import { withTransaction } from '../storage/pool.ts';
import type { Pool, Transaction } from '../storage/pool.ts';
import {
  insertTestDelivery,
  lookAgainSince,
  replayDeliveries,
  replayDeliveryRow,
} from '../storage/webhook-deliveries.ts';
import type { DeliveryRow } from '../storage/webhook-deliveries.ts';
import type { WebhookRow } from '../storage/webhooks.ts';
import { webhookDisabled } from './failures.ts';
import { findDeliveryOf, findLockedWebhook } from './find-webhook.ts';

/** Sends a message of no event, which tells whether the receiver takes some. Errors: WEBHOOK_NOT_FOUND, WEBHOOK_DISABLED. */
export async function testWebhook(pool: Pool, actor: Actor, id: string): Promise<DeliveryRow> {
  const { tenantId } = actor;
  return withTransaction(pool, async (tx) => {
    await findEnabled(tx, tenantId, id);
    await recordChange(tx, actor, { operation: 'testWebhook', subject: id });
    const delivery = { tenantId, webhookId: id, id: `delivery_${uuidv7()}`, type: WEBHOOK_TEST };
    return insertTestDelivery(tx, delivery);
  });
}

/**
 * Sends one delivery again, as the same message; one that is about to be sent stays as it is.
 * Errors: WEBHOOK_NOT_FOUND, WEBHOOK_DELIVERY_NOT_FOUND, WEBHOOK_DISABLED.
 */
export async function replayDelivery(
  pool: Pool,
  actor: Actor,
  webhookId: string,
  id: string,
): Promise<DeliveryRow> {
  return withTransaction(pool, async (tx) => {
    const webhook = await findLockedWebhook(tx, actor.tenantId, webhookId);
    const delivery = await findDeliveryOf(tx, webhook, id);
    refuseDisabled(webhook);
    const replayed = await replayDeliveryRow(tx, delivery);
    if (!replayed) return delivery;
    const detail = { delivery_id: id };
    await recordChange(tx, actor, { operation: 'replayDelivery', subject: webhookId, detail });
    return replayed;
  });
}

/** Sends what has failed since then again, and what was never sent. Errors: WEBHOOK_NOT_FOUND, WEBHOOK_DISABLED. */
export async function replayWebhook(
  pool: Pool,
  actor: Actor,
  id: string,
  { since: asked, include_delivered: withDelivered }: ReplayWebhook,
): Promise<Omit<ReplayedWebhook, 'warnings'>> {
  const { tenantId } = actor;
  const since = new Date(asked);
  return withTransaction(pool, async (tx) => {
    await findEnabled(tx, tenantId, id);
    const times = await replayDeliveries(tx, tenantId, id, {
      since,
      statuses: withDelivered ? ['failed', 'delivered'] : ['failed'],
      limit: ENDPOINT_REPLAYED_MAX,
    });
    await lookAgainSince(tx, tenantId, id, since);
    const replayed = times.length;
    const detail = { since: since.toISOString(), include_delivered: withDelivered, replayed };
    await recordChange(tx, actor, { operation: 'replayWebhook', subject: id, detail });
    const lastMs = times.reduce((latest, at) => Math.max(latest, at.getTime()), 0);
    const isCut = replayed === ENDPOINT_REPLAYED_MAX;
    return { replayed, next_since: isCut ? new Date(lastMs).toISOString() : null };
  });
}

/** A time that no replay goes back to. */
export function problemsOfReplay({ since }: ReplayWebhook): Problem[] {
  const ageMs = Date.now() - Date.parse(since);
  if (ageMs >= 0 && ageMs <= ENDPOINT_REPLAY_AGE_MAX_MS) return [];
  const days = ENDPOINT_REPLAY_AGE_MAX_MS / (24 * 3600 * 1000);
  const message = `must be in the past, and within the last ${days} days`;
  return [{ pointer: '/since', code: 'OUT_OF_RANGE', message }];
}

async function findEnabled(tx: Transaction, tenantId: string, id: string): Promise<void> {
  refuseDisabled(await findLockedWebhook(tx, tenantId, id));
}

function refuseDisabled({ id, status }: WebhookRow): void {
  if (status === 'disabled') throw webhookDisabled(id);
}
