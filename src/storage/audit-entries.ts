import type { AuditKind } from '../contracts/audit.ts';
import type { FailureCode } from '../contracts/failure-codes.ts';
import type { Json } from '../contracts/json.ts';
import type { OperationId } from '../contracts/routes.ts';
import type { Db } from './pool.ts';

/** Who asked for a change, and by which request. */
export interface Actor {
  tenantId: string;
  /** Null for the operator's own commands, and for what nobody asked for. */
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

/** A refusal that is to be recorded; without a key, or with an unknown one, there is no tenant. */
export interface NewRefusal {
  tenantId: string | null;
  keyId: string | null;
  operation: OperationId | 'unmatched';
  code: FailureCode;
  requestId: string;
  /** The run or the agent that it was about, where that is known. */
  subject: string | null;
  detail: { [key: string]: Json };
  count: number;
  at: Date;
}

/** Records refusals; answers the id of each, by its request. */
export async function insertRefusals(
  db: Db,
  refusals: readonly NewRefusal[],
): Promise<Map<string, number>> {
  const { rows } = await db.query<{ id: number; request_id: string }>(
    `INSERT INTO audit_entries (tenant_id, kind, operation, key_id, request_id, subject, code, detail, count, at)
     SELECT tenant_id, 'refusal', operation, key_id, request_id, subject, code, detail, count, at
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[],
       $9::timestamptz[]) AS r (tenant_id, operation, key_id, request_id, subject, code, detail, count, at)
     RETURNING id, request_id`,
    [
      refusals.map((each) => each.tenantId),
      refusals.map((each) => each.operation),
      refusals.map((each) => each.keyId),
      refusals.map((each) => each.requestId),
      refusals.map((each) => each.subject),
      refusals.map((each) => each.code),
      refusals.map((each) => JSON.stringify(each.detail)),
      refusals.map((each) => each.count),
      refusals.map((each) => each.at),
    ],
  );
  return new Map(rows.map(({ id, request_id: requestId }) => [requestId, id]));
}

/** Counts refusals that equal recorded ones. */
export async function addToRefusals(
  db: Db,
  more: readonly { id: number; count: number }[],
): Promise<void> {
  await db.query(
    `UPDATE audit_entries SET count = audit_entries.count + more.count
     FROM unnest($1::bigint[], $2::int[]) AS more (id, count) WHERE audit_entries.id = more.id`,
    [more.map((each) => each.id), more.map((each) => each.count)],
  );
}

export interface AuditFilter {
  kind: AuditKind | undefined;
  keyId: string | undefined;
  operation: string | undefined;
  createdAfter: Date | undefined;
  createdBefore: Date | undefined;
  /** Entries with lower ids than this. */
  beforeId: number | undefined;
  limit: number;
}

export interface AuditRow {
  id: number;
  kind: AuditKind;
  operation: string;
  key_id: string | null;
  request_id: string | null;
  subject: string | null;
  code: FailureCode | null;
  /** JSON text. */
  detail: string;
  count: number;
  at: Date;
}

/** A page of what was changed and refused in a tenant, newest first. */
export async function listAuditEntries(
  db: Db,
  tenantId: string,
  filter: AuditFilter,
): Promise<AuditRow[]> {
  const { rows } = await db.query<AuditRow>(
    `SELECT id, kind, operation, key_id, request_id, subject, code, detail, count, at FROM audit_entries
     WHERE tenant_id = $1 AND ($2::bigint IS NULL OR id < $2) AND ($3::text IS NULL OR kind = $3)
       AND ($4::text IS NULL OR key_id = $4) AND ($5::text IS NULL OR operation = $5)
       AND ($6::timestamptz IS NULL OR at >= $6) AND ($7::timestamptz IS NULL OR at < $7)
     ORDER BY id DESC LIMIT $8`,
    [
      tenantId,
      filter.beforeId ?? null,
      filter.kind ?? null,
      filter.keyId ?? null,
      filter.operation ?? null,
      filter.createdAfter ?? null,
      filter.createdBefore ?? null,
      filter.limit,
    ],
  );
  return rows;
}
