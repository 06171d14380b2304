import type { Failure } from '../contracts/failures.ts';
import type { DeliveryStatus } from '../contracts/webhook.ts';
import type { WebhookDelivery } from '../contracts/webhook-delivery.ts';
import type { Db, Transaction } from './pool.ts';

export interface DeliveryRow {
  id: string;
  tenant_id: string;
  webhook_id: string;
  event_transaction: string | null;
  event_position: number | null;
  event_type: WebhookDelivery['event_type'];
  status: DeliveryStatus;
  generation: number;
  attempts: number;
  last_status: number | null;
  failure: Failure | null;
  next_at: Date | null;
  created_at: Date;
  completed_at: Date | null;
}

export interface ListedDelivery extends DeliveryRow {
  cursor_at: string;
}

const COLUMNS = `id, tenant_id, webhook_id, event_transaction, event_position, event_type, status, generation, attempts,
  last_status, failure, next_at, created_at, completed_at`;
const IS_OPEN = `status IN ('pending', 'sending', 'waiting')`;

export async function findDelivery(
  db: Db,
  tenantId: string,
  webhookId: string,
  id: string,
): Promise<DeliveryRow | undefined> {
  const { rows } = await db.query<DeliveryRow>(
    `SELECT ${COLUMNS} FROM webhook_deliveries WHERE tenant_id = $1 AND webhook_id = $2 AND id = $3`,
    [tenantId, webhookId, id],
  );
  return rows[0];
}

export interface DeliveryFilter {
  status: DeliveryStatus | undefined;
  after: { createdAt: string; id: string } | undefined;
  limit: number;
}

/** A page of a webhook's deliveries, newest first; `cursor_at` keeps the microseconds. */
export async function listDeliveries(
  db: Db,
  tenantId: string,
  webhookId: string,
  { status, after, limit }: DeliveryFilter,
): Promise<ListedDelivery[]> {
  const { rows } = await db.query<ListedDelivery>(
    `SELECT ${COLUMNS}, created_at::text AS cursor_at FROM webhook_deliveries
     WHERE tenant_id = $1 AND webhook_id = $2 AND ($3::text IS NULL OR status = $3)
       AND ($4::timestamptz IS NULL OR (created_at, id) < ($4, $5))
     ORDER BY created_at DESC, id DESC LIMIT $6`,
    [tenantId, webhookId, status ?? null, after?.createdAt ?? null, after?.id ?? null, limit],
  );
  return rows;
}

/** A delivery of a test, which is of no event. */
export async function insertTestDelivery(
  tx: Transaction,
  { tenantId, webhookId, id, type }: Record<'tenantId' | 'webhookId' | 'id' | 'type', string>,
): Promise<DeliveryRow> {
  const { rows } = await tx.query<DeliveryRow>(
    `INSERT INTO webhook_deliveries (tenant_id, webhook_id, id, event_type) VALUES ($1, $2, $3, $4) RETURNING ${COLUMNS}`,
    [tenantId, webhookId, id, type],
  );
  return rows[0]!;
}

/** Ends what is under way to a webhook. Answers how many deliveries that were. */
export async function endOpenDeliveries(
  tx: Transaction,
  tenantId: string,
  webhookId: string,
  failure: Failure,
): Promise<number> {
  const { rowCount } = await tx.query(
    `UPDATE webhook_deliveries SET status = 'failed', failure = $3, next_at = NULL, check_at = NULL, completed_at = now()
     WHERE tenant_id = $1 AND webhook_id = $2 AND ${IS_OPEN}`,
    [tenantId, webhookId, JSON.stringify(failure)],
  );
  return rowCount ?? 0;
}

const AGAIN = `status = 'pending', generation = generation + 1, attempts = 0, failure = NULL, next_at = NULL,
  check_at = NULL, completed_at = NULL`;

/** Sends a delivery once more, unless that is about to happen anyway. */
export async function replayDeliveryRow(
  tx: Transaction,
  { tenant_id: tenantId, id }: DeliveryRow,
): Promise<DeliveryRow | undefined> {
  const { rows } = await tx.query<DeliveryRow>(
    `UPDATE webhook_deliveries SET ${AGAIN}
     WHERE tenant_id = $1 AND id = $2 AND status NOT IN ('pending', 'sending') RETURNING ${COLUMNS}`,
    [tenantId, id],
  );
  return rows[0];
}

/** Sends those made since then once more, oldest first. Answers when they were made. */
export async function replayDeliveries(
  tx: Transaction,
  tenantId: string,
  webhookId: string,
  { since, statuses, limit }: { since: Date; statuses: readonly DeliveryStatus[]; limit: number },
): Promise<Date[]> {
  const { rows } = await tx.query<{ created_at: Date }>(
    `UPDATE webhook_deliveries SET ${AGAIN} WHERE id IN (
       SELECT id FROM webhook_deliveries WHERE tenant_id = $1 AND webhook_id = $2 AND created_at >= $3
         AND status = ANY($4) ORDER BY created_at, id LIMIT $5
     ) RETURNING created_at`,
    [tenantId, webhookId, since, statuses, limit],
  );
  return rows.map((row) => row.created_at);
}

/**
 * Goes back to what happened since then: events that have no delivery yet get one. Looked for from the newest back, and
 * a minute further: no transaction takes as long as that, so none that is wanted stands before the place.
 */
export async function lookAgainSince(
  tx: Transaction,
  tenantId: string,
  webhookId: string,
  since: Date,
): Promise<void> {
  await tx.query(
    `UPDATE webhooks w SET seen_transaction = place.transaction, seen_position = place.position
     FROM (
       SELECT coalesce(last.transaction, '0') AS transaction, coalesce(last.position, 0) AS position
       FROM (VALUES (1)) AS one LEFT JOIN LATERAL (
         SELECT transaction, position FROM events WHERE tenant_id = $1 AND at < $3::timestamptz - interval '1 minute'
         ORDER BY transaction DESC, position DESC LIMIT 1
       ) AS last ON true
     ) AS place
     WHERE w.tenant_id = $1 AND w.id = $2
       AND (w.seen_transaction, w.seen_position) > (place.transaction, place.position)`,
    [tenantId, webhookId, since],
  );
}
