import { ENDPOINT_PENDING_MAX, ENDPOINT_SENDING_MAX } from '../contracts/limits.ts';
import type { DeliverWebhook } from '../contracts/webhook-activities.ts';
import type { EventPlace, EventRow } from './event-feed.ts';
import type { Db, Transaction } from './pool.ts';

/** Which first attempts leave free, so that a steady flow of them lets those that failed come again. */
const PLACES_OF_LATER_ATTEMPTS = 2;

/**
 * Webhooks of any tenant behind this id that have something to do: events that they have not seen and may take, or
 * deliveries that wait to be sent while there is a place for them.
 */
export async function listBusyWebhooks(db: Db, afterId: string, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `SELECT w.id FROM webhooks w WHERE w.status = 'enabled' AND w.id > $1 AND (
       EXISTS (
         SELECT 1 FROM events e WHERE e.tenant_id = w.tenant_id
           AND (e.transaction, e.position) > (w.seen_transaction, w.seen_position)
           AND e.transaction < pg_snapshot_xmin(pg_current_snapshot())
       ) OR EXISTS (
         SELECT 1 FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.status = 'pending'
       ))
     ORDER BY w.id LIMIT $2`,
    [afterId, limit],
  );
  return rows.map(({ id }) => id);
}

export interface ClaimedWebhook {
  id: string;
  tenant_id: string;
  events: string[] | null;
  agent_id: string | null;
  seen: EventPlace;
  /** How many more deliveries may be made of its events, and how many may begin to be sent. */
  rooms: { pending: number; sending: number };
}

/** Takes a webhook of any tenant that nobody else holds. */
export async function claimWebhook(
  tx: Transaction,
  id: string,
): Promise<ClaimedWebhook | undefined> {
  const { rows } = await tx.query<
    Omit<ClaimedWebhook, 'seen' | 'rooms'> & {
      seen_transaction: string;
      seen_position: number;
    }
  >(
    `SELECT id, tenant_id, events, agent_id, seen_transaction, seen_position FROM webhooks
     WHERE id = $1 AND status = 'enabled' FOR NO KEY UPDATE SKIP LOCKED`,
    [id],
  );
  const row = rows[0];
  if (!row) return undefined;
  // Asked under the lock: a count of the same statement could be older than that.
  const { pending, sending, due } = await countUnderWay(tx, row.tenant_id, id);
  const places = ENDPOINT_SENDING_MAX - (due > 0 ? PLACES_OF_LATER_ATTEMPTS : 0);
  const { seen_transaction: transaction, seen_position: position, ...webhook } = row;
  return {
    ...webhook,
    seen: { transaction, position },
    rooms: { pending: ENDPOINT_PENDING_MAX - pending, sending: places - sending },
  };
}

/** How many wait to be begun, are being sent, and wait for a further attempt that is due within a minute. */
async function countUnderWay(
  tx: Transaction,
  tenantId: string,
  id: string,
): Promise<Record<'pending' | 'sending' | 'due', number>> {
  const { rows } = await tx.query<Record<'pending' | 'sending' | 'due', number>>(
    `SELECT count(*) FILTER (WHERE status = 'pending') AS pending, count(*) FILTER (WHERE status = 'sending') AS sending,
       count(*) FILTER (WHERE status = 'waiting') AS due
     FROM webhook_deliveries WHERE tenant_id = $1 AND webhook_id = $2 AND (status IN ('pending', 'sending')
       OR (status = 'waiting' AND next_at < now() + interval '1 minute'))`,
    [tenantId, id],
  );
  return rows[0]!;
}

/** Makes a delivery of each event; of one that has a delivery already none. `ids` has as many ids as there are events. */
export async function insertDeliveries(
  tx: Transaction,
  { id, tenant_id: tenantId }: Pick<ClaimedWebhook, 'id' | 'tenant_id'>,
  events: readonly EventRow[],
  ids: readonly string[],
): Promise<void> {
  await tx.query(
    `INSERT INTO webhook_deliveries (tenant_id, webhook_id, id, event_transaction, event_position, event_type)
     SELECT $1, $2, d.id, d.transaction::xid8, d.position, d.type
     FROM unnest($3::text[], $4::text[], $5::bigint[], $6::text[]) AS d (id, transaction, position, type)
     ON CONFLICT (webhook_id, event_transaction, event_position) DO NOTHING`,
    [
      tenantId,
      id,
      ids,
      events.map((event) => event.transaction),
      events.map((event) => event.position),
      events.map((event) => event.type),
    ],
  );
}

