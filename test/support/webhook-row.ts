import type { Pool } from '../../src/storage/pool.ts';

/** A webhook as if it had been made long ago, with a delivery of a test that has failed. */
export async function insertWebhookRow(
  pool: Pool,
  tenantId: string,
  description: string,
): Promise<{ webhook_id: string; delivery_id: string }> {
  const { rows } = await pool.query<{ webhook_id: string; delivery_id: string }>(
    `WITH webhook AS (
       INSERT INTO webhooks (id, tenant_id, url, description, sealed_secret, seen_transaction, seen_position)
       VALUES ('webhook_' || gen_random_uuid(), $1, 'https://example.org/hook', $2, 'sealed by nobody',
         pg_current_xact_id(), 0) RETURNING id
     )
     INSERT INTO webhook_deliveries (id, tenant_id, webhook_id, event_type, status, completed_at)
     SELECT 'delivery_' || gen_random_uuid(), $1, id, 'webhook.test', 'failed', now() FROM webhook
     RETURNING webhook_id, id AS delivery_id`,
    [tenantId, description],
  );
  return rows[0]!;
}
