import type { FailureCode } from '../contracts/failure-codes.ts';
import type { Failure } from '../contracts/failures.ts';
import { ENDPOINT_SENDING_MAX } from '../contracts/limits.ts';
import type { DeliveryRow } from './webhook-deliveries.ts';
import type { Db, Transaction } from './pool.ts';

export interface AttemptRow {
  number: number;
  at: Date;
  duration_ms: number;
  status: number | null;
  code: FailureCode | null;
  answer: string | null;
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

/** Records the attempt after those that the delivery has. */
export async function insertAttempt(
  tx: Transaction,
  { tenant_id: tenantId, id, generation, attempts }: DeliveryRow,
  { at, duration_ms: durationMs, status, code, answer }: Omit<AttemptRow, 'number'>,
): Promise<void> {
  await tx.query(
    `INSERT INTO webhook_attempts (tenant_id, delivery_id, generation, number, at, duration_ms, status, code, answer)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [tenantId, id, generation, attempts + 1, at, durationMs, status, code, answer],
  );
}

/** The newest attempts of a delivery, newest first. */
export async function listAttempts(
  db: Db,
  tenantId: string,
  deliveryId: string,
  limit: number,
): Promise<AttemptRow[]> {
  const { rows } = await db.query<AttemptRow>(
    `SELECT number, at, duration_ms, status, code, answer FROM webhook_attempts
     WHERE tenant_id = $1 AND delivery_id = $2 ORDER BY generation DESC, number DESC LIMIT $3`,
    [tenantId, deliveryId, limit],
  );
  return rows;
}

/** What the webhook's owner sees of it at a glance. */
export async function noteOutcome(
  tx: Transaction,
  { tenant_id: tenantId, webhook_id: webhookId }: DeliveryRow,
  isSuccess: boolean,
): Promise<void> {
  await tx.query(
    isSuccess
      ? `UPDATE webhooks SET last_success_at = now(), failing_since = NULL WHERE tenant_id = $1 AND id = $2`
      : `UPDATE webhooks SET last_failure_at = now(), failing_since = coalesce(failing_since, now())
         WHERE tenant_id = $1 AND id = $2`,
    [tenantId, webhookId],
  );
}
