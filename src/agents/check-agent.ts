import type { JsonObject } from '../contracts/json.ts';
import { AGENT_SKILLS_MAX } from '../contracts/limits.ts';
import { nearest } from '../domain/near-miss.ts';
import type { ProblemCode } from '../domain/plan/problem-codes.ts';
import type { ProblemList } from '../domain/plan/problem-list.ts';
import { didYouMean, quote, quoteSome } from '../domain/plan/wording.ts';
import { contractsOf } from '../skills/registry.ts';
import type { SkillRegistry } from '../skills/registry.ts';

/** Finds the skills of a request that are none: with them an agent could do less than was meant. */
export const checkAllowedSkills =
  (skills: SkillRegistry) =>
  ({ allowed_skills: allowed }: JsonObject, problems: ProblemList<ProblemCode>): void => {
    // A list that is none, or is too long, is the schema's to refuse.
    if (!Array.isArray(allowed) || allowed.length > AGENT_SKILLS_MAX) return;
    const known = [...contractsOf(skills).keys()];
    allowed.forEach((skill, index) => {
      if (typeof skill !== 'string' || skill === '' || known.includes(skill)) return;
      const near = nearest(skill, known);
      const hint =
        near === undefined ? `. The skills are ${quoteSome(known, 30)}.` : didYouMean(near);
      problems.add(
        `/allowed_skills/${index}`,
        'SKILL_NOT_FOUND',
        () => `there is no skill ${quote(skill)}${hint}`,
      );
    });
  };
