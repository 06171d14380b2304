import { z } from 'zod';
import { FAILURE_CODES } from '../contracts/failure-codes.ts';
import type { Failure } from '../contracts/failures.ts';
import { ID_LENGTH_MAX } from '../contracts/limits.ts';
import type { WhyStepFailed } from '../contracts/run-questions.ts';
import { text } from '../contracts/text.ts';
import { quote } from '../domain/plan/wording.ts';
import { parseFailure } from '../runs/failures.ts';
import { viewStep, viewTry } from '../runs/view-run.ts';
import { findNewestFailedRun } from '../storage/attempts.ts';
import { listStepsWithSpec } from '../storage/steps.ts';
import type { StepRowWithSpec } from '../storage/steps.ts';
import { listTries } from '../storage/tries.ts';
import { causesOf } from './causes.ts';
import type { Question } from './question.ts';

const Params = z.object({ step_id: text(ID_LENGTH_MAX).min(1).optional() });

/** Why a step failed: the one that is named, else the one that ended the run, or the newest failed run. */
export const whyDidStepFail: Question<typeof Params> = {
  params: Params,
  async answer({ pool }, { key, run: named, runs, warnings: told }, { step_id: stepId }) {
    const run = named ?? (runs && (await findNewestFailedRun(pool, key.tenant_id, runs)));
    const steps = run ? await listStepsWithSpec(pool, run.id) : [];
    const ended = run?.failure == null ? null : parseFailure(run.failure);
    const step =
      stepId === undefined ? stepThatEnded(steps, ended) : steps.find(({ id }) => id === stepId);
    const warnings = [...told];
    if (stepId !== undefined && run && !step) {
      const message = `run ${run.id} has no step ${quote(stepId)}.`;
      warnings.push({ pointer: '/params/step_id', code: 'STEP_NOT_FOUND', message });
    }
    const tries = run && step ? await listTries(pool, run.id, step.id) : [];
    const own = step?.failure == null ? null : parseFailure(step.failure);
    const failure = own ?? (stepId === undefined ? ended : null);
    const result: z.infer<typeof WhyStepFailed> = {
      run_id: run?.id ?? null,
      run_status: run?.status ?? null,
      step: step ? viewStep(step) : null,
      failure,
      tries: tries.map(viewTry),
      causes: step && failure ? causesOf(step, steps) : [],
      recommended: failure && recommendedFor(failure),
      warnings,
    };
    return result;
  },
};

/** The step that the run's failure names, else the first that has failed. */
const stepThatEnded = (
  steps: readonly StepRowWithSpec[],
  failure: Failure | null,
): StepRowWithSpec | undefined =>
  steps.find(({ id }) => id === failure?.step_id) ??
  steps.find(({ status, failure: own }) => status === 'failed' && own !== null);

function recommendedFor({ code, type }: Failure): z.infer<typeof WhyStepFailed>['recommended'] {
  const { title, category, retryable, meaning, action, fix } = FAILURE_CODES[code];
  return { code, title, category, retryable, meaning, action, fix, page: type };
}
