import type { StepRole } from '../../contracts/activities.ts';
import type { Json } from '../../contracts/json.ts';
import type { ResolvedStep } from '../../contracts/plan.ts';
import { referencedSteps } from './references.ts';

/** The step whose output flows on: the one dependency, or, for what undoes a step, the step itself. */
export function previousIdOf(spec: ResolvedStep, role: StepRole): string | undefined {
  if (role === 'compensate') return spec.id;
  return spec.depends_on.length === 1 ? spec.depends_on[0] : undefined;
}

/**
 * The ids of the steps whose values a step reads, or of those alone whose output it reads; with its compensation's,
 * whose worst case is held with its own.
 */
export function stepsReadBy(
  spec: ResolvedStep,
  stepIds: readonly string[],
  what: 'values' | 'outputs' = 'values',
): string[] {
  const ids = new Set<string>();
  const read = (value: Json, role: StepRole): void => {
    for (const id of referencedSteps(value, stepIds, previousIdOf(spec, role), what)) ids.add(id);
  };
  const previousId = previousIdOf(spec, 'main');
  read(spec.params, 'main');
  read(spec.fallback?.params ?? null, 'fallback');
  read(spec.compensate?.params ?? null, 'compensate');
  if (spec.when) read(`{{${spec.when.ref.replaceAll(/[{}]/g, '')}}}`, 'main');
  if ((spec.previous_into ?? spec.fallback?.previous_into) !== undefined && previousId)
    ids.add(previousId);
  if (spec.compensate?.previous_into !== undefined) ids.add(spec.id);
  return [...ids];
}
