import { AosError } from '../../src/contracts/failures.ts';
import { STEP_ID_PATTERN } from '../../src/contracts/plan.ts';
import { viewStepDetail } from '../../src/runs/view-run.ts';
import { readArtifact, readStoredOutput } from '../../src/storage/artifacts.ts';
import { findStep } from '../../src/storage/steps.ts';
import type { StepRowWithSpec } from '../../src/storage/steps.ts';
import { listTries } from '../../src/storage/tries.ts';
import type { ApiDeps } from '../deps.ts';
import type { RUN_ROUTES } from '../../src/contracts/routes/runs.ts';
import type { Handlers } from '../handlers.ts';
import type { AosContext } from '../state.ts';
import { runOf } from '../requests/run-of.ts';

export const createStepHandlers = (
  deps: ApiDeps,
): Handlers<Pick<typeof RUN_ROUTES, 'getStep' | 'getStepOutput'>> => ({
  async getStep(ctx) {
    const { pool } = deps;
    const { runId, step } = await stepOf(ctx, deps);
    const [tries, stored] = await Promise.all([
      listTries(pool, runId, step.id),
      readStoredOutput(pool, runId, step.id),
    ]);
    ctx.body = viewStepDetail(runId, step, tries, stored);
  },

  // The stored JSON text itself, however large.
  async getStepOutput(ctx) {
    const { pool } = deps;
    const { runId, step } = await stepOf(ctx, deps);
    const stored = await readStoredOutput(pool, runId, step.id);
    if (!stored) {
      throw new AosError(
        'OUTPUT_NOT_FOUND',
        `Step ${step.id} is ${step.status}: it has no output.`,
      );
    }
    if (stored.artifact) ctx.set('ETag', `"${stored.artifact.sha256}"`);
    ctx.body = stored.artifact
      ? await readArtifact(pool, runId, stored.artifact.id)
      : (stored.output ?? 'null');
    ctx.type = 'application/json';
  },
});

async function stepOf(
  ctx: AosContext,
  deps: ApiDeps,
): Promise<{ runId: string; step: StepRowWithSpec }> {
  const run = await runOf(ctx, deps);
  const id = ctx.params['step_id']!;
  const step = STEP_ID_PATTERN.test(id) ? await findStep(deps.pool, run.id, id) : undefined;
  if (!step) throw new AosError('STEP_NOT_FOUND', `Run ${run.id} has no step ${id.slice(0, 100)}.`);
  return { runId: run.id, step };
}
