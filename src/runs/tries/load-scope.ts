import type { StepRole } from '../../contracts/activities.ts';
import type { Json } from '../../contracts/json.ts';
import type { ResolvedStep } from '../../contracts/plan.ts';
import { referencedSteps } from '../../domain/plan/references.ts';
import type { Db } from '../../storage/pool.ts';
import { readRunInput } from '../../storage/runs.ts';
import { listStepIds, readStepValues } from '../../storage/steps.ts';
import type { StepValue } from '../../storage/steps.ts';
import type { CallScope } from './prepare-call.ts';
import { previousIdOf } from './step-calls.ts';

/** A scope that grows as steps end. */
export interface LoadedScope extends CallScope {
  steps: Map<string, { output?: Json; failure?: Json }>;
  answeredBy: Map<string, string>;
}

/** The ids of the steps whose values a step reads; with its compensation's, whose worst case is held with its own. */
export function stepsReadBy(spec: ResolvedStep, stepIds: readonly string[]): string[] {
  const ids = new Set<string>();
  const read = (value: Json, role: StepRole): void => {
    for (const id of referencedSteps(value, stepIds, previousIdOf(spec, role))) ids.add(id);
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

export const createScope = (input: Json, stepIds: readonly string[]): LoadedScope => ({
  input,
  stepIds,
  steps: new Map(),
  answeredBy: new Map(),
});

const parsed = (text: string): Json => JSON.parse(text) as Json;

/** Adds values of finished steps, as they are stored, to what a scope can see. */
export function addValues(scope: LoadedScope, values: readonly StepValue[]): void {
  for (const { id, skill, output, failure } of values) {
    scope.steps.set(id, {
      ...(output !== null && { output: parsed(output) }),
      ...(failure !== null && { failure: parsed(failure) }),
    });
    scope.answeredBy.set(id, skill);
  }
}

/** Reads from Postgres all that the calls of one step may refer to. */
export async function loadScope(db: Db, runId: string, spec: ResolvedStep): Promise<LoadedScope> {
  const text = JSON.stringify(spec);
  // Only the older form `steps[1].result` needs to know the ids by their index.
  const stepIds = text.includes('steps[') ? await listStepIds(db, runId) : [];
  const input = text.includes('input') ? parsed(await readRunInput(db, runId)) : null;
  const scope = createScope(input, stepIds);
  addValues(scope, await readStepValues(db, runId, stepsReadBy(spec, stepIds)));
  return scope;
}
