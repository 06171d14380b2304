import { FAILURE_CODES } from '../contracts/failure-codes.ts';
import { isJsonObject } from '../contracts/json.ts';
import type { Json } from '../contracts/json.ts';
import type { PermissionGap } from '../contracts/simulation.ts';
import type { SkillContract } from '../contracts/skill.ts';
import { checkPermissions } from '../domain/plan/check-permissions.ts';
import type { CallingStep, Policy } from '../domain/plan/check-permissions.ts';
import { checkSecrets } from '../domain/plan/check-secrets.ts';
import type { SecretHosts } from '../domain/plan/check-secrets.ts';
import { lackOf } from '../skills/availability.ts';
import type { ReadPlan, ReadStep } from './read-steps.ts';

type Contracts = ReadonlyMap<string, SkillContract>;
type GapCode = PermissionGap['code'];

/** What the agent may not do, and what may not be done with secrets. */
export function forbiddenOf(
  plan: ReadPlan,
  contracts: Contracts,
  policy: Policy,
  secretHosts: SecretHosts | undefined,
): PermissionGap[] {
  const steps = plan.steps.flatMap((step) => callingStepOf(step, contracts));
  const refusals = [
    ...checkPermissions({ steps }, policy, plan.pointer),
    ...checkSecrets({ steps }, secretHosts, plan.pointer),
  ];
  return refusals.map(({ pointer, code, message }) => ({
    step_index: Number(pointer.slice(plan.pointer.length + 1).split('/')[0]),
    pointer,
    code: code as GapCode,
    message,
    fix: FAILURE_CODES[code as GapCode].fix,
  }));
}

/** Parts that the installation lacks. */
export const lackingOf = (plan: ReadPlan, contracts: Contracts): PermissionGap[] =>
  plan.steps.flatMap((step): PermissionGap[] => {
    const contract = contracts.get(step.skill);
    const lack = contract && lackOf(contract);
    if (!lack) return [];
    const pointer = `${step.pointer}/skill`;
    const { code, reason: message, fix } = lack;
    return [{ step_index: step.index, pointer, code: code as GapCode, message, fix }];
  });

/** An unknown skill is a mistake of the plan, and no matter of permission. */
function callingStepOf(
  { index, skill, params, step }: ReadStep,
  contracts: Contracts,
): CallingStep[] {
  const [fallback, compensate] = [step['fallback'], step['compensate']].map((call) =>
    callOf(call, contracts),
  );
  if (!contracts.has(skill)) return [];
  return [
    { index, skill, params, ...(fallback && { fallback }), ...(compensate && { compensate }) },
  ];
}

function callOf(
  call: Json | undefined,
  contracts: Contracts,
): NonNullable<CallingStep['fallback']> | undefined {
  if (!isJsonObject(call)) return undefined;
  const { skill, params } = call;
  const contract = typeof skill === 'string' ? contracts.get(skill) : undefined;
  return (
    contract && {
      skill: contract.id,
      skill_version: contract.version,
      params: isJsonObject(params) ? params : {},
    }
  );
}
