import type { Db, Transaction } from './pool.ts';

/** Takes the key for a run; waits while a twin holds it, and answers false when the twin has it for good. */
export async function takeIdempotencyKey(
  tx: Transaction,
  tenantId: string,
  key: string,
  bodyHash: Buffer,
  runId: string,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `INSERT INTO idempotency_keys (tenant_id, key, body_hash, run_id) VALUES ($1, $2, $3, $4)
     ON CONFLICT DO NOTHING`,
    [tenantId, key, bodyHash, runId],
  );
  return rowCount === 1;
}

export async function findIdempotencyKey(
  db: Db,
  tenantId: string,
  key: string,
): Promise<{ body_hash: Buffer; run_id: string } | undefined> {
  const { rows } = await db.query<{ body_hash: Buffer; run_id: string }>(
    'SELECT body_hash, run_id FROM idempotency_keys WHERE tenant_id = $1 AND key = $2',
    [tenantId, key],
  );
  return rows[0];
}
