import type { CauseStep } from '../contracts/run-questions.ts';
import { bareReference } from '../domain/plan/conditions.ts';
import { referencedSteps } from '../domain/plan/references.ts';
import type { StepRowWithSpec } from '../storage/steps.ts';
import { failureFields } from './failure-fields.ts';

/**
 * The steps that a failure came from: the step itself, then those whose values it asked for, and those before it that
 * have not succeeded, each with its own in turn.
 */
export function causesOf(failed: StepRowWithSpec, steps: readonly StepRowWithSpec[]): CauseStep[] {
  const ids = steps.map(({ id }) => id);
  const byId = new Map(steps.map((step) => [step.id, step]));
  const causes = [viewCause(failed, 'itself', failed.id)];
  const seen = new Set([failed.id]);
  // Grows while it is walked.
  const open = [failed];
  for (const step of open) {
    const referenced = new Set(referencesOf(step, ids));
    for (const id of new Set([...referenced, ...step.depends_on])) {
      const before = byId.get(id);
      if (!before || seen.has(id)) continue;
      const isCause = before.status !== 'succeeded';
      const isReferenced = referenced.has(id);
      if (!isCause && !(isReferenced && step === failed)) continue;
      seen.add(id);
      causes.push(viewCause(before, isReferenced ? 'referenced' : 'depends_on', step.id));
      if (isCause) open.push(before);
    }
  }
  return causes;
}

function referencesOf({ spec, depends_on }: StepRowWithSpec, ids: readonly string[]): string[] {
  const previous = depends_on.length === 1 ? depends_on[0] : undefined;
  const taken = spec.previous_into !== undefined && previous !== undefined ? [previous] : [];
  const condition = spec.when ? [`{{${bareReference(spec.when.ref)}}}`] : [];
  const called = spec.fallback ? [spec.fallback.params] : [];
  return [...taken, ...referencedSteps([spec.params, ...called, ...condition], ids, previous)];
}

const viewCause = (
  step: StepRowWithSpec,
  relation: CauseStep['relation'],
  of: string,
): CauseStep => {
  const { code, message } = failureFields(step.failure) ?? {};
  return {
    step_id: step.id,
    relation,
    of,
    skill_id: step.skill,
    status: step.status,
    ...(code !== undefined && { code }),
    ...(message !== undefined && { message }),
  };
};
