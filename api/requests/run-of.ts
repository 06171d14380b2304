import { keyBoundToAgent } from '../../src/agents/failures.ts';
import { AosError } from '../../src/contracts/failures.ts';
import { findRun } from '../../src/storage/runs.ts';
import type { RunRow } from '../../src/storage/runs.ts';
import type { ApiDeps } from '../deps.ts';
import type { AosContext } from '../state.ts';

const RUN_ID = /^run_[0-9a-f-]{36}$/;

/**
 * The run that the path names, if it belongs to the tenant of the key and the key may act for its agent.
 * Errors: RUN_NOT_FOUND, KEY_BOUND_TO_AGENT.
 */
export async function runOf(ctx: AosContext, { pool }: ApiDeps): Promise<RunRow> {
  const id = ctx.params['run_id']!;
  const { tenant_id: tenantId, agent_id: boundTo } = ctx.state.key;
  const run = RUN_ID.test(id) ? await findRun(pool, tenantId, id) : undefined;
  if (!run) throw new AosError('RUN_NOT_FOUND', `There is no run ${id.slice(0, 100)}.`);
  ctx.state.runId = run.id;
  if (boundTo !== null && run.agent_id !== boundTo) {
    throw keyBoundToAgent(boundTo, `run ${run.id} is not of that agent`);
  }
  return run;
}
