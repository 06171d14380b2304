import { PLAN_GOAL } from '../../contracts/planner.ts';

const isGoalStep = ({ skill }: { skill: string }): boolean => skill === PLAN_GOAL;

/** Whether the run has a goal whose plan is not taken over yet: then the step that makes it is the only one. */
export const awaitsPlan = (steps: readonly { skill: string }[]): boolean =>
  steps.length === 1 && steps.every(isGoalStep);

/** The steps of the plan itself, without the one that made it: what `steps[N]` counts. */
export const stepsOfPlan = <S extends { skill: string }>(steps: readonly S[]): S[] =>
  steps.filter((step) => !isGoalStep(step));
