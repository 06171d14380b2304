import { DELIVERY_STATUSES } from '../contracts/webhook.ts';
import type { WebhookDetail, WebhookView } from '../contracts/webhook.ts';
import type { Db } from '../storage/pool.ts';
import { countDeliveries } from '../storage/webhooks.ts';
import type { WebhookRow } from '../storage/webhooks.ts';

const timeOf = (date: Date | null): string | null => date?.toISOString() ?? null;

/** A webhook as lists and answers show it. */
export const viewWebhook = (row: WebhookRow): WebhookView => ({
  id: row.id,
  url: row.url,
  events: row.events,
  agent_id: row.agent_id,
  description: row.description,
  status: row.status,
  disabled_reason: row.disabled_reason,
  last_success_at: timeOf(row.last_success_at),
  last_failure_at: timeOf(row.last_failure_at),
  failing_since: timeOf(row.failing_since),
  previous_secret_until: timeOf(row.previous_until),
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
});

/** The same with how many deliveries it has of each status. */
export async function viewWebhookDetail(db: Db, row: WebhookRow): Promise<WebhookDetail> {
  const counts = await countDeliveries(db, row.tenant_id, row.id);
  const countOf = (status: string): number =>
    counts.find((each) => each.status === status)?.count ?? 0;
  const entries = DELIVERY_STATUSES.map((status) => [status, countOf(status)]);
  const deliveries = Object.fromEntries(entries) as WebhookDetail['deliveries'];
  return { ...viewWebhook(row), deliveries };
}
