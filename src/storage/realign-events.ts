import type { Db } from './pool.ts';

/**
 * Transactions are counted by the server: a dump that is restored into another one may hold events of transactions
 * that this one has not reached, or places of readers that are, and they would wait for that. All that is there then stands before the first
 * transaction, in its old order; what names a place goes along.
 */
export async function realignEvents(db: Db): Promise<void> {
  if (!(await areAhead(db))) return;
  await db.query('LOCK TABLE events IN EXCLUSIVE MODE');
  await db.query(
    `CREATE TEMPORARY TABLE moved ON COMMIT DROP AS
     SELECT transaction, position, row_number() OVER (ORDER BY transaction, position) AS place FROM events`,
  );
  await db.query('CREATE INDEX ON moved (transaction, position)');
  await db.query('UPDATE runs SET event_transaction = NULL WHERE event_transaction IS NOT NULL');
  await db.query(
    `UPDATE webhooks w SET seen_transaction = '1', seen_position = coalesce((
       SELECT max(place) FROM moved WHERE (transaction, position) <= (w.seen_transaction, w.seen_position)
     ), 0)`,
  );
  await db.query(
    `UPDATE webhook_deliveries d SET event_transaction = '1', event_position = moved.place FROM moved
     WHERE (moved.transaction, moved.position) = (d.event_transaction, d.event_position)`,
  );
  await db.query(
    `UPDATE events e SET transaction = '1', position = moved.place FROM moved
     WHERE (moved.transaction, moved.position) = (e.transaction, e.position)`,
  );
}

async function areAhead(db: Db): Promise<boolean> {
  const { rows } = await db.query<{ are_ahead: boolean }>(
    `SELECT EXISTS (
       SELECT 1 FROM tenants t, LATERAL (
         SELECT transaction FROM events WHERE tenant_id = t.id ORDER BY transaction DESC, position DESC LIMIT 1
       ) newest WHERE newest.transaction > pg_current_xact_id()
     ) OR EXISTS (SELECT 1 FROM webhooks WHERE seen_transaction > pg_current_xact_id()) AS are_ahead`,
  );
  return rows[0]!.are_ahead;
}
