import type { JsonObject } from '../contracts/json.ts';
import type { SkillContract } from '../contracts/skill.ts';
import { mentionsReference } from '../domain/plan/references.ts';
import type { Skill } from '../skills/skill.ts';
import type { ReadStep } from './read-steps.ts';

/** What one call is said to cost, in micro-cents. */
export interface CallEstimate {
  microCents: number;
  /** It can cost no more. */
  isWorstCase: boolean;
}

/** The skill's own worst case when the params are known whole; before that no less than its contract says. */
export function estimateCall(
  { params }: Pick<ReadStep, 'params'>,
  skill: Skill | undefined,
): CallEstimate {
  if (!skill) return { microCents: 0, isWorstCase: false };
  const { contract } = skill;
  const baseMicroCents = contract.cost.base_micro_cents;
  // Without its parts the skill prices nothing, and would call itself free.
  if (contract.lacks) return { microCents: baseMicroCents, isWorstCase: false };
  const worstMicroCents = skill.worstCaseMicroCents(params);
  return isWhole(params, contract)
    ? { microCents: worstMicroCents, isWorstCase: true }
    : { microCents: Math.max(baseMicroCents, worstMicroCents), isWorstCase: false };
}

/** Holds no reference, and passes the schema with what flows in by itself. */
function isWhole(params: JsonObject, { takes_previous: takes, params: schema }: SkillContract) {
  if (mentionsReference(params)) return false;
  const flows = takes && !takes.unless.some((key) => Object.hasOwn(params, key));
  return schema.safeParse(flows ? { ...params, [takes.into]: null } : params).success;
}