/** Of all events up to this place it is known whether they are to be delivered. */
export async function moveSeen(
  tx: Transaction,
  { id, tenant_id: tenantId }: Pick<ClaimedWebhook, 'id' | 'tenant_id'>,
  { transaction, position }: EventPlace,
): Promise<void> {
  await tx.query(
    `UPDATE webhooks SET seen_transaction = $3::text::xid8, seen_position = $4 WHERE tenant_id = $1 AND id = $2`,
    [tenantId, id, transaction, position],
  );
}

/** Begins the oldest deliveries that wait to be sent; whether a workflow is at them is looked at later. */
export async function beginPending(
  tx: Transaction,
  { id, tenant_id: tenantId }: Pick<ClaimedWebhook, 'id' | 'tenant_id'>,
  { limit, checkMs }: { limit: number; checkMs: number },
): Promise<DeliverWebhook[]> {
  const { rows } = await tx.query<DeliverWebhook>(
    `UPDATE webhook_deliveries SET status = 'sending', check_at = now() + $4 * interval '1 millisecond'
     WHERE id IN (
       SELECT id FROM webhook_deliveries WHERE tenant_id = $1 AND webhook_id = $2 AND status = 'pending'
       ORDER BY created_at, id LIMIT $3
     )
     RETURNING id AS delivery_id, generation`,
    [tenantId, id, limit, checkMs],
  );
  return rows;
}

/** Takes deliveries of any tenant of which nothing was heard when something should have been. */
export async function claimUnheard(
  db: Db,
  { limit, checkMs }: { limit: number; checkMs: number },
): Promise<DeliverWebhook[]> {
  const { rows } = await db.query<DeliverWebhook>(
    `UPDATE webhook_deliveries SET check_at = now() + $2 * interval '1 millisecond'
     WHERE id IN (
       SELECT id FROM webhook_deliveries WHERE check_at <= now() ORDER BY check_at LIMIT $1 FOR UPDATE SKIP LOCKED
     )
     RETURNING id AS delivery_id, generation`,
    [limit, checkMs],
  );
  return rows;
}

/** Has these looked at sooner, since they may not have been handed to Temporal. */
export async function checkSoon(
  db: Db,
  deliveries: readonly DeliverWebhook[],
  ms: number,
): Promise<void> {
  await db.query(
    `UPDATE webhook_deliveries SET check_at = least(check_at, now() + $2 * interval '1 millisecond')
     WHERE id IN (SELECT id FROM webhook_deliveries WHERE id = ANY($1) AND check_at IS NOT NULL FOR UPDATE SKIP LOCKED)`,
    [deliveries.map((delivery) => delivery.delivery_id), ms],
  );
}

/** The workflow of this generation is over although the delivery is not: another one takes it up where it stands. */
export async function beginNextGeneration(
  db: Db,
  { delivery_id: id, generation }: DeliverWebhook,
): Promise<DeliverWebhook | undefined> {
  const { rows } = await db.query<DeliverWebhook>(
    `UPDATE webhook_deliveries SET generation = generation + 1
     WHERE id = $1 AND generation = $2 AND check_at IS NOT NULL RETURNING id AS delivery_id, generation`,
    [id, generation],
  );
  return rows[0];
}

/** Takes away some of what deleted webhooks have, and those that have nothing left. */
export async function sweepDeleted(db: Db, limit: number): Promise<void> {
  await db.query(
    `DELETE FROM webhook_deliveries WHERE id IN (
       SELECT d.id FROM webhooks w JOIN webhook_deliveries d ON d.webhook_id = w.id
       WHERE w.deleted_at IS NOT NULL LIMIT $1 FOR UPDATE OF d SKIP LOCKED
     )`,
    [limit],
  );
  await db.query(
    `DELETE FROM webhooks w WHERE deleted_at IS NOT NULL
       AND NOT EXISTS (SELECT 1 FROM webhook_deliveries WHERE webhook_id = w.id)`,
  );
}
