import type { Json } from '../../contracts/json.ts';
import type { ResolvedStep } from '../../contracts/plan.ts';
import { referencedSteps } from '../../domain/plan/references.ts';
import type { Db } from '../../storage/pool.ts';
import { readRunInput } from '../../storage/runs.ts';
import { listStepIds, readStepValues } from '../../storage/steps.ts';
import type { StepValue } from '../../storage/steps.ts';
import type { CallScope } from './prepare-call.ts';

/** A scope that grows as steps end. */
export interface LoadedScope extends CallScope {
  steps: Map<string, { output?: Json; failure?: Json }>;
  answeredBy: Map<string, string>;
}

/** The ids of the steps whose values a step reads. */
export function stepsReadBy(spec: ResolvedStep, stepIds: readonly string[]): string[] {
  const previousId = spec.depends_on.length === 1 ? spec.depends_on[0] : undefined;
  const values: Json[] = [spec.params, spec.fallback?.params ?? null];
  if (spec.when) values.push(`{{${spec.when.ref.replaceAll(/[{}]/g, '')}}}`);
  const ids = new Set(values.flatMap((value) => referencedSteps(value, stepIds, previousId)));
  if ((spec.previous_into ?? spec.fallback?.previous_into) !== undefined && previousId)
    ids.add(previousId);
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

/** Reads from Postgres all that one step's params may refer to. */
export async function loadScope(db: Db, runId: string, spec: ResolvedStep): Promise<CallScope> {
  const stepIds = await listStepIds(db, runId);
  const scope = createScope(parsed(await readRunInput(db, runId)), stepIds);
  addValues(scope, await readStepValues(db, runId, stepsReadBy(spec, stepIds)));
  return spec.depends_on.length === 1 ? { ...scope, previousId: spec.depends_on[0]! } : scope;
}
