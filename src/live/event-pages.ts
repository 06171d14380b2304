import { listRunEvents } from '../storage/event-feed.ts';
import { scanTenantEvents } from '../storage/live-events.ts';
import type { TenantScan } from '../storage/live-events.ts';
import type { Db } from '../storage/pool.ts';
import type { EventFilter } from './event-filter.ts';
import { later, placeOf, placeOfNumber, toEventPlace } from './place.ts';
import type { Place } from './place.ts';
import { toLiveEvent } from './scope.ts';
import type { LiveEvent, Scope } from './scope.ts';

/** How many events one statement looks at when only some are asked for. */
const SCANNED_MAX = 1000;

/** What follows a place, as Postgres has it. */
export interface ScopePage {
  events: LiveEvent[];
  /** The place of the last event that was looked at, asked for or not. */
  end: Place;
  /** Behind `end` too, nothing is left out up to here. */
  knownTo: Place;
  hasMore: boolean;
}

export interface PageRequest {
  after: Place;
  limit: number;
  filter: EventFilter;
}

/** The next events of a scope behind a place. */
export async function readEventPage(db: Db, scope: Scope, asked: PageRequest): Promise<ScopePage> {
  const { after, limit } = asked;
  if (scope.kind === 'run') {
    const { tenantId, runId } = scope;
    const rows = await listRunEvents(db, tenantId, runId, after.position, limit + 1);
    const events = rows.slice(0, limit).map((row) => toLiveEvent(scope, row));
    const end = later(after, placeOfNumber(rows[events.length - 1]?.number ?? 0));
    return { events, end, knownTo: end, hasMore: rows.length > limit };
  }
  const isFiltered = Object.values(asked.filter).some((value) => value !== undefined);
  const scanMax = isFiltered ? Math.max(SCANNED_MAX, limit) : limit + 1;
  const scan = await scanTenantEvents(db, scope.tenantId, {
    ...asked.filter,
    after: toEventPlace(after),
    scanMax,
    rowsMax: limit + 1,
  });
  const events = scan.rows.slice(0, limit).map((row) => toLiveEvent(scope, row));
  const isCut = scan.rows.length > limit;
  const end = isCut ? events.at(-1)!.place : endOf(scan, after);
  const hasMore = isCut || scan.scanned === scanMax;
  const settled = placeOf({ transaction: scan.settledBefore, position: 0 });
  return { events, end, knownTo: hasMore ? end : later(end, settled), hasMore };
}

const endOf = ({ end }: TenantScan, after: Place): Place => (end ? placeOf(end) : after);
