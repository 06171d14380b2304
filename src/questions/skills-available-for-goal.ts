import { z } from 'zod';
import type { Problem } from '../contracts/failures.ts';
import { GOAL_LENGTH_MAX } from '../contracts/limits.ts';
import type { SkillsForGoal } from '../contracts/question.ts';
import { rankByWords } from '../domain/word-match.ts';
import { contractsOfAgent, unavailableOf } from './agent-skills.ts';
import type { Question } from './question.ts';

const Params = z.object({ goal: z.string().max(GOAL_LENGTH_MAX).default('') });

const NO_GOAL: Problem = {
  pointer: '/params/goal',
  code: 'INVALID_TYPE',
  message: 'there is no goal, so the skills are in no order of it.',
};

/** Which skills may serve a goal: those that may and can be used, ranked by the words of their names and descriptions. */
export const skillsAvailableForGoal: Question<typeof Params> = {
  params: Params,
  answer({ skills }, { agent, warnings }, { goal }) {
    const allowed = contractsOfAgent(skills, agent);
    const ranked = rankByWords(
      goal,
      allowed
        .filter(({ lacks }) => lacks === undefined)
        .map(({ id, name, description }) => ({ id, title: `${id} ${name}`, text: description })),
    );
    const result: z.infer<typeof SkillsForGoal> = {
      goal,
      skills: ranked.map(({ id }) => id),
      basis: 'word_match',
      ranking: ranked.map(({ id, score, matched }) => ({ skill_id: id, score, matched })),
      unavailable: unavailableOf(allowed),
      warnings: goal.trim() === '' ? [...warnings, NO_GOAL] : warnings,
    };
    return result;
  },
};
