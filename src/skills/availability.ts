import type { Obstacle } from '../contracts/capabilities.ts';
import type { SkillContract } from '../contracts/skill.ts';

/** What the installation lacks for a skill. */
export const lackOf = ({ lacks }: SkillContract): Obstacle | undefined =>
  lacks && { code: 'PROVIDER_NOT_CONFIGURED', reason: lacks.reason, fix: lacks.fix };

/** All that keeps a skill from being used by whom these skills are allowed; null allows all. */
export function obstaclesOf(
  contract: SkillContract,
  allowedSkills: readonly string[] | null,
): Obstacle[] {
  const lack = lackOf(contract);
  const isAllowed = allowedSkills === null || allowedSkills.includes(contract.id);
  if (isAllowed) return lack ? [lack] : [];
  const forbidden = {
    code: 'SKILL_NOT_ALLOWED',
    reason: `The agent may not use ${contract.id}. Its allowed_skills are: ${allowedSkills.join(', ') || 'none'}.`,
    fix: `Have an admin add ${contract.id} to the agent's allowed_skills, or set them to null.`,
  };
  return [forbidden, ...(lack ? [lack] : [])];
}
