import type { z } from 'zod';
import type { AllowedSkills } from '../contracts/question.ts';
import type { SkillContract } from '../contracts/skill.ts';
import { lackOf } from '../skills/availability.ts';
import { contractsOf } from '../skills/registry.ts';
import type { SkillRegistry } from '../skills/registry.ts';
import type { AgentRow } from '../storage/agents.ts';

/** The skills of this installation that the agent may use. */
export const contractsOfAgent = (
  skills: SkillRegistry,
  agent: AgentRow | undefined,
): SkillContract[] => {
  const allowed = agent?.allowed_skills ?? null;
  const all = [...contractsOf(skills).values()];
  return allowed === null ? all : all.filter(({ id }) => allowed.includes(id));
};

/** Those that lack something, and what would make them work. */
export const unavailableOf = (
  contracts: readonly SkillContract[],
): z.infer<typeof AllowedSkills>['unavailable'] =>
  contracts.flatMap((contract) => {
    const lack = lackOf(contract);
    return lack ? [{ skill_id: contract.id, reason: lack.reason, fix: lack.fix }] : [];
  });
