import type { SkillContract } from '../contracts/skill.ts';
import type { Skill } from './skill.ts';

/** The skills of this installation, by their ids. */
export type SkillRegistry = ReadonlyMap<string, Skill>;

export const createRegistry = (skills: readonly Skill[]): SkillRegistry =>
  new Map(skills.map((skill) => [skill.contract.id, skill]));

/** The contracts that plans may name; what is internal is for AOS itself. */
export const contractsOf = (registry: SkillRegistry): ReadonlyMap<string, SkillContract> =>
  new Map(
    [...registry]
      .filter(([, { contract }]) => contract.internal !== true)
      .map(([id, { contract }]) => [id, contract]),
  );
