import type { Json } from '../contracts/json.ts';
import type { OperationId } from '../contracts/routes.ts';
import type { Db } from './pool.ts';

/** Who asked for a change, and by which request. */
export interface Actor {
  tenantId: string;
  /** Null for the operator's own commands. */
  keyId: string | null;
  requestId: string | null;
}

export interface Change {
  operation: OperationId | 'aos';
  /** The id of what was changed. */
  subject: string;
  /** What it was changed to. Never a secret. */
  detail?: { [key: string]: Json };
}

/** Records a change in the transaction that makes it. */
export async function recordChange(
  db: Db,
  { tenantId, keyId, requestId }: Actor,
  { operation, subject, detail = {} }: Change,
): Promise<void> {
  await db.query(
    `INSERT INTO audit_entries (tenant_id, kind, operation, key_id, request_id, subject, detail)
     VALUES ($1, 'change', $2, $3, $4, $5, $6)`,
    [tenantId, operation, keyId, requestId, subject, JSON.stringify(detail)],
  );
}
