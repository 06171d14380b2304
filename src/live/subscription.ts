import { passes } from './event-filter.ts';
import type { EventFilter } from './event-filter.ts';
import type { PageRequest, ScopePage } from './event-pages.ts';
import type { Feed } from './feed.ts';
import { isBehind } from './place.ts';
import type { Place } from './place.ts';
import type { LiveEvent } from './scope.ts';

/** Events that a reader is handed at once: what it does not take stays where it is. */
const BATCH_MAX = 50;
const BATCH_CHARS_MAX = 128 * 1024;
const RETRY_MS = 1000;

/** One reader of a scope, at its own place and its own pace. */
export interface Subscription {
  /** The next events, in order; none when it was nudged, has ended or is closed. Called again once they are sent. */
  next(): Promise<readonly LiveEvent[]>;
  /** Lets a `next` that waits return. */
  nudge(): void;
  /** Everything of a run that has ended was handed out. */
  hasEnded(): boolean;
  close(): void;
}

export interface SubscriptionDeps {
  feed: Feed;
  after: Place;
  filter: EventFilter;
  readPage: (asked: PageRequest) => Promise<ScopePage>;
  /** Whether a failed read may pass later; any other is thrown by `next`. */
  isOutage: (error: unknown) => boolean;
  onClose: () => void;
  /** How long a failed read is left alone. @default 1000 */
  retryMs?: number;
}

/** Follows a feed; while it is before what the feed holds, it reads pages by itself. Nothing is kept for it. */
export function createSubscription(deps: SubscriptionDeps): Subscription {
  const { feed, filter, retryMs = RETRY_MS } = deps;
  let after = deps.after;
  let isNudged = false;
  let isClosed = false;
  let wake: (() => void) | undefined;

  /** Until `register` calls back, or a nudge. */
  const pause = (register: (done: () => void) => () => void): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        wake = undefined;
        unregister();
        resolve();
      };
      const unregister = register(done);
      wake = done;
    });
  const forChange = (): Promise<void> => pause((done) => feed.onChange(done));
  const forRetry = async (): Promise<void> => {
    if (isNudged || isClosed) return;
    await pause((done) => {
      const timer = setTimeout(done, retryMs);
      return () => clearTimeout(timer);
    });
  };

  function takeFromFeed(): readonly LiveEvent[] {
    const events = fitting(feed.take(after, BATCH_MAX));
    after = events.at(-1)?.place ?? after;
    return events.filter(({ event }) => passes(filter, event));
  }
  async function readBehind(): Promise<readonly LiveEvent[]> {
    const head = feed.head();
    try {
      const page = await deps.readPage({ after, limit: BATCH_MAX, filter });
      const events = fitting(page.events);
      after = events.length < page.events.length ? events.at(-1)!.place : page.knownTo;
      // Nothing is there that the feed has counted on: not asked for again and again.
      const isNothing = page.events.length === 0 && !page.hasMore && feed.head() === head;
      if (isNothing && !feed.follows(after)) await forRetry();
      return events;
    } catch (error) {
      if (!deps.isOutage(error)) throw error;
      await forRetry();
      return [];
    }
  }
  const hasEnded = (): boolean => after.position >= (feed.lastNumber() ?? Infinity);

  return {
    async next() {
      while (!isClosed && !isNudged && !hasEnded()) {
        const events = feed.follows(after) ? takeFromFeed() : await readBehind();
        if (events.length > 0) return events;
        const isAtHead = feed.follows(after) && !isBehind(feed.head(), after);
        if (isAtHead && !isNudged && !isClosed && !hasEnded()) await forChange();
      }
      isNudged = false;
      return [];
    },
    nudge() {
      isNudged = true;
      wake?.();
    },
    hasEnded,
    close() {
      if (isClosed) return;
      isClosed = true;
      wake?.();
      deps.onClose();
    },
  };
}

/** The first of them that fit together in a batch, at least one. */
function fitting(events: readonly LiveEvent[]): readonly LiveEvent[] {
  let chars = 0;
  const tooMany = events.findIndex(({ json }, index) => {
    chars += json.length;
    return index > 0 && chars > BATCH_CHARS_MAX;
  });
  return tooMany === -1 ? events : events.slice(0, tooMany);
}
