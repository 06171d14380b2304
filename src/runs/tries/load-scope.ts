import type { Json } from '../../contracts/json.ts';
import type { ResolvedStep } from '../../contracts/plan.ts';
import { stepsReadBy } from '../../domain/plan/reads.ts';
import type { Cipher } from '../../secrets/cipher.ts';
import type { Db } from '../../storage/pool.ts';
import { readRunInput } from '../../storage/runs.ts';
import { listStepIds, readStepValues } from '../../storage/steps.ts';
import type { StepValue } from '../../storage/steps.ts';
import { openOutput } from '../outputs.ts';
import type { CallScope } from './prepare-call.ts';

/** A scope that grows as steps end. */
export interface LoadedScope extends CallScope {
  steps: Map<string, { output?: Json; failure?: Json }>;
  answeredBy: Map<string, string>;
  unopened: Set<string>;
}

export const createScope = (input: Json, stepIds: readonly string[]): LoadedScope => ({
  input,
  stepIds,
  steps: new Map(),
  answeredBy: new Map(),
  unopened: new Set(),
});

const parsed = (text: string): Json => JSON.parse(text) as Json;

/** Adds values of finished steps, as they are stored, to what a scope can see. */
export function addValues(
  scope: LoadedScope,
  cipher: Cipher,
  runId: string,
  values: readonly StepValue[],
): void {
  for (const { id, skill, output, sealed, failure } of values) {
    const text = sealed === null ? output : (openOutput(cipher, runId, id, sealed) ?? null);
    if (sealed !== null && text === null) scope.unopened.add(id);
    scope.steps.set(id, {
      ...(text !== null && { output: parsed(text) }),
      ...(failure !== null && { failure: parsed(failure) }),
    });
    scope.answeredBy.set(id, skill);
  }
}

/** Reads from Postgres all that the calls of one step may refer to. */
export async function loadScope(
  db: Db,
  cipher: Cipher,
  runId: string,
  spec: ResolvedStep,
): Promise<LoadedScope> {
  const text = JSON.stringify(spec);
  // Only the older form `steps[1].result` needs to know the ids by their index.
  const stepIds = text.includes('steps[') ? await listStepIds(db, runId) : [];
  const input = text.includes('input') ? parsed(await readRunInput(db, runId)) : null;
  const scope = createScope(input, stepIds);
  const values = await readStepValues(db, runId, stepsReadBy(spec, stepIds));
  addValues(scope, cipher, runId, values);
  return scope;
}
