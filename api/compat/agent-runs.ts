import type { Provenance, ProvenancePage } from '../../src/contracts/compat.ts';
import { AosError } from '../../src/contracts/failures.ts';
import type { COMPAT_ROUTES } from '../../src/contracts/routes/compat.ts';
import { PageQuery } from '../../src/contracts/run-query.ts';
import type { RunPage } from '../../src/contracts/run.ts';
import { clip } from '../../src/domain/plan/wording.ts';
import { loadAgentRun } from '../../src/runs/view-agent-run.ts';
import { viewRunSummary } from '../../src/runs/view-run.ts';
import { readPlanHashes } from '../../src/storage/agent-runs.ts';
import { listRuns } from '../../src/storage/runs.ts';
import type { ListedRun } from '../../src/storage/runs.ts';
import type { ApiDeps } from '../deps.ts';
import type { Handlers } from '../handlers.ts';
import { readCursor } from '../requests/cursor.ts';
import { toPage } from '../requests/page.ts';
import { wholeRunOf } from '../requests/run-of.ts';
import { parseQuery } from '../requests/run-query.ts';
import type { AosContext } from '../state.ts';
import { agentNamed } from './agent-named.ts';

type Names = 'getAgentRun' | 'listAgentRuns' | 'listProvenance';

/** What an agent's runs are and were. */
export const createAgentRunHandlers = (
  deps: ApiDeps,
): Handlers<Pick<typeof COMPAT_ROUTES, Names>> => ({
  async getAgentRun(ctx) {
    const run = await wholeRunOf(ctx, deps);
    const asked = ctx.params['agent_id']!;
    if (run.agent_id !== asked)
      throw new AosError('RUN_NOT_FOUND', `Agent ${clip(asked)} has no run ${run.id}.`);
    ctx.body = await loadAgentRun(deps.pool, run);
  },

  async listAgentRuns(ctx) {
    const { rows, limit } = await rowsOf(ctx, deps);
    const body: RunPage = toPage(rows, limit, viewSummary);
    ctx.body = body;
  },

  async listProvenance(ctx) {
    const { rows, limit } = await rowsOf(ctx, deps);
    const ids = rows.map(({ id }) => id);
    const hashes = await readPlanHashes(deps.pool, ctx.state.key.tenant_id, ids);
    const body: ProvenancePage = toPage(rows, limit, (row) =>
      viewProvenance(row, hashes.get(row.id) ?? null),
    );
    ctx.body = body;
  },
});

const viewSummary = (row: ListedRun) =>
  viewRunSummary(row, { ...row, cost_micro_cents: row.steps_cost_micro_cents });

function viewProvenance(row: ListedRun, planHash: string | null): Provenance {
  const { run_id, goal, status, cost_cents, created_at, completed_at } = viewSummary(row);
  return {
    run_id,
    agent_id: row.agent_id!,
    ...(goal !== undefined && { goal }),
    status,
    plan_hash: planHash,
    cost_cents,
    price_table_version: row.price_table_version,
    created_at,
    ...(completed_at !== undefined && { completed_at }),
  };
}

/** A page of the agent's runs, and one more where there is one. Errors: as `agentNamed`, and CURSOR_INVALID. */
async function rowsOf(
  ctx: AosContext,
  deps: ApiDeps,
): Promise<{ rows: ListedRun[]; limit: number }> {
  const { limit, cursor } = parseQuery(PageQuery, ctx.query);
  const after = cursor === undefined ? undefined : readCursor(cursor, 'run');
  const agentId = await agentNamed(ctx, deps);
  const filter = { agentId, labels: {}, after, limit: limit + 1 };
  return { rows: await listRuns(deps.pool, ctx.state.key.tenant_id, filter), limit };
}
