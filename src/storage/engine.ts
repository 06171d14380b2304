import type { Db } from './pool.ts';

/** The id of the Temporal namespace that this database belongs with, or undefined before the first start. */
export async function readEngineNamespace(db: Db): Promise<string | undefined> {
  const { rows } = await db.query<{ namespace_id: string }>('SELECT namespace_id FROM engine');
  return rows[0]?.namespace_id;
}

export async function writeEngineNamespace(db: Db, namespaceId: string): Promise<void> {
  await db.query(
    'INSERT INTO engine (namespace_id) VALUES ($1) ON CONFLICT (only_row) DO UPDATE SET namespace_id = $1',
    [namespaceId],
  );
}
