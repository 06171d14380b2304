import type { EventType } from '../contracts/event.ts';
import { EVENT_COLUMNS } from './event-feed.ts';
import type { EventPlace, EventRow } from './event-feed.ts';
import type { Db } from './pool.ts';

const ofEvent = EVENT_COLUMNS.replaceAll(/\w+/g, 'e.$&');

export interface TenantScan {
  rows: EventRow[];
  /** How many events were looked at, and the place of the last one. */
  scanned: number;
  end: EventPlace | undefined;
  /** All before this transaction can be read, and no more will come before it. */
  settledBefore: string;
  /** Events are committed that an open transaction may still precede. */
  isHeld: boolean;
}

export interface TenantScanOptions {
  after: EventPlace;
  scanMax: number;
  rowsMax: number;
  types?: readonly EventType[] | undefined;
  agentId?: string | undefined;
  runId?: string | undefined;
}

type ScanRow = Partial<EventRow> & {
  settled_before: string;
  is_held: boolean;
  scanned: number;
  end_transaction: string | null;
  end_position: number | null;
};

/** Looks at the tenant's next events behind a place, and answers those that are asked for; as `listTenantEvents`. */
export async function scanTenantEvents(
  db: Db,
  tenantId: string,
  { after, scanMax, rowsMax, types, agentId, runId }: TenantScanOptions,
): Promise<TenantScan> {
  const { rows } = await db.query<ScanRow>(
    `WITH settled AS MATERIALIZED (
       SELECT oldest_open, EXISTS (SELECT 1 FROM events WHERE tenant_id = $1 AND transaction >= oldest_open) AS is_held
       FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS oldest_open) AS snapshot
     ), scan AS MATERIALIZED (
       SELECT ${EVENT_COLUMNS} FROM events
       WHERE tenant_id = $1 AND (transaction, position) > ($2::text::xid8, $3::bigint)
         AND transaction < (SELECT oldest_open FROM settled)
       ORDER BY transaction, position LIMIT $4
     )
     SELECT settled.oldest_open::text AS settled_before, is_held, (SELECT count(*) FROM scan) AS scanned,
       last.transaction AS end_transaction, last.position AS end_position, ${ofEvent}
     FROM settled
     LEFT JOIN (SELECT transaction, position FROM scan ORDER BY transaction DESC, position DESC LIMIT 1) AS last ON true
     LEFT JOIN (
       SELECT * FROM scan WHERE ($6::text[] IS NULL OR type = ANY ($6)) AND ($7::text IS NULL OR agent_id = $7)
         AND ($8::text IS NULL OR run_id = $8)
       ORDER BY transaction, position LIMIT $5
     ) AS e ON true
     ORDER BY e.transaction, e.position`,
    [
      tenantId,
      after.transaction,
      after.position,
      scanMax,
      rowsMax,
      types ?? null,
      agentId ?? null,
      runId ?? null,
    ],
  );
  const { settled_before, is_held, scanned, end_transaction, end_position } = rows[0]!;
  return {
    rows: rows.filter((row): row is ScanRow & EventRow => row.transaction != null),
    scanned,
    end:
      end_transaction === null
        ? undefined
        : { transaction: end_transaction, position: end_position! },
    settledBefore: settled_before,
    isHeld: is_held,
  };
}

/** A run, and the number of the last event that is known of it. */
export interface WatchedRun {
  tenantId: string;
  runId: string;
  after: number;
}

export interface WatchedEventRow extends EventRow {
  run_id: string;
  number: number;
  /** The last number of a run that has ended. */
  last_number: number | null;
}

/** The next events of many runs, each behind its own number, in one statement. */
export async function listEventsOfRuns(
  db: Db,
  watched: readonly WatchedRun[],
  eachMax: number,
): Promise<WatchedEventRow[]> {
  const { rows } = await db.query<WatchedEventRow>(
    `SELECT ${ofEvent},
       CASE WHEN r.status IN ('queued', 'running') THEN NULL ELSE r.event_number END AS last_number
     FROM unnest($1::text[], $2::text[], $3::bigint[]) AS w (run_id, tenant_id, after)
     JOIN runs r ON r.id = w.run_id AND r.tenant_id = w.tenant_id AND r.event_number > w.after
     CROSS JOIN LATERAL (
       SELECT ${EVENT_COLUMNS} FROM events
       WHERE run_id = w.run_id AND tenant_id = w.tenant_id AND number > w.after ORDER BY number LIMIT $4
     ) AS e
     ORDER BY e.run_id, e.number`,
    [
      watched.map((each) => each.runId),
      watched.map((each) => each.tenantId),
      watched.map((each) => each.after),
      eachMax,
    ],
  );
  return rows;
}

/** Whether a tenant's reader may go on from a place: it is that of an event, or one where all before can be read. */
export async function isEventPlace(db: Db, tenantId: string, place: EventPlace): Promise<boolean> {
  const { rows } = await db.query<{ is_place: boolean }>(
    `SELECT CASE WHEN $3::bigint = 0 THEN $2::text::xid8 <= oldest_open ELSE $2::text::xid8 < oldest_open AND EXISTS (
       SELECT 1 FROM events WHERE tenant_id = $1 AND transaction = $2::text::xid8 AND position = $3
     ) END AS is_place
     FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS oldest_open) AS snapshot`,
    [tenantId, place.transaction, place.position],
  );
  return rows[0]!.is_place;
}
