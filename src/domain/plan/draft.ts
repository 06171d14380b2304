import type { Plan, Step } from '../../contracts/plan.ts';

/** A step as far as its shape is right: fields that are not have been told and left out. */
export interface DraftStep {
  pointer: string;
  id: string;
  /** The plan names the id itself. */
  hasOwnId: boolean;
  fields: Partial<Step>;
  /** Keys that the plan gives, whether or not their value is right. */
  given: ReadonlySet<string>;
}

export interface DraftPlan {
  pointer: string;
  fields: Partial<Omit<Plan, 'steps'>>;
  steps: DraftStep[];
}
