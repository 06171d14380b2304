import type { DeliveryStatus, WEBHOOK_STATUSES } from '../contracts/webhook.ts';
import type { EventPlace } from './event-feed.ts';
import type { Db, Transaction } from './pool.ts';

export interface WebhookRow {
  id: string;
  tenant_id: string;
  url: string;
  description: string | null;
  events: string[] | null;
  agent_id: string | null;
  status: (typeof WEBHOOK_STATUSES)[number];
  disabled_reason: 'asked' | 'gone' | null;
  previous_until: Date | null;
  last_success_at: Date | null;
  last_failure_at: Date | null;
  failing_since: Date | null;
  created_at: Date;
  updated_at: Date;
}

export interface ListedWebhook extends WebhookRow {
  cursor_at: string;
}

/** Of the secret before nothing is told once it no longer signs. */
const COLUMNS = `id, tenant_id, url, description, events, agent_id, status, disabled_reason, last_success_at,
  last_failure_at, failing_since, created_at, updated_at,
  CASE WHEN previous_until > now() THEN previous_until END AS previous_until`;

/** Counts webhooks under a lock that lets nobody else count them until the transaction ends. */
export async function countWebhooks(tx: Transaction, tenantId: string): Promise<number> {
  await tx.query('SELECT 1 FROM tenants WHERE id = $1 FOR NO KEY UPDATE', [tenantId]);
  const { rows } = await tx.query<{ count: number }>(
    'SELECT count(*) FROM webhooks WHERE tenant_id = $1 AND deleted_at IS NULL',
    [tenantId],
  );
  return rows[0]!.count;
}

export interface NewWebhook {
  id: string;
  url: string;
  description: string | null;
  events: string[] | null;
  agentId: string | null;
  sealedSecret: Buffer;
  seen: EventPlace;
}

export async function insertWebhook(
  tx: Transaction,
  tenantId: string,
  webhook: NewWebhook,
): Promise<WebhookRow> {
  const { id, url, description, events, agentId, sealedSecret, seen } = webhook;
  const { rows } = await tx.query<WebhookRow>(
    `INSERT INTO webhooks (tenant_id, id, url, description, events, agent_id, sealed_secret, seen_transaction, seen_position)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::xid8, $9) RETURNING ${COLUMNS}`,
    [
      tenantId,
      id,
      url,
      description,
      events,
      agentId,
      sealedSecret,
      seen.transaction,
      seen.position,
    ],
  );
  return rows[0]!;
}

export async function findWebhookRow(
  db: Db,
  tenantId: string,
  id: string,
): Promise<WebhookRow | undefined> {
  const { rows } = await db.query<WebhookRow>(
    `SELECT ${COLUMNS} FROM webhooks WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL`,
    [tenantId, id],
  );
  return rows[0];
}

/** Locks the row, before any of its deliveries: who changes it, feeds it and sends from it take turns. */
export async function lockWebhook(
  tx: Transaction,
  tenantId: string,
  id: string,
): Promise<WebhookRow | undefined> {
  const { rows } = await tx.query<WebhookRow>(
    `SELECT ${COLUMNS} FROM webhooks WHERE tenant_id = $1 AND id = $2 AND deleted_at IS NULL FOR NO KEY UPDATE`,
    [tenantId, id],
  );
  return rows[0];
}

export interface WebhookFilter {
  /** The only agent whose webhooks are to be seen. */
  agentId: string | undefined;
  after: { createdAt: string; id: string } | undefined;
  limit: number;
}

/** A page of webhooks, newest first; `cursor_at` keeps the microseconds. */
export async function listWebhooks(
  db: Db,
  tenantId: string,
  { agentId, after, limit }: WebhookFilter,
): Promise<ListedWebhook[]> {
  const { rows } = await db.query<ListedWebhook>(
    `SELECT ${COLUMNS}, created_at::text AS cursor_at FROM webhooks
     WHERE tenant_id = $1 AND deleted_at IS NULL AND ($2::text IS NULL OR agent_id = $2)
       AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4))
     ORDER BY created_at DESC, id DESC LIMIT $5`,
    [tenantId, agentId ?? null, after?.createdAt ?? null, after?.id ?? null, limit],
  );
  return rows;
}

/** How many deliveries a webhook has of each status; of one that it has none of, nothing. */
export async function countDeliveries(
  db: Db,
  tenantId: string,
  id: string,
): Promise<{ status: DeliveryStatus; count: number }[]> {
  const { rows } = await db.query<{ status: DeliveryStatus; count: number }>(
    `SELECT status, count(*) FROM webhook_deliveries WHERE tenant_id = $1 AND webhook_id = $2 GROUP BY status`,
    [tenantId, id],
  );
  return rows;
}

export type WebhookSettings = Pick<
  WebhookRow,
  'url' | 'description' | 'events' | 'status' | 'disabled_reason'
>;

export async function updateWebhookRow(
  tx: Transaction,
  tenantId: string,
  id: string,
  settings: WebhookSettings,
): Promise<WebhookRow> {
  const { url, description, events, status, disabled_reason: reason } = settings;
  const { rows } = await tx.query<WebhookRow>(
    `UPDATE webhooks SET url = $3, description = $4, events = $5, status = $6, disabled_reason = $7, updated_at = now()
     WHERE tenant_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
    [tenantId, id, url, description, events, status, reason],
  );
  return rows[0]!;
}

/** Of what happened before this place nothing more is delivered; never takes back what was looked at already. */
export async function skipEvents(
  tx: Transaction,
  tenantId: string,
  id: string,
  { transaction, position }: EventPlace,
): Promise<void> {
  await tx.query(
    `UPDATE webhooks SET seen_transaction = $3::text::xid8, seen_position = $4
     WHERE tenant_id = $1 AND id = $2 AND (seen_transaction, seen_position) < ($3::text::xid8, $4::bigint)`,
    [tenantId, id, transaction, position],
  );
}

/** The old secret signs until then, beside the new one. */
export async function replaceSecret(
  tx: Transaction,
  tenantId: string,
  id: string,
  { sealedSecret, overlapMs }: { sealedSecret: Buffer; overlapMs: number },
): Promise<WebhookRow> {
  const { rows } = await tx.query<WebhookRow>(
    `UPDATE webhooks SET sealed_secret = $3, updated_at = now(),
       sealed_previous_secret = CASE WHEN $4::float8 > 0 THEN sealed_secret END,
       previous_until = CASE WHEN $4 > 0 THEN now() + $4 * interval '1 millisecond' END
     WHERE tenant_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
    [tenantId, id, sealedSecret, overlapMs],
  );
  return rows[0]!;
}

/** From now on nobody sees it, and its secrets are gone. */
export async function hideWebhook(tx: Transaction, tenantId: string, id: string): Promise<void> {
  await tx.query(
    `UPDATE webhooks SET deleted_at = now(), status = 'disabled', disabled_reason = 'asked', sealed_secret = NULL,
       sealed_previous_secret = NULL, previous_until = NULL
     WHERE tenant_id = $1 AND id = $2`,
    [tenantId, id],
  );
}

/** The receiver has said that it wants no more. */
export async function disableWebhookRow(
  tx: Transaction,
  tenantId: string,
  id: string,
): Promise<void> {
  await tx.query(
    `UPDATE webhooks SET status = 'disabled', disabled_reason = 'gone', updated_at = now()
     WHERE tenant_id = $1 AND id = $2`,
    [tenantId, id],
  );
}
