import type { Db } from '../storage/pool.ts';
import { isOutage } from '../storage/pool.ts';
import { readEventsEnd } from '../storage/event-feed.ts';
import type { WakeupListener } from '../storage/wakeups.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { EventFilter } from './event-filter.ts';
import { readEventPage } from './event-pages.ts';
import type { PageRequest, ScopePage } from './event-pages.ts';
import { createFeed } from './feed.ts';
import type { Feed } from './feed.ts';
import { placeOf, placeOfNumber } from './place.ts';
import type { Place } from './place.ts';
import { createRunReader } from './run-reader.ts';
import { nameOf } from './scope.ts';
import type { Scope } from './scope.ts';
import { createSubscription } from './subscription.ts';
import type { Subscription } from './subscription.ts';
import { createTenantReader } from './tenant-reader.ts';
import { createTurns } from '../domain/turns.ts';

/** How often every scope that somebody follows is looked at without a hint. */
const LOOK_MS = 1000;
const FORGET_MS = 5000;
/** Statements at once of those who catch up: what requests need of the pool is left to them. */
const PAGES_AT_ONCE_MAX = 4;

/** The events of runs and tenants as they happen, for all streams of this process. */
export interface Live {
  /** Errors: those of Postgres. */
  subscribe(scope: Scope, from: { after: Place; filter?: EventFilter }): Promise<Subscription>;
  readPage(scope: Scope, asked: PageRequest): Promise<ScopePage>;
  stop(): Promise<void>;
}

export interface LiveDeps {
  pool: Db;
  listener: Pick<WakeupListener, 'listen'>;
  logger: Logger;
}

interface Followed {
  feed: Promise<Feed>;
  /** Once it is there. */
  opened: Feed | undefined;
  readers: number;
}

/** Reads each scope once for all who follow it. Hints say when; without any, it looks once a second. */
export function createLive({ pool, listener, logger }: LiveDeps): Live {
  const followed = new Map<string, Followed>();
  const inTurn = createTurns(PAGES_AT_ONCE_MAX);
  const onError = (error: unknown): void =>
    isOutage(error)
      ? logger.debug('live.read_failed', { reason: String(error) })
      : logger.error('live.read_failed', error);
  const runs = createRunReader({ pool, onError });
  const tenants = createTenantReader({ pool, onError });
  const look = (feed: Feed): void => (feed.scope.kind === 'run' ? runs : tenants).lookAt(feed);

  listener.listen((name) => {
    const feed = followed.get(name)?.opened;
    if (feed) look(feed);
  });
  const timer = setInterval(() => {
    for (const { opened } of followed.values()) {
      if (!opened) continue;
      opened.forget(performance.now() - FORGET_MS);
      look(opened);
    }
  }, LOOK_MS);

  const startOf = async (scope: Scope): Promise<Place> =>
    scope.kind === 'run' ? placeOfNumber(scope.lastNumber) : placeOf(await readEventsEnd(pool));

  function follow(scope: Scope): Followed {
    const name = nameOf(scope);
    const known = followed.get(name);
    if (known) return known;
    const entry: Followed = {
      feed: startOf(scope).then((start) => {
        entry.opened = createFeed(scope, start);
        // What came since the scope was read has had no one to be told of it.
        look(entry.opened);
        return entry.opened;
      }),
      opened: undefined,
      readers: 0,
    };
    followed.set(name, entry);
    return entry;
  }
  function leave(scope: Scope, entry: Followed): void {
    entry.readers -= 1;
    if (entry.readers > 0) return;
    if (followed.get(nameOf(scope)) === entry) followed.delete(nameOf(scope));
    if (entry.opened) tenants.leave(entry.opened);
  }

  return {
    async subscribe(scope, { after, filter = {} }) {
      const entry = follow(scope);
      entry.readers += 1;
      try {
        return createSubscription({
          feed: await entry.feed,
          after,
          filter,
          readPage: (asked) => inTurn(() => readEventPage(pool, scope, asked)),
          isOutage,
          onClose: () => leave(scope, entry),
        });
      } catch (error) {
        leave(scope, entry);
        throw error;
      }
    },
    readPage: (scope, asked) => readEventPage(pool, scope, asked),
    async stop() {
      clearInterval(timer);
      for (const { opened } of followed.values()) if (opened) tenants.leave(opened);
      followed.clear();
      await Promise.all([runs.stop(), tenants.stop()]);
    },
  };
}
