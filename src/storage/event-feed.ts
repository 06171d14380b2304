import type { EventType } from '../contracts/event.ts';
import type { Db } from './pool.ts';

/** A place in the order of a tenant's events: that of its transaction, then that within it. */
export interface EventPlace {
  /** A number of 64 bits, as text. */
  transaction: string;
  position: number;
}

export interface EventRow extends EventPlace {
  tenant_id: string;
  run_id: string | null;
  number: number | null;
  agent_id: string | null;
  type: EventType;
  step_id: string | null;
  /** JSON text. */
  data: string;
  at: Date;
}

export const EVENT_COLUMNS =
  'transaction, position, tenant_id, run_id, number, agent_id, type, step_id, data, at';

/** The events of a run behind a number, in their order. */
export async function listRunEvents(
  db: Db,
  tenantId: string,
  runId: string,
  after: number,
  limit: number,
): Promise<EventRow[]> {
  const { rows } = await db.query<EventRow>(
    `SELECT ${EVENT_COLUMNS} FROM events WHERE run_id = $1 AND tenant_id = $2 AND number > $3 ORDER BY number LIMIT $4`,
    [runId, tenantId, after, limit],
  );
  return rows;
}

/**
 * The tenant's events behind a place, in their order. Only transactions that no open one can still precede are read:
 * whoever goes on from the last event of an answer misses none and gets none twice.
 */
export async function listTenantEvents(
  db: Db,
  tenantId: string,
  after: EventPlace,
  limit: number,
): Promise<EventRow[]> {
  const { rows } = await db.query<EventRow>(
    `SELECT ${EVENT_COLUMNS} FROM events
     WHERE tenant_id = $1 AND (transaction, position) > ($2::text::xid8, $3::bigint)
       AND transaction < pg_snapshot_xmin(pg_current_snapshot())
     ORDER BY transaction, position LIMIT $4`,
    [tenantId, after.transaction, after.position, limit],
  );
  return rows;
}

/** One event of a tenant by its place. */
export async function findEvent(
  db: Db,
  tenantId: string,
  { transaction, position }: EventPlace,
): Promise<EventRow | undefined> {
  const { rows } = await db.query<EventRow>(
    `SELECT ${EVENT_COLUMNS} FROM events WHERE tenant_id = $1 AND transaction = $2::text::xid8 AND position = $3`,
    [tenantId, transaction, position],
  );
  return rows[0];
}

/** The place behind which everything is that happens from now on; all before it can be read. */
export async function readEventsEnd(db: Db): Promise<EventPlace> {
  const { rows } = await db.query<{ transaction: string }>(
    'SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS transaction',
  );
  return { transaction: rows[0]!.transaction, position: 0 };
}
