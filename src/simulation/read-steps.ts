import type { Problem } from '../contracts/failures.ts';
import { isJsonObject } from '../contracts/json.ts';
import type { Json, JsonObject } from '../contracts/json.ts';
import { ITERATIONS_MAX, STEPS_PER_PLAN_MAX } from '../contracts/limits.ts';
import { nearest } from '../domain/near-miss.ts';
import { childPointer } from '../domain/plan/pointer.ts';
import { clip, quote } from '../domain/plan/wording.ts';

/** A step as far as a simulation can read it, whatever it was sent as. */
export interface ReadStep {
  index: number;
  pointer: string;
  id: string;
  /** As it was sent; empty when it is no string. */
  skill: string;
  params: JsonObject;
  iterations: number;
  /** Undefined when the step names none. */
  dependsOn: string[] | undefined;
  step: JsonObject;
}

export interface ReadPlan {
  steps: ReadStep[];
  /** The pointer that a step's index follows. */
  pointer: string;
  /** The plan as it is checked: without what only a simulation knows, and with what a run would still have to be given. */
  toCheck: Json;
  problems: Problem[];
  warnings: Problem[];
}

const ITERATIONS = 'iterations';

/** Reads the steps of a plan in either form, as many as a plan may have. */
export function readPlan(plan: Json): ReadPlan {
  const list = (isJsonObject(plan) ? plan['steps'] : plan) as Json[];
  const pointer = isJsonObject(plan) ? '/plan/steps' : '/plan';
  const problems: Problem[] = [];
  const steps = list
    .slice(0, STEPS_PER_PLAN_MAX)
    .map((step, index) => readStep(isJsonObject(step) ? step : {}, index, pointer, problems));
  const checked = list.map((step, index) => toChecked(step, steps[index]));
  return {
    steps,
    pointer,
    toCheck: isJsonObject(plan) ? withKey(plan, 'steps', checked) : checked,
    problems,
    warnings: warningsOf(steps, pointer),
  };
}

function readStep(step: JsonObject, index: number, above: string, problems: Problem[]): ReadStep {
  const { id, skill, params, depends_on: dependsOn } = step;
  const pointer = `${above}/${index}`;
  return {
    index,
    pointer,
    id: typeof id === 'string' ? id : `step_${index}`,
    skill: typeof skill === 'string' ? skill : '',
    params: isJsonObject(params) ? params : {},
    iterations: iterationsOf(step, pointer, problems),
    dependsOn: Array.isArray(dependsOn)
      ? dependsOn.filter((each) => typeof each === 'string')
      : undefined,
    step,
  };
}

function iterationsOf(step: JsonObject, pointer: string, problems: Problem[]): number {
  const misspelt = Object.keys(step).find(
    (key) => key !== ITERATIONS && nearest(key, [ITERATIONS]) !== undefined,
  );
  if (misspelt !== undefined) {
    const message = `unknown key ${quote(misspelt)}, did you mean \`${ITERATIONS}\`?`;
    problems.push({ pointer: childPointer(pointer, misspelt), code: 'UNKNOWN_KEY', message });
  }
  const value = Object.hasOwn(step, ITERATIONS) ? step[ITERATIONS] : 1;
  if (Number.isInteger(value) && Number(value) >= 1 && Number(value) <= ITERATIONS_MAX)
    return Number(value);
  const given = typeof value === 'number' ? value : clip(JSON.stringify(value));
  const message = `\`${ITERATIONS}\` is ${given}; it must be a whole number from 1 to ${ITERATIONS_MAX}.`;
  problems.push({ pointer: `${pointer}/${ITERATIONS}`, code: 'INVALID_TYPE', message });
  return 1;
}

/** A transform's program may be missing still: that is told, but makes no plan infeasible. */
const lacksProgram = ({ skill, params, step }: ReadStep): boolean =>
  skill === 'json_transform' &&
  (step['params'] === undefined || isJsonObject(step['params'])) &&
  !Object.hasOwn(params, 'query') &&
  !Object.hasOwn(params, 'jq');

function toChecked(raw: Json, read: ReadStep | undefined): Json {
  if (!isJsonObject(raw) || read === undefined) return raw;
  const step = Object.fromEntries(Object.entries(raw).filter(([key]) => key !== ITERATIONS));
  return lacksProgram(read) ? withKey(step, 'params', withKey(read.params, 'query', '.')) : step;
}

/** Defines own properties, so a key `__proto__` is a key like any other. */
const withKey = (object: JsonObject, key: string, value: Json): JsonObject =>
  Object.fromEntries([...Object.entries(object).filter(([each]) => each !== key), [key, value]]);

function warningsOf(steps: readonly ReadStep[], pointer: string): Problem[] {
  const warnings = steps.filter(lacksProgram).map((step): Problem => ({
    pointer: `${step.pointer}/params`,
    code: 'PARAMS_INVALID',
    message:
      'the step has no jq program, and a run of it is refused. Give it in `query` or in `jq`.',
  }));
  if (steps.every(({ iterations }) => iterations === 1)) return warnings;
  const message = `\`${ITERATIONS}\` counts for this estimate alone: a run takes each step once.`;
  return [{ pointer, code: 'ITERATIONS_ESTIMATED', message }, ...warnings];
}
