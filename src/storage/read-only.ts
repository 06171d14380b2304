import { sqlStateOf } from './pool.ts';
import type { Pool } from './pool.ts';

const QUERY_CANCELED = '57014';

/** To compile a statement pays only when it runs longer than one may; and an index is as good where its pages are in memory. */
const SETTINGS = 'SET LOCAL jit = off; SET LOCAL random_page_cost = 1.1';

/** A statement that may take long: what is asked, and the values behind its `$1`, `$2`, and so on. */
export interface Statement {
  text: string;
  values: readonly unknown[];
}

/** Thrown when Postgres gave a statement up because its time was over. */
export class StatementTimeout extends Error {
  override readonly name = 'StatementTimeout';
}

/**
 * Runs one statement in a read-only transaction that Postgres gives up after so long; rows are lists, by position. The
 * settings end with the transaction, so a pooler in between may give the connection to anybody.
 */
export async function readWithin<Row extends unknown[]>(
  pool: Pool,
  { text, values }: Statement,
  timeoutMs: number,
): Promise<Row[]> {
  const client = await pool.connect();
  let broken: Error | undefined;
  // A lost connection fails the statement that waits for it; unheard, the event itself would end the process.
  const onError = (error: Error) => {
    broken = error;
  };
  client.on('error', onError);
  try {
    // All of it goes out at once: a failed statement turns the COMMIT into a ROLLBACK.
    const begun = client.query(
      `BEGIN READ ONLY; SET LOCAL statement_timeout = ${Math.ceil(timeoutMs)}; ${SETTINGS}`,
    );
    // Never by a name: a plan for any values could not use the indexes that these values allow.
    const read = client.query<Row>({ text, values: [...values], rowMode: 'array' });
    const ended = client.query('COMMIT');
    const [, , { status }] = await Promise.allSettled([begun, read, ended]);
    if (status === 'rejected') broken ??= new Error('the transaction may still be open');
    await begun;
    const { rows } = await read;
    await ended;
    return rows;
  } catch (error) {
    if (sqlStateOf(error) !== QUERY_CANCELED) throw error;
    throw new StatementTimeout(`no answer within ${timeoutMs} ms`, { cause: error });
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}
