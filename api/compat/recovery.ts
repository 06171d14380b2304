import type {
  RecoveryCandidate,
  RecoveryCandidatePage,
  RecoveryStats,
} from '../../src/contracts/compat.ts';
import { FAILURE_CODES } from '../../src/contracts/failure-codes.ts';
import type { COMPAT_ROUTES } from '../../src/contracts/routes/compat.ts';
import { PageQuery } from '../../src/contracts/run-query.ts';
import { RECOVERABLE_CODES } from '../../src/domain/recoverable.ts';
import { parseFailure } from '../../src/runs/failures.ts';
import type { ApiKey } from '../../src/storage/api-keys.ts';
import { countFailures, listFailures } from '../../src/storage/recovery.ts';
import type { FailedRunRow, FailuresAsked } from '../../src/storage/recovery.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';
import { readCursor } from '../requests/cursor.ts';
import { toPage } from '../requests/page.ts';
import { parseQuery } from '../requests/run-query.ts';

type Names = 'getRecoveryStats' | 'listRecoveryCandidates';

/** Failed runs that something can be done about. */
export const createRecoveryHandlers = ({
  pool,
}: ApiDeps): Handlers<Pick<typeof COMPAT_ROUTES, Names>> => ({
  async getRecoveryStats(ctx) {
    const counts = await countFailures(pool, askedBy(ctx.state.key));
    const byAction: RecoveryStats['by_action'] = {};
    for (const { code, count } of counts) {
      const { action } = FAILURE_CODES[code];
      byAction[action] = (byAction[action] ?? 0) + count;
    }
    const body: RecoveryStats = {
      total_candidates: counts.reduce((sum, { count }) => sum + count, 0),
      by_code: Object.fromEntries(counts.map(({ code, count }) => [code, count])),
      by_action: byAction,
    };
    ctx.body = body;
  },

  async listRecoveryCandidates(ctx) {
    const { limit, cursor } = parseQuery(PageQuery, ctx.query);
    const after = cursor === undefined ? undefined : readCursor(cursor, 'run');
    const rows = await listFailures(pool, askedBy(ctx.state.key), { after, limit: limit + 1 });
    const body: RecoveryCandidatePage = toPage(rows, limit, viewCandidate);
    ctx.body = body;
  },
});

const askedBy = ({ tenant_id: tenantId, agent_id: agentId }: ApiKey): FailuresAsked => ({
  tenantId,
  agentId,
  codes: RECOVERABLE_CODES,
});

function viewCandidate({ id, agent_id, goal, ...row }: FailedRunRow): RecoveryCandidate {
  const { code, category, message, retryable, recovery, step_id } = parseFailure(row.failure);
  return {
    id,
    run_id: id,
    ...(agent_id !== null && { agent_id }),
    ...(goal !== null && { goal }),
    ...(step_id !== undefined && { step_id }),
    code,
    category,
    message,
    retryable,
    action: FAILURE_CODES[code].action,
    recovery,
    created_at: row.created_at.toISOString(),
    completed_at: row.completed_at.toISOString(),
  };
}
