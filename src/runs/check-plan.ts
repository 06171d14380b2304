import { z } from 'zod';
import type { Problem } from '../contracts/failures.ts';
import { isJsonObject } from '../contracts/json.ts';
import type { Json, JsonObject } from '../contracts/json.ts';
import { STEPS_PER_PLAN_MAX, STEP_ID_LENGTH_MAX } from '../contracts/limits.ts';
import { Condition, Plan, RetryWish, STEP_ID_PATTERN, Step } from '../contracts/plan.ts';
import type { ResolvedPlan } from '../contracts/plan.ts';
import type { SkillContract } from '../contracts/skill.ts';
import type { DraftPlan, DraftStep } from '../domain/plan/draft.ts';
import { keepKnown } from '../domain/plan/known-keys.ts';
import type { Findings } from '../domain/plan/known-keys.ts';
import { parseFields } from '../domain/plan/parse-fields.ts';
import { isWithinBounds, refuseNulCharacters } from '../domain/plan/plan-bounds.ts';
import { createProblemList, createWarningList } from '../domain/plan/problem-list.ts';
import { resolvePlan } from '../domain/plan/resolve-plan.ts';
import { quote } from '../domain/plan/wording.ts';

export type CheckedPlan =
  | { ok: true; plan: ResolvedPlan; warnings: Problem[] }
  | { ok: false; problems: Problem[]; warnings: Problem[] };

// The bounds have shown that the plan is JSON: to check that again would walk every param, and copy it.
const Params = z.custom<JsonObject>(isJsonObject, 'must be an object').default({});
const Alternative = Step.shape.fallback.unwrap().extend({ params: Params });
const When = Condition.extend({ value: z.unknown().optional() });

const STEP_SHAPE = {
  ...Step.shape,
  params: Params,
  // The length is checked first: a long list of mistakes is one mistake.
  depends_on: z.array(z.unknown()).max(STEPS_PER_PLAN_MAX).pipe(z.array(z.string())).optional(),
  when: When.optional(),
  fallback: Alternative.optional(),
  compensate: Alternative.optional(),
};

/** Keys of the objects inside a step. */
const INNER_KEYS: Record<string, readonly string[]> = {
  retry: Object.keys(RetryWish.shape),
  when: Object.keys(When.shape),
  fallback: Object.keys(Alternative.shape),
  compensate: Object.keys(Alternative.shape),
};

function keepKnownInside(entries: JsonObject, pointer: string, findings: Findings): JsonObject {
  const kept = Object.entries(entries).map(([key, value]): [string, Json] => {
    const keys = INNER_KEYS[key];
    if (!keys || !isJsonObject(value)) return [key, value];
    return [key, keepKnown(value, keys, `${pointer}/${key}`, quote(key), findings).entries];
  });
  return Object.fromEntries(kept);
}

/** What a later version does of itself: passed over, a plan would run without the approval it asks for. */
const LATER_KEYS: ReadonlySet<string> = new Set(['ask', 'approve', 'wait']);

function setLaterKeysApart(step: JsonObject): { now: JsonObject; later: string[] } {
  const entries = Object.entries(step);
  return {
    now: Object.fromEntries(entries.filter(([key]) => !LATER_KEYS.has(key))),
    later: entries.map(([key]) => key).filter((key) => LATER_KEYS.has(key)),
  };
}

function draftStep(raw: Json, index: number, pointer: string, findings: Findings): DraftStep {
  const { problems } = findings;
  const id = `step_${index}`;
  if (!isJsonObject(raw)) {
    problems.add(
      pointer,
      'INVALID_TYPE',
      () => 'a step is an object: `{"skill": "…", "params": {…}}`.',
    );
    return { pointer, id, hasOwnId: false, fields: {}, given: new Set() };
  }
  const { now, later } = setLaterKeysApart(raw);
  for (const key of later) {
    const message = `${quote(key)} is not available in this version. Remove it.`;
    problems.add(`${pointer}/${key}`, 'NOT_AVAILABLE_YET', () => message);
  }
  const known = keepKnown(now, Object.keys(STEP_SHAPE), pointer, 'a step', findings);
  const entries = keepKnownInside(known.entries, pointer, findings);
  // A step that is to wait or to be approved needs no skill: that it has none is no second problem.
  const meant = later.length > 0 ? new Set([...known.meant, 'skill']) : known.meant;
  const fields: Partial<Step> = parseFields(entries, STEP_SHAPE, pointer, meant, findings);
  if (fields.id !== undefined && !STEP_ID_PATTERN.test(fields.id)) {
    problems.add(
      `${pointer}/id`,
      'STEP_ID_INVALID',
      () =>
        `${quote(fields.id ?? '')} is no valid id: a letter, then up to ${STEP_ID_LENGTH_MAX - 1} letters, digits, \`_\` or \`-\`.`,
    );
  }
  const given = new Set(Object.keys(entries));
  return { pointer, id: fields.id ?? id, hasOwnId: fields.id !== undefined, fields, given };
}

function draftSteps(list: Json[], pointer: string, findings: Findings): DraftStep[] {
  const { problems } = findings;
  if (list.length === 0) {
    problems.add(pointer, 'NO_STEPS', () => 'the plan has no steps. Give it at least one.');
  }
  if (list.length > STEPS_PER_PLAN_MAX) {
    problems.add(
      pointer,
      'TOO_MANY_STEPS',
      () =>
        `the plan has ${list.length} steps; at most ${STEPS_PER_PLAN_MAX} are allowed. Split it into several runs.`,
    );
    return [];
  }
  return list.map((step, index) => draftStep(step, index, `${pointer}/${index}`, findings));
}

function draftPlan(raw: Json, pointer: string, findings: Findings): DraftPlan {
  if (Array.isArray(raw)) return { pointer, fields: {}, steps: draftSteps(raw, pointer, findings) };
  if (!isJsonObject(raw)) {
    findings.problems.add(
      pointer,
      'INVALID_TYPE',
      () => 'a plan is a list of steps, or an object with `steps`.',
    );
    return { pointer, fields: {}, steps: [] };
  }
  const { steps: stepsShape, ...shape } = Plan.shape;
  const { entries, meant } = keepKnown(raw, Object.keys(Plan.shape), pointer, 'a plan', findings);
  const { steps, ...rest } = entries;
  const fields = parseFields(rest, shape, pointer, meant, findings);
  if (Array.isArray(steps))
    return { pointer, fields, steps: draftSteps(steps, `${pointer}/steps`, findings) };
  parseFields(
    { ...(steps !== undefined && { steps }) },
    { steps: stepsShape },
    pointer,
    meant,
    findings,
  );
  return { pointer, fields, steps: [] };
}

/** Checks a plan in either of its forms and tells all its problems at once; what it returns is ready to be stored. */
export function checkPlan(
  raw: unknown,
  skills: ReadonlyMap<string, SkillContract>,
  pointer = '/plan',
): CheckedPlan {
  const findings: Findings = { problems: createProblemList(), warnings: createWarningList() };
  const { problems, warnings } = findings;
  if (!isWithinBounds(raw, pointer, findings)) {
    return { ok: false, problems: problems.toProblems(), warnings: [] };
  }
  refuseNulCharacters(raw, pointer, findings);
  const plan = resolvePlan(draftPlan(raw, pointer, findings), skills, findings);
  if (problems.isEmpty()) return { ok: true, plan, warnings: warnings.toProblems() };
  return { ok: false, problems: problems.toProblems(), warnings: warnings.toProblems() };
}
