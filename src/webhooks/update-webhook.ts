import type { UpdateWebhook } from '../contracts/webhook.ts';
import { toUrl } from '../skills/http/request.ts';
import { recordChange } from '../storage/audit-entries.ts';
import type { Actor } from '../storage/audit-entries.ts';
import { readEventsEnd } from '../storage/event-feed.ts';
import { withTransaction } from '../storage/pool.ts';
import type { Pool } from '../storage/pool.ts';
import { endOpenDeliveries } from '../storage/webhook-deliveries.ts';
import { skipEvents, updateWebhookRow } from '../storage/webhooks.ts';
import type { WebhookRow, WebhookSettings } from '../storage/webhooks.ts';
import { endedByDisabling } from './failures.ts';
import { findLockedWebhook } from './find-webhook.ts';

/**
 * Changes what the request names; what stays as it is leaves no trace. To disable it ends what is under way; once enabled
 * it gets what happens from then on. Errors: WEBHOOK_NOT_FOUND.
 */
export async function updateWebhook(
  pool: Pool,
  actor: Actor,
  id: string,
  request: UpdateWebhook,
): Promise<WebhookRow> {
  const { tenantId } = actor;
  return withTransaction(pool, async (tx) => {
    const before = await findLockedWebhook(tx, tenantId, id);
    const after = settingsAfter(before, request);
    const changed = (Object.keys(after) as (keyof WebhookSettings)[]).filter(
      (name) => JSON.stringify(after[name]) !== JSON.stringify(before[name]),
    );
    if (changed.length === 0) return before;
    if (changed.includes('status')) {
      if (after.status === 'enabled') await skipEvents(tx, tenantId, id, await readEventsEnd(tx));
      else {
        const why = `Webhook ${id} was disabled before the message was delivered.`;
        await endOpenDeliveries(tx, tenantId, id, endedByDisabling(id, why));
      }
    }
    const { url, ...told } = after;
    const detail = { ...told, origin: new URL(url).origin };
    await recordChange(tx, actor, { operation: 'updateWebhook', subject: id, detail });
    return updateWebhookRow(tx, tenantId, id, after);
  });
}

function settingsAfter(before: WebhookRow, request: UpdateWebhook): WebhookSettings {
  const { url = before.url, events = before.events, description = before.description } = request;
  const { status = before.status } = request;
  const staysSo = status === before.status;
  const reason = status === 'enabled' ? null : staysSo ? before.disabled_reason : 'asked';
  return {
    url: request.url === undefined ? url : toUrl({ url }).href,
    events,
    description,
    status,
    disabled_reason: reason,
  };
}
