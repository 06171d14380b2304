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
export async function withTransaction<T>(pool: Pool, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((rollbackError: Error) => {
      broken = rollbackError;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

export const UNIQUE_VIOLATION = '23505';

export const sqlStateOf = (error: unknown): string | undefined =>
  typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;

/** Connection exceptions, resource limits and operator interventions: what passes when Postgres is back. */
const OUTAGE_CLASSES = ['08', '53', '57'];
const OUTAGE_ERRORS = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN']);

/** Whether an error says that Postgres is away, rather than that the statement is wrong. */
export function isOutage(error: unknown): boolean {
  const code = sqlStateOf(error);
  if (code === undefined) return !(error instanceof TypeError || error instanceof RangeError);
  return OUTAGE_ERRORS.has(code) || (code.length === 5 && OUTAGE_CLASSES.some((c) => code.startsWith(c)));
}
