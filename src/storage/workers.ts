import type { Db } from './pool.ts';

/** Says that the worker is alive; health and operators read it. */
export async function beatWorker(db: Db, id: string): Promise<void> {
  await db.query(
    'INSERT INTO workers (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET beat_at = now()',
    [id],
  );
}

export async function removeWorker(db: Db, id: string): Promise<void> {
  await db.query(`DELETE FROM workers WHERE id = $1 OR beat_at < now() - interval '1 day'`, [id]);
}

export async function hasLiveWorker(db: Db, withinMs: number): Promise<boolean> {
  const { rows } = await db.query(
    `SELECT 1 FROM workers WHERE beat_at > now() - $1 * interval '1 millisecond' LIMIT 1`,
    [withinMs],
  );
  return rows.length > 0;
}
