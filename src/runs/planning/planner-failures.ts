import type { FailureCode } from '../../contracts/failure-codes.ts';
import type { Problem } from '../../contracts/failures.ts';
import { PLANNER_PROBLEMS_MAX } from '../../contracts/limits.ts';
import type { SkillContract, SkillFailure } from '../../contracts/skill.ts';
import { clip } from '../../domain/plan/wording.ts';

const MESSAGE_LENGTH_MAX = 1000;

/** What the operator's settings are to blame for: with them as they are, no goal gets a plan. */
const UNAVAILABLE_CODES: ReadonlySet<FailureCode> = new Set([
  'PROVIDER_NOT_CONFIGURED',
  'MODEL_PRICE_UNKNOWN',
  'PARAMS_INVALID',
]);

const unavailable = (why: string): SkillFailure => ({
  code: 'PLANNER_UNAVAILABLE',
  message: `No model can be asked for a plan. ${why}`,
});

export const noProvider = ({ reason, fix }: NonNullable<SkillContract['lacks']>): SkillFailure =>
  unavailable(`${reason} Send a \`plan\`, or have the operator do this: ${fix}`);

export const noSkill = (): SkillFailure => ({
  code: 'PLANNER_FAILED',
  message: 'None of the skills that the plan may use is available here, so there is no plan.',
});

/** A failure of the model as one of the planner. */
export const failureOfModel = (failure: SkillFailure): SkillFailure =>
  UNAVAILABLE_CODES.has(failure.code) ? unavailable(failure.message) : failure;

/** What was made is no plan to run. The first few mistakes go with it. */
export function plannerFailed(problems: readonly Problem[]): SkillFailure & { errors: Problem[] } {
  const { pointer, message } = problems[0]!;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  const what = clip(`${pointer}${pointer === '' ? '' : ': '}${message}`, MESSAGE_LENGTH_MAX);
  return {
    code: 'PLANNER_FAILED',
    message: `The model made no plan that can be run: ${what}${more}`,
    errors: problems.slice(0, PLANNER_PROBLEMS_MAX),
  };
}
