import pg from 'pg';
import type { CommittedEvent } from '../contracts/event.ts';
import { NamedClient } from './named-client.ts';

/** Anything that runs a statement: a pool, or the client that holds a transaction. */
export type Db = Pick<pg.ClientBase, 'query'>;
export type Pool = pg.Pool & { onCommitted: (events: readonly CommittedEvent[]) => void };
/** A client inside an open transaction, and the events that it has written so far. */
export type Transaction = pg.PoolClient & { events: CommittedEvent[] };

const INT8_OID = 20;
const JSONB_OID = 3802;

/** bigint columns stay below 2^53 by the limits of AOS, so they are numbers; jsonb is read by who needs it. */
const types = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => {
    if (oid === INT8_OID) return Number;
    if (oid === JSONB_OID) return JSON.parse;
    return pg.types.getTypeParser(oid, format as 'text');
  },
};

export interface PoolOptions {
  url: string;
  connectionsMax: number;
  /** Whether Postgres may keep statements by name: not behind a pooler that knows none. @default false */
  namedStatements?: boolean;
  /** Called for an idle connection that breaks; the pool makes a new one by itself. */
  onError: (error: Error) => void;
  /** Told of the events of every transaction once it is committed, and never if it was rolled back. */
  onCommitted?: (events: readonly CommittedEvent[]) => void;
}

export function createPool(options: PoolOptions): Pool {
  const { url, connectionsMax, namedStatements = false, onError, onCommitted } = options;
  const pool = new pg.Pool({
    ...(namedStatements && { Client: NamedClient }),
    connectionString: url,
    max: connectionsMax,
    connectionTimeoutMillis: 5_000,
    query_timeout: 30_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    // What is asked without waiting for the answer before goes out at once.
    pipeline: true,
    types: types as pg.CustomTypesConfig,
  });
  pool.on('error', onError);
  return Object.assign(pool, { onCommitted: onCommitted ?? (() => {}) });
}

/** Runs `work` in one READ COMMITTED transaction; any error rolls back and is thrown on. */
export async function withTransaction<T>(
  pool: Pool,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  const tx: Transaction = Object.assign(client, { events: [] });
  let broken: Error | undefined;
  // A lost connection fails the statement that waits for it; unheard, the event itself would end the process.
  const onError = (error: Error) => {
    broken = error;
  };
  client.on('error', onError);
  try {
    // Its answer is awaited with those of the statements behind it: a round trip less.
    const begun = client.query('BEGIN');
    begun.catch(() => {});
    const result = await work(tx);
    await begun;
    const { command } = await client.query('COMMIT');
    // Postgres answers so, without an error, when `work` has swallowed one.
    if (command === 'ROLLBACK') throw new Error('the transaction was rolled back at its commit');
    if (tx.events.length > 0) pool.onCommitted(tx.events);
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((rollbackError: Error) => {
      broken = rollbackError;
    });
    throw error;
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}

export const sqlStateOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;

/** Connection exceptions, lost races, resource limits, operator interventions, a disk or a primary that is away. */
const OUTAGE_STATES = ['08', '40', '53', '57', '58'];
const OUTAGE_STATE_CODES = new Set(['25006', '55P03']);
const OUTAGE_SYSTEM_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);
/** What pg says of a connection without giving a code. */
const OUTAGE_WORDS =
  /^(Connection terminated|timeout exceeded when trying to connect|Query read timeout|Client has encountered a connection error|Client was closed)/;

/** Whether an error says that Postgres is away, or that the same statement may pass later. */
export function isOutage(error: unknown): boolean {
  const code = sqlStateOf(error);
  if (code === undefined) {
    return (
      typeof error === 'object' &&
      error !== null &&
      'message' in error &&
      OUTAGE_WORDS.test(String(error.message))
    );
  }
  if (OUTAGE_SYSTEM_CODES.has(code) || OUTAGE_STATE_CODES.has(code)) return true;
  return code.length === 5 && OUTAGE_STATES.some((state) => code.startsWith(state));
}
