import { refuseOtherAgent } from '../agents/bound-agent.ts';
import type { ApiKey } from '../storage/api-keys.ts';
import type { Db, Transaction } from '../storage/pool.ts';
import { findDelivery } from '../storage/webhook-deliveries.ts';
import type { DeliveryRow } from '../storage/webhook-deliveries.ts';
import { findWebhookRow, lockWebhook } from '../storage/webhooks.ts';
import type { WebhookRow } from '../storage/webhooks.ts';
import { deliveryNotFound, webhookNotFound } from './failures.ts';

const WEBHOOK_ID = /^webhook_[0-9a-f-]{36}$/;
const DELIVERY_ID = /^delivery_[0-9a-f-]{36}$/;

/** A webhook of the key's tenant that the key may see. Errors: WEBHOOK_NOT_FOUND, KEY_BOUND_TO_AGENT. */
export async function findWebhook(db: Db, key: ApiKey, id: string): Promise<WebhookRow> {
  const row = WEBHOOK_ID.test(id) ? await findWebhookRow(db, key.tenant_id, id) : undefined;
  if (!row) throw webhookNotFound(id);
  refuseOtherAgent(key, row.agent_id, 'the webhook is not of that agent alone');
  return row;
}

/** The same, locked until the transaction ends; only admins change webhooks, whose keys are bound to no agent. */
export async function findLockedWebhook(
  tx: Transaction,
  tenantId: string,
  id: string,
): Promise<WebhookRow> {
  const row = WEBHOOK_ID.test(id) ? await lockWebhook(tx, tenantId, id) : undefined;
  if (!row) throw webhookNotFound(id);
  return row;
}

/** A delivery of this webhook. Errors: WEBHOOK_DELIVERY_NOT_FOUND. */
export async function findDeliveryOf(
  db: Db,
  { tenant_id: tenantId, id: webhookId }: WebhookRow,
  id: string,
): Promise<DeliveryRow> {
  const row = DELIVERY_ID.test(id) ? await findDelivery(db, tenantId, webhookId, id) : undefined;
  if (!row) throw deliveryNotFound(id);
  return row;
}
