import type { JsonObject } from '../../src/contracts/json.ts';
import type { SkillResult } from '../../src/contracts/skill.ts';
import type { Skill, SkillCall } from '../../src/skills/skill.ts';

/** Calls a skill as a worker does: with params that its schema has parsed. */
export const callSkill = (
  skill: Skill,
  params: JsonObject,
  overrides: Partial<SkillCall> = {},
): Promise<SkillResult> =>
  skill.call({
    params: skill.contract.params.parse(params) as JsonObject,
    tenantId: 'tenant_1',
    effectKey: 'effect_1',
    signal: new AbortController().signal,
    timeoutMs: 10_000,
    ...overrides,
  });

export const failureOf = async (result: Promise<SkillResult>): Promise<string> => {
  const settled = await result;
  return settled.ok ? 'ok' : settled.failure.code;
};
