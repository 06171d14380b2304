import { scanTenantEvents } from '../storage/live-events.ts';
import type { Feed } from './feed.ts';
import { toEventPlace } from './place.ts';
import type { FeedReader, FeedReaderDeps } from './run-reader.ts';
import { toLiveEvent } from './scope.ts';
import { createTurns } from '../domain/turns.ts';

const EVENTS_MAX = 200;
const TENANTS_AT_ONCE_MAX = 4;
/** How soon events are asked for again that an open transaction may still precede: at first, and at most. */
const HELD_MS = 10;
const HELD_MS_MAX = 250;

interface Reading {
  isAskedAgain: boolean;
  isActive: boolean;
  heldMs: number;
  timer: NodeJS.Timeout | undefined;
}

/** Reads each tenant by itself: one statement at a time for each, and few at once. */
export function createTenantReader({ pool, onError }: FeedReaderDeps): FeedReader & {
  /** Nobody follows the feed any more. */
  leave(feed: Feed): void;
} {
  const readings = new Map<Feed, Reading>();
  const active = new Set<Promise<void>>();
  const inTurn = createTurns(TENANTS_AT_ONCE_MAX);
  let stopped = false;

  /** Whether events are there that cannot be read yet. */
  async function readOnce(feed: Feed, reading: Reading): Promise<boolean> {
    const { rows, isHeld } = await inTurn(() =>
      scanTenantEvents(pool, feed.scope.tenantId, {
        after: toEventPlace(feed.head()),
        scanMax: EVENTS_MAX,
        rowsMax: EVENTS_MAX,
      }),
    );
    feed.push(
      rows.map((row) => toLiveEvent(feed.scope, row)),
      performance.now(),
    );
    if (rows.length > 0) reading.heldMs = HELD_MS;
    if (rows.length === EVENTS_MAX) reading.isAskedAgain = true;
    return isHeld;
  }
  async function read(feed: Feed, reading: Reading): Promise<void> {
    let isHeld = false;
    while (reading.isAskedAgain && !stopped && readings.has(feed)) {
      reading.isAskedAgain = false;
      try {
        isHeld = await readOnce(feed, reading);
      } catch (error) {
        isHeld = false;
        onError(error);
      }
      // Readers take what there is before more comes.
      await new Promise((resolve) => setImmediate(resolve));
    }
    reading.isActive = false;
    if (!isHeld || stopped || !readings.has(feed)) return;
    reading.timer = setTimeout(() => lookAt(feed), reading.heldMs);
    reading.heldMs = Math.min(2 * reading.heldMs, HELD_MS_MAX);
  }
  function lookAt(feed: Feed): void {
    const known = readings.get(feed);
    const reading = known ?? {
      isAskedAgain: false,
      isActive: false,
      heldMs: HELD_MS,
      timer: undefined,
    };
    if (!known) readings.set(feed, reading);
    reading.isAskedAgain = true;
    if (reading.isActive || stopped) return;
    clearTimeout(reading.timer);
    reading.isActive = true;
    const done = read(feed, reading).finally(() => active.delete(done));
    active.add(done);
  }
  return {
    lookAt,
    leave(feed) {
      clearTimeout(readings.get(feed)?.timer);
      readings.delete(feed);
    },
    async stop() {
      stopped = true;
      for (const { timer } of readings.values()) clearTimeout(timer);
      readings.clear();
      await Promise.all(active);
    },
  };
}
