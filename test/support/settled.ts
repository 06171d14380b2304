import type { Db } from '../../src/storage/pool.ts';

/**
 * Resolves when all events can be read: transactions of other tests on the same server may hold them back. What happens
 * from then on is what happens "from now on".
 */
export async function settled(db: Db): Promise<void> {
  for (let isSettled = false; !isSettled;) {
    const { rows } = await db.query<{ is_settled: boolean }>(
      `SELECT NOT EXISTS (
         SELECT 1 FROM events WHERE transaction >= pg_snapshot_xmin(pg_current_snapshot())
       ) AS is_settled`,
    );
    isSettled = rows[0]!.is_settled;
  }
}
