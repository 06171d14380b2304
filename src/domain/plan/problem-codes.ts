/** What can be wrong with a plan, so that it is refused. */
export const PROBLEM_CODES = [
  'INVALID_TYPE',
  'UNKNOWN_KEY',
  'DUPLICATE_STEP_ID',
  'STEP_ID_INVALID',
  'SKILL_NOT_FOUND',
  'SKILL_NOT_ALLOWED',
  'HOST_NOT_ALLOWED',
  'PARAMS_INVALID',
  'UNKNOWN_DEPENDENCY',
  'CYCLE',
  'REFERENCE_INVALID',
  'REFERENCE_UNKNOWN_STEP',
  'REFERENCE_NOT_BEFORE',
  'PREVIOUS_AMBIGUOUS',
  'SECRET_MISPLACED',
  'SECRET_NOT_FOUND',
  'SECRET_HOST_NOT_ALLOWED',
  'NOT_AVAILABLE_YET',
  'TOO_DEEP',
  'TOO_LARGE',
  'TOO_MANY_STEPS',
  'NO_STEPS',
  'NUL_CHARACTER',
  'DEADLINE_INVALID',
  'MORE_PROBLEMS',
] as const;
export type ProblemCode = (typeof PROBLEM_CODES)[number];

/** What is odd about a plan that runs all the same. */
export const WARNING_CODES = [
  'KEY_IGNORED',
  'NOT_A_REFERENCE',
  'DUPLICATE_DEPENDENCY',
  'ON_ERROR_IGNORED',
  'SENSITIVE_BY_READING',
  'MORE_WARNINGS',
] as const;
export type WarningCode = (typeof WARNING_CODES)[number];
