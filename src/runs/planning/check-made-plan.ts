import type { Problem } from '../../contracts/failures.ts';
import { isJsonObject } from '../../contracts/json.ts';
import type { Json, JsonObject } from '../../contracts/json.ts';
import type { PlanWish } from '../../contracts/planner.ts';
import { PLAN_STEP_ID } from '../../contracts/planner.ts';
import type { SkillContract } from '../../contracts/skill.ts';
import { stepsPointer } from '../../domain/plan/pointer.ts';
import { checkPermissions, problemOf } from '../../domain/plan/check-permissions.ts';
import { quote, quoteSome } from '../../domain/plan/wording.ts';
import { checkPlan } from '../check-plan.ts';
import type { CheckedPlan } from '../check-plan.ts';

export type Contracts = ReadonlyMap<string, SkillContract>;

/** Why a skill that there is may not be used in a plan that is made; undefined when it may. */
function refusalOf(
  { id, lacks }: SkillContract,
  { allowed_skills: allowed, force_skill: forced }: PlanWish,
): string | undefined {
  if (forced !== undefined && id !== forced)
    return `the plan may use ${quote(forced)} alone, not ${quote(id)}.`;
  if (allowed !== null && !allowed.includes(id)) {
    const may = allowed.length === 0 ? 'none' : quoteSome(allowed, 30);
    return `the agent may not use ${quote(id)}; it may use ${may}.`;
  }
  return lacks && `${quote(id)} is not available here: ${lacks.reason}`;
}

/** The contracts of the skills that a plan may be made of. */
export const usableContracts = (contracts: Contracts, wish: PlanWish): Contracts =>
  new Map([...contracts].filter(([, contract]) => refusalOf(contract, wish) === undefined));

/** Checks a plan that a model has made: as any plan, and by what it may use. Tells all its problems at once. */
export function checkMadePlan(
  raw: Json,
  contracts: Contracts,
  wish: PlanWish,
  pointer = '',
): CheckedPlan {
  const checked = checkPlan(raw, usableContracts(contracts, wish), pointer);
  const at = stepsPointer(pointer, raw);
  const hosts = { allowedSkills: null, allowedHosts: wish.allowed_hosts };
  const refusals = [
    ...refusalsOf(raw, contracts, wish, at),
    ...(checked.ok ? checkPermissions(checked.plan, hosts, at).map(problemOf) : []),
  ];
  if (checked.ok && refusals.length === 0) return checked;
  const told = new Set(refusals.map((refusal) => refusal.pointer));
  const others = checked.ok ? [] : checked.problems.filter((problem) => !told.has(problem.pointer));
  return { ok: false, problems: [...refusals, ...others], warnings: checked.warnings };
}

/** What is against the wish, as far as the plan's shape lets it be seen; what is not seen is no plan to the check. */
function refusalsOf(raw: Json, contracts: Contracts, wish: PlanWish, pointer: string): Problem[] {
  const steps = isJsonObject(raw) ? raw['steps'] : raw;
  if (!Array.isArray(steps)) return [];
  return steps.flatMap((step, index) => {
    const at = `${pointer}/${index}`;
    if (!isJsonObject(step)) return [];
    const refusals = callsOf(step).flatMap(({ place, skill }): Problem[] => {
      const contract = contracts.get(skill);
      const message = contract && refusalOf(contract, wish);
      return message === undefined
        ? []
        : [{ pointer: `${at}${place}/skill`, code: 'SKILL_NOT_ALLOWED', message }];
    });
    if (step['id'] !== PLAN_STEP_ID) return refusals;
    const message = `\`${PLAN_STEP_ID}\` is the step that made this plan. Choose another id.`;
    return [{ pointer: `${at}/id`, code: 'DUPLICATE_STEP_ID', message }, ...refusals];
  });
}

/** The skills that a step calls, and where it does. */
const callsOf = (step: JsonObject): { place: string; skill: string }[] =>
  ['', '/fallback', '/compensate'].flatMap((place) => {
    const call = place === '' ? step : step[place.slice(1)];
    const skill = isJsonObject(call) ? call['skill'] : undefined;
    return typeof skill === 'string' ? [{ place, skill }] : [];
  });
