import { AosError } from '../../src/contracts/failures.ts';
import { STEP_ID_PATTERN } from '../../src/contracts/plan.ts';
import { mayAct } from '../../src/contracts/roles.ts';
import { sealedOtherwise } from '../../src/runs/failures.ts';
import { openOutput } from '../../src/runs/outputs.ts';
import { viewStepDetail } from '../../src/runs/view-run.ts';
import { readArtifact, readSealedOutput, readStoredOutput } from '../../src/storage/artifacts.ts';
import { recordChange } from '../../src/storage/audit-entries.ts';
import { findStep } from '../../src/storage/steps.ts';
import type { StepRow, StepRowWithSpec } from '../../src/storage/steps.ts';
import { listTries } from '../../src/storage/tries.ts';
import type { ApiDeps } from '../deps.ts';
import type { RUN_ROUTES } from '../../src/contracts/routes/runs.ts';
import type { Handlers } from '../handlers.ts';
import type { AosContext } from '../state.ts';
import { actorOf } from '../requests/actor-of.ts';
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
    if (step.sensitive) {
      ctx.body = await readSensitiveOutput(ctx, deps, runId, step);
      ctx.type = 'application/json';
      return;
    }
    const stored = await readStoredOutput(pool, runId, step.id);
    if (!stored) throw noOutput(step);
    if (stored.artifact) ctx.set('ETag', `"${stored.artifact.sha256}"`);
    ctx.body = stored.artifact
      ? await readArtifact(pool, runId, stored.artifact.id)
      : (stored.output ?? 'null');
    ctx.type = 'application/json';
  },
});

const noOutput = ({ id, status }: StepRow): AosError =>
  new AosError('OUTPUT_NOT_FOUND', `Step ${id} is ${status}: it has no output.`);

/** The value of a sensitive step, for those who may have it; that they had it is recorded before they get it. */
async function readSensitiveOutput(
  ctx: AosContext,
  { pool, cipher }: ApiDeps,
  runId: string,
  step: StepRow,
): Promise<string> {
  if (!mayAct(ctx.state.key.role, 'operator')) {
    throw new AosError(
      'OUTPUT_SENSITIVE',
      `Step ${step.id} is sensitive: its output is given to operators and admins alone.`,
    );
  }
  const sealed = await readSealedOutput(pool, runId, step.id);
  if (!sealed) throw noOutput(step);
  const text = openOutput(cipher, runId, step.id, sealed);
  if (text === undefined) throw new AosError('SECRETS_KEY_WRONG', sealedOtherwise(step.id));
  await recordChange(pool, actorOf(ctx), {
    operation: 'getStepOutput',
    subject: runId,
    detail: { step_id: step.id, read: 'sensitive output' },
  });
  ctx.set('Cache-Control', 'no-store');
  return text;
}

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
