import type { SkeletonStep, StepStatus } from '../contracts/activities.ts';

export const isDone = (status: StepStatus | undefined): boolean =>
  status === 'succeeded' || status === 'skipped';

/** The pending steps whose dependencies have all succeeded or were skipped, in the order of the plan. */
export function readySteps<S extends Pick<SkeletonStep, 'id' | 'depends_on'>>(
  steps: readonly S[],
  statusOf: (id: string) => StepStatus,
): S[] {
  return steps.filter(
    (step) =>
      statusOf(step.id) === 'pending' && step.depends_on.every((id) => isDone(statusOf(id))),
  );
}
