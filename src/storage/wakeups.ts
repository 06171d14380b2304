import pg from 'pg';
import type { Db } from './pool.ts';

const CHANNEL = 'aos_runs';
const RECONNECT_MS = 500;
/** The first change is told at once, those that follow together. */
const GATHER_MS = 20;

/** Tells readers that a run has changed. A hint alone: whoever waits also looks by itself now and then. */
export interface Wakeups {
  wake(runId: string): void;
}

/** Sends outside of any transaction, since NOTIFY inside one serialises every commit; many runs share a statement. */
export function createWakeupSender(db: Db): Wakeups {
  let waiting = new Set<string>();
  let sending = false;
  const flush = async () => {
    while (waiting.size > 0) {
      const ids = [...waiting].slice(0, 100);
      waiting = new Set([...waiting].slice(100));
      // A lost hint costs a reader its next look, at most a second.
      await db.query('SELECT pg_notify($1, $2)', [CHANNEL, ids.join(' ')]).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
    }
    sending = false;
  };
  return {
    wake(runId) {
      waiting.add(runId);
      if (sending) return;
      sending = true;
      setImmediate(() => void flush());
    },
  };
}

export interface WakeupListener {
  /** Resolves when the run is said to have changed, or after `timeoutMs`. */
  wait(runId: string, timeoutMs: number): Promise<void>;
  stop(): Promise<void>;
}

/** Listens on a connection of its own, which it opens again whenever it breaks. */
export function createWakeupListener(directUrl: string): WakeupListener {
  const waiters = new Map<string, Set<() => void>>();
  let client: pg.Client | undefined;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

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
    next.on('notification', ({ payload }) => {
      for (const id of (payload ?? '').split(' ')) for (const wake of waiters.get(id) ?? []) wake();
    });
    try {
      await next.connect();
      await next.query(`LISTEN ${CHANNEL}`);
    } catch {
      again();
    }
  };
  void connect();

  return {
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
