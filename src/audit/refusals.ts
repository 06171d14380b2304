import { REFUSALS_ALIKE_MS, REFUSALS_APART_MAX } from '../contracts/limits.ts';
import { addToRefusals, insertRefusals } from '../storage/audit-entries.ts';
import type { NewRefusal } from '../storage/audit-entries.ts';
import type { Db } from '../storage/pool.ts';
import { isOutage } from '../storage/pool.ts';
import type { Logger } from '../telemetry/logger.ts';

export type Refusal = Omit<NewRefusal, 'count' | 'at'>;

/** Records what was refused, behind the request that was refused. */
export interface RefusalRecorder {
  /** Takes the fact, and neither waits nor throws. */
  note(refusal: Refusal): void;
  /** Writes what is still to be written. */
  stop(): Promise<void>;
}

export interface RefusalRecorderDeps {
  pool: Db;
  logger: Logger;
  /** @default 500 */
  flushMs?: number;
  /** @default a clock that nobody sets */
  nowMs?: () => number;
}

/** Refusals that are alike, and what of them is not written yet. */
interface Gathered {
  refusal: Refusal;
  at: Date;
  sinceMs: number;
  unwritten: number;
  /** Of its row, once it has one. */
  id?: number;
}

const FLUSH_MS = 500;
const ROWS_PER_STATEMENT = 500;

/**
 * 1. What is alike within a minute is one row: its first refusal writes it, later ones are added to its count.
 * 2. What cannot be written now is kept and written later; what would need more memory than is allowed is dropped.
 */
export function createRefusalRecorder({
  pool,
  logger,
  flushMs = FLUSH_MS,
  nowMs = () => performance.now(),
}: RefusalRecorderDeps): RefusalRecorder {
  const gathered = new Map<string, Gathered>();
  let dropped = 0;
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> = Promise.resolve();
  let isStopped = false;

  let isAway = false;

  const isOver = ({ sinceMs }: Gathered): boolean => nowMs() - sinceMs >= REFUSALS_ALIKE_MS;
  const listUnwritten = (): Gathered[] =>
    [...gathered.values()].filter((each) => each.unwritten > 0);

  function forgetWritten(): void {
    for (const [name, each] of gathered)
      if (each.unwritten === 0 && isOver(each)) gathered.delete(name);
  }

  async function insert(batch: readonly Gathered[]): Promise<void> {
    const rows = batch.map(({ refusal, at, unwritten }) => ({ ...refusal, at, count: unwritten }));
    const ids = await insertRefusals(pool, rows);
    for (const [n, each] of batch.entries()) {
      each.id = ids.get(each.refusal.requestId)!;
      each.unwritten -= rows[n]!.count;
    }
  }

  async function add(batch: readonly Gathered[]): Promise<void> {
    const more = batch.map(({ id, unwritten }) => ({ id: id!, count: unwritten }));
    await addToRefusals(pool, more);
    for (const [n, each] of batch.entries()) each.unwritten -= more[n]!.count;
  }

  async function writeAll(): Promise<void> {
    const unwritten = listUnwritten();
    const written = unwritten.filter(({ id }) => id !== undefined);
    const fresh = unwritten.filter(({ id }) => id === undefined);
    for (const batch of inBatches(fresh)) await insert(batch);
    for (const batch of inBatches(written)) await add(batch);
    isAway = false;
  }

  async function flush(): Promise<void> {
    try {
      await writeAll();
    } catch (error) {
      if (!isOutage(error)) {
        logger.error('refusals.not_recorded', error, { count: listUnwritten().length });
        // What Postgres does not take now, it will not take later.
        gathered.clear();
      } else if (!isAway) {
        isAway = true;
        logger.warn('refusals.wait', { reason: String(error) });
      }
    }
    forgetWritten();
    if (dropped > 0) logger.warn('refusals.dropped', { count: dropped });
    dropped = 0;
  }

  function schedule(): void {
    if (timer !== undefined || isStopped) return;
    timer = setTimeout(() => {
      flushing = flush().finally(() => {
        timer = undefined;
        if (listUnwritten().length > 0) schedule();
      });
    }, flushMs);
  }

  return {
    note(refusal) {
      const { tenantId, keyId, operation, code, detail } = refusal;
      const name = JSON.stringify([tenantId, keyId, operation, code, detail['reason']]);
      const alike = gathered.get(name);
      if (alike && (alike.unwritten > 0 || !isOver(alike))) {
        alike.unwritten += 1;
      } else {
        if (gathered.size >= REFUSALS_APART_MAX) forgetWritten();
        if (gathered.size >= REFUSALS_APART_MAX) dropped += 1;
        else gathered.set(name, { refusal, at: new Date(), sinceMs: nowMs(), unwritten: 1 });
      }
      schedule();
    },

    async stop() {
      if (isStopped) return;
      isStopped = true;
      clearTimeout(timer);
      await flushing;
      await flush();
      const left = listUnwritten();
      if (left.length > 0) logger.warn('refusals.dropped', { count: left.length });
    },
  };
}

function* inBatches<T>(list: readonly T[]): Generator<T[]> {
  for (let from = 0; from < list.length; from += ROWS_PER_STATEMENT)
    yield list.slice(from, from + ROWS_PER_STATEMENT);
}
