import { AuditQuery } from '../../src/contracts/audit.ts';
import type { AuditFilter } from '../../src/storage/audit-entries.ts';
import { readNumberCursor } from './cursor.ts';
import { parseQuery } from './run-query.ts';

/** `?kind=&key_id=&operation=&created_after=&created_before=&limit=&cursor=` Errors: INVALID_REQUEST, CURSOR_INVALID. */
export function parseAuditQuery(query: Parameters<typeof parseQuery>[1]): AuditFilter {
  const asked = parseQuery(AuditQuery, query);
  return {
    kind: asked.kind,
    keyId: asked.key_id,
    operation: asked.operation,
    createdAfter: asked.created_after,
    createdBefore: asked.created_before,
    beforeId: asked.cursor === undefined ? undefined : readNumberCursor(asked.cursor),
    limit: asked.limit,
  };
}
