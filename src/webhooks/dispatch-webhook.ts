import { uuidv7 } from 'uuidv7';
import type { DeliverWebhook } from '../contracts/webhook-activities.ts';
import { takesEvent } from '../domain/event-patterns.ts';
import { listTenantEvents } from '../storage/event-feed.ts';
import type { EventRow } from '../storage/event-feed.ts';
import { withTransaction } from '../storage/pool.ts';
import type { Pool, Transaction } from '../storage/pool.ts';
import { beginPending, claimWebhook, insertDeliveries, moveSeen } from '../storage/webhook-feed.ts';
import type { ClaimedWebhook } from '../storage/webhook-feed.ts';

/** Events that are read at once for a webhook; there are more when as many came. */
const EVENTS_PER_LOOK = 200;

export interface Dispatched {
  /** What is now to be delivered by a workflow each. */
  begun: DeliverWebhook[];
  /** More events may be there already. */
  isBehind: boolean;
}

/** Makes deliveries of what has happened, and begins as many as may be sent at once, unless another worker is at it. */
export async function dispatchWebhook(
  pool: Pool,
  id: string,
  checkMs: number,
): Promise<Dispatched> {
  return withTransaction(pool, async (tx) => {
    const webhook = await claimWebhook(tx, id);
    if (!webhook) return { begun: [], isBehind: false };
    const isBehind = await feed(tx, webhook);
    const limit = webhook.rooms.sending;
    const begun = limit > 0 ? await beginPending(tx, webhook, { limit, checkMs }) : [];
    return { begun, isBehind };
  });
}

/** In one transaction with the place up to which it has looked: each event gets its delivery once. */
async function feed(tx: Transaction, webhook: ClaimedWebhook): Promise<boolean> {
  const limit = Math.min(EVENTS_PER_LOOK, webhook.rooms.pending);
  if (limit <= 0) return false;
  const events = await listTenantEvents(tx, webhook.tenant_id, webhook.seen, limit);
  const last = events.at(-1);
  if (!last) return false;
  const taken = events.filter((event) => isFor(webhook, event));
  const ids = taken.map(() => `delivery_${uuidv7()}`);
  if (taken.length > 0) await insertDeliveries(tx, webhook, taken, ids);
  await moveSeen(tx, webhook, last);
  return events.length === limit;
}

const isFor = ({ events, agent_id: agentId }: ClaimedWebhook, event: EventRow): boolean =>
  takesEvent(events, event.type) && (agentId === null || event.agent_id === agentId);
