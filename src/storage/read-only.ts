import { sqlStateOf, withTransaction } from './pool.ts';
import type { Pool } from './pool.ts';

const QUERY_CANCELED = '57014';

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
  try {
    return await withTransaction(pool, async (tx) => {
      const set = tx.query(
        `SELECT set_config('transaction_read_only', 'on', true), set_config('statement_timeout', $1, true),
           set_config('jit', 'off', true)`,
        [String(timeoutMs)],
      );
      set.catch(() => {});
      // Never by a name: a plan for any values could not use the indexes that these values allow.
      const { rows } = await tx.query<Row>({ text, values: [...values], rowMode: 'array' });
      await set;
      return rows;
    });
  } catch (error) {
    if (sqlStateOf(error) !== QUERY_CANCELED) throw error;
    throw new StatementTimeout(`no answer within ${timeoutMs} ms`, { cause: error });
  }
}
