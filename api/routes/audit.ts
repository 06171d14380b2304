import type { AuditEntry, AuditPage } from '../../src/contracts/audit.ts';
import type { Json } from '../../src/contracts/json.ts';
import type { ACCOUNT_ROUTES } from '../../src/contracts/routes/account.ts';
import { listAuditEntries } from '../../src/storage/audit-entries.ts';
import type { AuditRow } from '../../src/storage/audit-entries.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';
import { parseAuditQuery } from '../requests/audit-query.ts';

/** What was changed and what was refused. */
export const createAuditHandlers = ({
  pool,
}: ApiDeps): Handlers<Pick<typeof ACCOUNT_ROUTES, 'listAudit'>> => ({
  async listAudit(ctx) {
    const filter = parseAuditQuery(ctx.query);
    const rows = await listAuditEntries(pool, ctx.state.key.tenant_id, {
      ...filter,
      limit: filter.limit + 1,
    });
    const page = rows.slice(0, filter.limit);
    const hasMore = rows.length > filter.limit;
    const body: AuditPage = {
      data: page.map(viewAuditEntry),
      has_more: hasMore,
      next_cursor: hasMore ? String(page.at(-1)!.id) : null,
    };
    ctx.body = body;
  },
});

const viewAuditEntry = ({ detail, at, ...row }: AuditRow): AuditEntry => ({
  ...row,
  detail: JSON.parse(detail) as Record<string, Json>,
  at: at.toISOString(),
});
