import type { StepRole } from '../../contracts/activities.ts';
import type { ResolvedAlternative, ResolvedStep } from '../../contracts/plan.ts';

/** The skill and params that a step is called with in this role. */
export function callOf(spec: ResolvedStep, role: StepRole): ResolvedAlternative {
  if (role === 'compensate') return spec.compensate!;
  return role === 'fallback' ? spec.fallback! : spec;
}

/** The step whose output flows on: the one dependency, or, for what undoes a step, the step itself. */
export function previousIdOf(spec: ResolvedStep, role: StepRole): string | undefined {
  if (role === 'compensate') return spec.id;
  return spec.depends_on.length === 1 ? spec.depends_on[0] : undefined;
}
