import type { SkeletonStep } from '../contracts/activities.ts';
import type { StepRowWithSpec } from '../storage/steps.ts';

/** What a workflow is told of a step. */
export const skeletonOf = ({
  id,
  skill,
  inline,
  depends_on,
  spec,
}: StepRowWithSpec): SkeletonStep => ({
  id,
  skill,
  inline,
  depends_on,
  policy: spec.policy,
  ...(spec.compensate && { compensates: true }),
});
