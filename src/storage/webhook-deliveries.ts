import { ENDPOINT_SENDING_MAX } from '../contracts/limits.ts';
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

/** Whose delivery it is; a workflow knows it by its id alone. */
export async function findOwner(
  db: Db,
  deliveryId: string,
): Promise<{ tenant_id: string; webhook_id: string } | undefined> {
  const { rows } = await db.query<{ tenant_id: string; webhook_id: string }>(
    'SELECT tenant_id, webhook_id FROM webhook_deliveries WHERE id = $1',
    [deliveryId],
  );
  return rows[0];
}

/** What an attempt needs beside the delivery. */
export interface SendingFacts {
  url: string;
  sealed_secret: Buffer;
  sealed_previous_secret: Buffer | null;
  /** Until its next attempt is due; 0 when it is. */
  due_in_ms: number;
  /** Whether as many others of the webhook are being sent as may be at once. */
  is_full: boolean;
}

/** Under the lock of the webhook. */
export async function readSendingFacts(
  tx: Transaction,
  { tenant_id: tenantId, webhook_id: webhookId, id }: DeliveryRow,
): Promise<SendingFacts> {
  const { rows } = await tx.query<SendingFacts>(
    `SELECT w.url, w.sealed_secret, CASE WHEN w.previous_until > now() THEN w.sealed_previous_secret END
         AS sealed_previous_secret,
       greatest(0, coalesce(extract(epoch FROM d.next_at - now()) * 1000, 0))::float8 AS due_in_ms,
       (SELECT count(*) FROM webhook_deliveries o WHERE o.webhook_id = w.id AND o.status = 'sending' AND o.id <> d.id) >= $4
         AS is_full
     FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
     WHERE d.tenant_id = $1 AND w.id = $2 AND d.id = $3`,
    [tenantId, webhookId, id, ENDPOINT_SENDING_MAX],
  );
  return rows[0]!;
}

/** How many deliveries of the same webhook wait for an attempt that is due within a minute, this one too. */
export async function countDue(
  tx: Transaction,
  { tenant_id: tenantId, webhook_id: webhookId }: DeliveryRow,
): Promise<number> {
  const { rows } = await tx.query<{ count: number }>(
    `SELECT count(*) FROM webhook_deliveries
     WHERE tenant_id = $1 AND webhook_id = $2 AND status = 'waiting' AND next_at < now() + interval '1 minute'`,
    [tenantId, webhookId],
  );
  return rows[0]!.count;
}

/** Puts off an attempt that was due: none is counted. */
export async function postpone(
  tx: Transaction,
  { tenant_id: tenantId, id }: DeliveryRow,
  { pauseMs, checkMs }: { pauseMs: number; checkMs: number },
): Promise<void> {
  await tx.query(
    `UPDATE webhook_deliveries SET next_at = now() + $3 * interval '1 millisecond',
       check_at = now() + $4 * interval '1 millisecond'
     WHERE tenant_id = $1 AND id = $2`,
    [tenantId, id, pauseMs, pauseMs + checkMs],
  );
}

export async function markSending(
  tx: Transaction,
  { tenant_id: tenantId, id }: DeliveryRow,
  checkMs: number,
): Promise<void> {
  await tx.query(
    `UPDATE webhook_deliveries SET status = 'sending', next_at = NULL, check_at = now() + $3 * interval '1 millisecond'
     WHERE tenant_id = $1 AND id = $2`,
    [tenantId, id, checkMs],
  );
}

export async function markDelivered(
  tx: Transaction,
  { tenant_id: tenantId, id }: DeliveryRow,
  lastStatus: number,
): Promise<void> {
  await tx.query(
    `UPDATE webhook_deliveries SET status = 'delivered', attempts = attempts + 1, last_status = $3, failure = NULL,
       next_at = NULL, check_at = NULL, completed_at = now()
     WHERE tenant_id = $1 AND id = $2`,
    [tenantId, id, lastStatus],
  );
}

/** An attempt has failed: there is another one after the pause, or none. */
export async function markAttemptFailed(
  tx: Transaction,
  { tenant_id: tenantId, id }: DeliveryRow,
  attempt: { lastStatus: number | null; failure: Failure; pauseMs: number | undefined },
  checkMs: number,
): Promise<void> {
  const { lastStatus, failure, pauseMs } = attempt;
  await tx.query(
    `UPDATE webhook_deliveries SET status = CASE WHEN $5::float8 IS NULL THEN 'failed' ELSE 'waiting' END,
       attempts = attempts + 1, last_status = $3, failure = $4, next_at = now() + $5 * interval '1 millisecond',
       check_at = now() + ($5 + $6) * interval '1 millisecond', completed_at = CASE WHEN $5 IS NULL THEN now() END
     WHERE tenant_id = $1 AND id = $2`,
    [tenantId, id, lastStatus, JSON.stringify(failure), pauseMs ?? null, checkMs],
  );
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
