import type { SkillContract } from '../../contracts/skill.ts';
import type { Ancestors } from './graph.ts';
import type { Findings } from './known-keys.ts';

/** What the check of one step knows about the whole plan. */
export interface PlanContext extends Findings {
  contracts: ReadonlyMap<string, SkillContract>;
  ids: readonly string[];
  indexOf: ReadonlyMap<string, number>;
  ancestors: Ancestors;
}

/** Where one step stands among the others. */
export interface StepPlace {
  index: number;
  dependencies: readonly number[];
  /** Part of its `depends_on` was refused, so its number of dependencies says nothing. */
  isUncertain: boolean;
  /** The call comes after the step itself, as a compensation does. */
  readsItself?: boolean;
}
