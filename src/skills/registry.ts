import type { SkillContract } from '../contracts/skill.ts';
import type { Skill } from './skill.ts';

/** The skills of this installation, by their ids. */
export type SkillRegistry = ReadonlyMap<string, Skill>;

export const createRegistry = (skills: readonly Skill[]): SkillRegistry =>
  new Map(skills.map((skill) => [skill.contract.id, skill]));

export const contractsOf = (registry: SkillRegistry): ReadonlyMap<string, SkillContract> =>
  new Map([...registry].map(([id, skill]) => [id, skill.contract]));
