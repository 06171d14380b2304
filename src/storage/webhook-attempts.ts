import type { FailureCode } from '../contracts/failure-codes.ts';
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
