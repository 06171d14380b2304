import pg from 'pg';
import type { CommittedEvent } from '../contracts/event.ts';
import type { Db } from './pool.ts';

const CHANNEL = 'aos_runs';
const RECONNECT_MS = 500;
/** The first change is told at once, those that follow together. */
const GATHER_MS = 20;
const NAMES_PER_HINT_MAX = 100;
/** A notification takes less than 8,000. */
const HINT_LENGTH_MAX = 7_000;

/** The name of a tenant among the names that have changed; that of a run is its id. */
export const tenantName = (tenantId: string): string => `tenant/${encodeURIComponent(tenantId)}`;

/** Tells readers that a run or a tenant has new events. A hint alone: whoever waits also looks by itself now and then. */
export interface Wakeups {
  wake(name: string): void;
}

/** Wakes those who read the runs and the tenants of events that are committed. */
export function wakeReaders(wakeups: Wakeups, events: readonly CommittedEvent[]): void {
  for (const { runId, tenantId } of events) {
    if (runId !== undefined) wakeups.wake(runId);
    wakeups.wake(tenantName(tenantId));
  }
}

/** Hands a hint on by another way than Postgres; false when it cannot. */
export type PublishHint = (hint: string) => Promise<boolean>;

/** Sends outside of any transaction, since NOTIFY inside one serialises every commit; many names share a statement. */
export function createWakeupSender(db: Db, publish?: PublishHint): Wakeups {
  const waiting = new Set<string>();
  let sending = false;
  const send = async (hint: string): Promise<void> => {
    if (await publish?.(hint)) return;
    // A lost hint costs a reader its next look, at most a second.
    await db.query('SELECT pg_notify($1, $2)', [CHANNEL, hint]).catch(() => {});
  };
  const flush = async () => {
    while (waiting.size > 0) {
      await send(takeHint(waiting));
      await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
    }
    sending = false;
  };
  return {
    wake(name) {
      waiting.add(name);
      if (sending) return;
      sending = true;
      setImmediate(() => void flush());
    },
  };
}

/** As many of the names as one notification takes. */
function takeHint(waiting: Set<string>): string {
  let hint = '';
  let count = 0;
  for (const name of waiting) {
    if (count === NAMES_PER_HINT_MAX || (count > 0 && hint.length + name.length > HINT_LENGTH_MAX))
      break;
    hint += count === 0 ? name : ` ${name}`;
    count += 1;
    waiting.delete(name);
  }
  return hint;
}

export interface WakeupListener {
  /** Resolves when the run is said to have changed, or after `timeoutMs`. */
  wait(runId: string, timeoutMs: number): Promise<void>;
  /** Calls back with every name that is said to have changed. */
  listen(onName: (name: string) => void): void;
  /** Takes a hint that came by another way. */
  hear: (hint: string) => void;
  stop(): Promise<void>;
}

/** Listens on a connection of its own, which it opens again whenever it breaks. */
export function createWakeupListener(directUrl: string): WakeupListener {
  const waiters = new Map<string, Set<() => void>>();
  const listeners: ((name: string) => void)[] = [];
  let client: pg.Client | undefined;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  const hear = (hint: string): void => {
    for (const name of hint.split(' ')) {
      for (const wake of waiters.get(name) ?? []) wake();
      for (const listener of listeners) listener(name);
    }
  };
  const connect = async () => {
    const next = new pg.Client({
      connectionString: directUrl,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
    });
    client = next;
    const again = () => {
      if (stopped || client !== next) return;
      client = undefined;
      next.end().catch(() => {});
      timer = setTimeout(() => void connect(), RECONNECT_MS);
    };
    next.on('error', again);
    next.on('end', again);
    next.on('notification', ({ payload }) => hear(payload ?? ''));
    try {
      await next.connect();
      await next.query(`LISTEN ${CHANNEL}`);
    } catch {
      again();
    }
  };
  void connect();

  return {
    hear,
    listen: (onName) => void listeners.push(onName),
    wait: (runId, timeoutMs) =>
      new Promise((resolve) => {
        const set = waiters.get(runId) ?? new Set();
        waiters.set(runId, set);
        const done = () => {
          clearTimeout(deadline);
          set.delete(done);
          if (set.size === 0) waiters.delete(runId);
          resolve();
        };
        const deadline = setTimeout(done, timeoutMs);
        set.add(done);
      }),
    async stop() {
      stopped = true;
      clearTimeout(timer);
      for (const set of waiters.values()) for (const wake of set) wake();
      await client?.end().catch(() => {});
    },
  };
}
