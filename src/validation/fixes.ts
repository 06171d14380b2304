import { FAILURE_CODES } from '../contracts/failure-codes.ts';
import type { FailureCode } from '../contracts/failure-codes.ts';
import type { Problem } from '../contracts/failures.ts';
import { STEPS_PER_PLAN_MAX, STEP_ID_LENGTH_MAX } from '../contracts/limits.ts';
import type { FixableProblem } from '../contracts/validation.ts';
import type { ProblemCode } from '../domain/plan/problem-codes.ts';
import { quote } from '../domain/plan/wording.ts';

/** What to do where no word is known that was meant. */
const FIXES: Readonly<
  Record<
    Exclude<
      ProblemCode,
      'SKILL_NOT_ALLOWED' | 'HOST_NOT_ALLOWED' | 'SECRET_NOT_FOUND' | 'SECRET_HOST_NOT_ALLOWED'
    >,
    string
  >
> = {
  INVALID_TYPE: 'Write a value of the type and range that the message names.',
  UNKNOWN_KEY: 'Remove the key, or write the one that was meant.',
  DUPLICATE_STEP_ID: 'Give every step an id of its own.',
  STEP_ID_INVALID: `Write a letter, then up to ${STEP_ID_LENGTH_MAX - 1} letters, digits, \`_\` or \`-\`.`,
  SKILL_NOT_FOUND: 'Use one of the skills of GET /api/v1/runtime/skills.',
  PARAMS_INVALID: "Write what the skill's `params_schema` takes: GET /api/v1/runtime/skills/{id}.",
  UNKNOWN_DEPENDENCY: 'Name the id of a step of this plan.',
  CYCLE: 'Take out one of the dependencies of the circle.',
  REFERENCE_INVALID:
    'Write `{{steps.ID.output}}`, `{{input}}` or `{{previous.output}}`, with `.name` and `[n]` behind it.',
  REFERENCE_UNKNOWN_STEP: 'Refer to the id of a step of this plan.',
  REFERENCE_NOT_BEFORE: 'Add the step that is read to the `depends_on` of this one.',
  PREVIOUS_AMBIGUOUS: 'Name the step whose output is meant: `{{steps.ID.output}}`.',
  SECRET_MISPLACED: 'Use the secret in `headers`, `query` or `body` of an `http_call`.',
  NOT_AVAILABLE_YET: 'Leave it out: this version does not have it.',
  TOO_DEEP: 'Nest the plan less deep.',
  TOO_LARGE: 'Let a step fetch the large data, or pass them as `input`.',
  TOO_MANY_STEPS: `Split the plan into runs of at most ${STEPS_PER_PLAN_MAX} steps.`,
  NO_STEPS: 'Give the plan at least one step.',
  NUL_CHARACTER: 'Take the character U+0000 out.',
  DEADLINE_INVALID: 'Write a time within the limit that the message names.',
  MORE_PROBLEMS: 'Correct the problems that are listed, and validate again.',
};

/** A problem with what to do about it. */
export function withFix(problem: Problem): FixableProblem {
  const { code, did_you_mean: meant } = problem;
  return { ...problem, fix: meant === undefined ? fixOf(code) : `Write ${quote(meant)}.` };
}

function fixOf(code: string): string {
  if (Object.hasOwn(FIXES, code)) return FIXES[code as keyof typeof FIXES];
  return FAILURE_CODES[code as FailureCode].fix;
}
