import type { StepRole } from '../../contracts/activities.ts';
import type { ResolvedAlternative, ResolvedStep } from '../../contracts/plan.ts';

/** The skill and params that a step is called with in this role. */
export function callOf(spec: ResolvedStep, role: StepRole): ResolvedAlternative {
  if (role === 'compensate') return spec.compensate!;
  return role === 'fallback' ? spec.fallback! : spec;
}
