/** The skill of the step that makes a plan from a goal. No client can call it, so it marks that step. */
export const PLAN_GOAL = 'plan_goal';
/** Its id: a plan that is made has no step of this name. */
export const PLAN_STEP_ID = 'plan';

/** What a plan that is made may use. */
export interface PlanWish {
  /** Null allows all skills. */
  allowed_skills: string[] | null;
  /** Null allows all hosts. */
  allowed_hosts: string[] | null;
  /** The only skill, if there is to be only one. */
  force_skill?: string | undefined;
}
