import { refuseOtherAgent } from '../../src/agents/bound-agent.ts';
import { AosError } from '../../src/contracts/failures.ts';
import { RUN_ID } from '../../src/contracts/ids.ts';
import type { Db } from '../../src/storage/pool.ts';
import { findRun } from '../../src/storage/runs.ts';
import type { RunRow } from '../../src/storage/runs.ts';
import type { WrittenRun, WrittenRuns } from '../../src/runs/written-runs.ts';
import { findWholeRun } from '../../src/storage/whole-runs.ts';
import type { WholeRun } from '../../src/storage/whole-runs.ts';
import type { ApiDeps } from '../deps.ts';
import type { AosContext } from '../state.ts';

/**
 * The run that the path names, if it belongs to the tenant of the key and the key may act for its agent.
 * Errors: RUN_NOT_FOUND, KEY_BOUND_TO_AGENT.
 */
export const runOf = (ctx: AosContext, deps: ApiDeps): Promise<RunRow> =>
  seenRun(ctx, deps, findRun);

/** The same with its steps and output. */
export const wholeRunOf = (ctx: AosContext, deps: ApiDeps): Promise<WholeRun> =>
  seenRun(ctx, deps, findWholeRun);

/** The same as it was written before, of a run that has ended and is still as it was; undefined for all others. */
export async function writtenRunOf(
  ctx: AosContext,
  writtenRuns: WrittenRuns,
): Promise<WrittenRun | undefined> {
  const run = await writtenRuns.find(ctx.state.key.tenant_id, ctx.params['run_id']!);
  if (run) noteRun(ctx, run);
  return run;
}

async function seenRun<Row extends RunRow>(
  ctx: AosContext,
  { pool }: ApiDeps,
  find: (db: Db, tenantId: string, id: string) => Promise<Row | undefined>,
): Promise<Row> {
  const id = ctx.params['run_id']!;
  const { key } = ctx.state;
  const run = RUN_ID.test(id) ? await find(pool, key.tenant_id, id) : undefined;
  if (!run) throw new AosError('RUN_NOT_FOUND', `There is no run ${id.slice(0, 100)}.`);
  noteRun(ctx, run);
  return run;
}

function noteRun({ state }: AosContext, run: Pick<RunRow, 'id' | 'agent_id'>): void {
  state.runId = run.id;
  refuseOtherAgent(state.key, run.agent_id, `run ${run.id} is not of that agent`);
}
