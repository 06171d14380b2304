import { centsFromMicroCents } from '../contracts/money.ts';
import type { ResolvedAlternative, ResolvedPlan, ResolvedStep } from '../contracts/plan.ts';
import type { StepWorstCase, Validation } from '../contracts/validation.ts';
import { estimateCall } from '../simulation/estimate-step.ts';
import type { CallEstimate } from '../simulation/estimate-step.ts';
import type { SkillRegistry } from '../skills/registry.ts';

/** What a plan can cost at most, when every try of every call costs its worst. */
export function worstCaseOf(
  skills: SkillRegistry,
  { steps }: ResolvedPlan,
): NonNullable<Validation['worst_case']> {
  const cases = steps.map((step) => worstCaseOfStep(skills, step));
  return {
    cost_cents: centsFromMicroCents(cases.reduce((sum, { microCents }) => sum + microCents, 0)),
    is_complete: cases.every(({ view }) => view.is_complete),
    steps: cases.map(({ view }) => view),
  };
}

function worstCaseOfStep(
  skills: SkillRegistry,
  step: ResolvedStep,
): { microCents: number; view: StepWorstCase } {
  const { policy, fallback, compensate } = step;
  const estimate = (call: Pick<ResolvedAlternative, 'skill' | 'params'>): CallEstimate =>
    estimateCall(call, skills.get(call.skill));
  const own = estimate(step);
  const calls = [
    { call: own, tries: policy.max_attempts },
    ...(fallback ? [{ call: estimate(fallback), tries: policy.fallback_max_attempts ?? 1 }] : []),
    ...(compensate
      ? [{ call: estimate(compensate), tries: policy.compensate_max_attempts ?? 1 }]
      : []),
  ];
  const microCents = calls.reduce((sum, { call, tries }) => sum + call.microCents * tries, 0);
  return {
    microCents,
    view: {
      step_id: step.id,
      step_index: step.index,
      skill: step.skill,
      call_cents: centsFromMicroCents(own.microCents),
      tries_max: policy.max_attempts,
      cost_cents: centsFromMicroCents(microCents),
      is_complete: calls.every(({ call }) => call.isWorstCase),
    },
  };
}
