import { listEventsOfRuns } from '../storage/live-events.ts';
import type { Db } from '../storage/pool.ts';
import type { Feed } from './feed.ts';
import { toLiveEvent } from './scope.ts';
import type { LiveEvent } from './scope.ts';

/** Of a run that has more, the rest comes in the next statement. */
const EVENTS_OF_EACH_MAX = 20;
const RUNS_AT_ONCE_MAX = 1000;

/** Brings feeds to what Postgres has. */
export interface FeedReader {
  lookAt(feed: Feed): void;
  /** Resolves when nothing is being read any more. */
  stop(): Promise<void>;
}

export interface FeedReaderDeps {
  pool: Db;
  onError: (error: unknown) => void;
}

/** Reads the runs that have changed in one statement at a time: what is said meanwhile goes together in the next. */
export function createRunReader({ pool, onError }: FeedReaderDeps): FeedReader {
  const waiting = new Set<Feed>();
  let reading: Promise<void> | undefined;
  let stopped = false;

  async function readSome(): Promise<void> {
    const feeds = new Map<string, Feed>();
    for (const feed of waiting) {
      if (feeds.size === RUNS_AT_ONCE_MAX) break;
      waiting.delete(feed);
      if (feed.scope.kind === 'run') feeds.set(feed.scope.runId, feed);
    }
    const watched = [...feeds].map(([runId, feed]) => ({
      runId,
      tenantId: feed.scope.tenantId,
      after: feed.head().position,
    }));
    const rows = await listEventsOfRuns(pool, watched, EVENTS_OF_EACH_MAX);
    const nowMs = performance.now();
    const ofRuns = new Map<string, LiveEvent[]>();
    for (const row of rows) {
      const feed = feeds.get(row.run_id)!;
      const events = ofRuns.get(row.run_id) ?? [];
      if (events.push(toLiveEvent(feed.scope, row)) === 1) ofRuns.set(row.run_id, events);
      if (row.last_number !== null) feed.end(row.last_number);
    }
    for (const [runId, events] of ofRuns) {
      const feed = feeds.get(runId)!;
      feed.push(events, nowMs);
      if (events.length === EVENTS_OF_EACH_MAX) waiting.add(feed);
    }
  }
  async function readAll(): Promise<void> {
    // What is said at the same time goes together.
    await Promise.resolve();
    while (waiting.size > 0 && !stopped) {
      try {
        await readSome();
      } catch (error) {
        onError(error);
      }
      // Readers take what there is before more comes.
      await new Promise((resolve) => setImmediate(resolve));
    }
    reading = undefined;
  }
  return {
    lookAt(feed) {
      waiting.add(feed);
      reading ??= readAll();
    },
    async stop() {
      stopped = true;
      await reading;
    },
  };
}
