import { recordChange } from '../storage/audit-entries.ts';
import type { Actor } from '../storage/audit-entries.ts';
import { withTransaction } from '../storage/pool.ts';
import type { Pool } from '../storage/pool.ts';
import { endOpenDeliveries } from '../storage/webhook-deliveries.ts';
import { hideWebhook } from '../storage/webhooks.ts';
import { endedByDisabling } from './failures.ts';
import { findLockedWebhook } from './find-webhook.ts';

/** Deletes a webhook with its secret; its deliveries follow in time. Errors: WEBHOOK_NOT_FOUND. */
export async function deleteWebhook(pool: Pool, actor: Actor, id: string): Promise<void> {
  const { tenantId } = actor;
  await withTransaction(pool, async (tx) => {
    await findLockedWebhook(tx, tenantId, id);
    const why = `Webhook ${id} was deleted before the message was delivered.`;
    await endOpenDeliveries(tx, tenantId, id, endedByDisabling(id, why));
    await hideWebhook(tx, tenantId, id);
    await recordChange(tx, actor, { operation: 'deleteWebhook', subject: id });
  });
}
