import pg from 'pg';

/** Anything that runs a statement: a pool, or the client that holds a transaction. */
export type Db = Pick<pg.ClientBase, 'query'>;
export type Pool = pg.Pool;
/** A client inside an open transaction. */
export type Transaction = pg.PoolClient;

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
  /** Called for an idle connection that breaks; the pool makes a new one by itself. */
  onError: (error: Error) => void;
}

export function createPool({ url, connectionsMax, onError }: PoolOptions): Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: connectionsMax,
    connectionTimeoutMillis: 5_000,
    query_timeout: 30_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    types: types as pg.CustomTypesConfig,
  });
  pool.on('error', onError);
  return pool;
}

/** Runs `work` in one READ COMMITTED transaction; any error rolls back and is thrown on. */
export async function withTransaction<T>(
  pool: Pool,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // A lost connection fails the statement that waits for it; unheard, the event itself would end the process.
  const onError = (error: Error) => {
    broken = error;
  };
  client.on('error', onError);
  try {
    await client.query('BEGIN');
    const result = await work(client);
    const { command } = await client.query('COMMIT');
    // Postgres answers so, without an error, when `work` has swallowed one.
    if (command === 'ROLLBACK') throw new Error('the transaction was rolled back at its commit');
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
