import { z } from 'zod';
import type { AllowedSkills } from '../contracts/question.ts';
import { contractsOfAgent, unavailableOf } from './agent-skills.ts';
import type { Question } from './question.ts';

const NoParams = z.object({});

/** Which skills a plan may use. */
export const allowedSkills: Question<typeof NoParams> = {
  params: NoParams,
  answer({ skills }, { agent, warnings }) {
    const contracts = contractsOfAgent(skills, agent);
    const result: z.infer<typeof AllowedSkills> = {
      skills: contracts.map(({ id }) => id),
      count: contracts.length,
      unavailable: unavailableOf(contracts),
      warnings,
    };
    return result;
  },
};
