import type { Obstacle } from '../contracts/capabilities.ts';
import type { SkillContract } from '../contracts/skill.ts';
import { REACHING_SKILLS } from '../domain/plan/check-permissions.ts';
import type { Policy } from '../domain/plan/check-permissions.ts';

/** What the installation lacks for a skill. */
export const lackOf = ({ lacks }: SkillContract): Obstacle | undefined =>
  lacks && { code: 'PROVIDER_NOT_CONFIGURED', reason: lacks.reason, fix: lacks.fix };

/** All that keeps a skill from being used by whom this is allowed. */
export const obstaclesOf = (
  contract: SkillContract,
  { allowedSkills, allowedHosts }: Policy,
): Obstacle[] =>
  [
    forbiddenSkill(contract.id, allowedSkills),
    noHost(contract.id, allowedHosts),
    lackOf(contract),
  ].filter((obstacle) => obstacle !== undefined);

const forbiddenSkill = (id: string, allowed: Policy['allowedSkills']): Obstacle | undefined =>
  allowed === null || allowed.includes(id)
    ? undefined
    : {
        code: 'SKILL_NOT_ALLOWED',
        reason: `The agent may not use ${id}. Its allowed_skills are: ${allowed.join(', ') || 'none'}.`,
        fix: `Have an admin add ${id} to the agent's allowed_skills, or set them to null.`,
      };

const noHost = (id: string, allowed: Policy['allowedHosts']): Obstacle | undefined =>
  allowed?.length === 0 && REACHING_SKILLS.has(id)
    ? {
        code: 'HOST_NOT_ALLOWED',
        reason: `The agent may reach no host, which ${id} has to. Its allowed_hosts are: none.`,
        fix: "Have an admin add the host to the agent's allowed_hosts, or set them to null.",
      }
    : undefined;
