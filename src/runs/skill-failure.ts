import { FAILURE_CODES } from '../contracts/failure-codes.ts';
import { createFailure } from '../contracts/failures.ts';
import type { Failure } from '../contracts/failures.ts';
import type { SkillFailure } from '../contracts/skill.ts';
import type { StepRowWithSpec } from '../storage/steps.ts';

/** What a skill answered with, as the failure of its step. */
export function failureOfSkill(
  { id, sensitive }: Pick<StepRowWithSpec, 'id' | 'sensitive'>,
  { code, message, ...facts }: SkillFailure,
): Failure {
  const failure = createFailure(code, message, { ...facts, step_id: id });
  return sensitive ? withoutQuotes(failure) : failure;
}

/** Code and plain facts of a failure: its words may quote what a sensitive step read or was answered. */
export function withoutQuotes(failure: Failure): Failure {
  const { code, status, retryable, retry_after_ms, step_id, upstream_status, limit } = failure;
  const message = `${FAILURE_CODES[code].meaning} The step is sensitive, so nothing more is told.`;
  return createFailure(code, message, {
    status,
    retryable,
    retry_after_ms,
    step_id,
    upstream_status,
    ...(typeof limit?.asked === 'number' && { limit }),
  });
}

/** What the log may tell of an error: of a sensitive step's, whose message may quote, the name. */
export const toldOf = (step: Pick<StepRowWithSpec, 'sensitive'>, error: unknown): unknown =>
  step.sensitive ? (error instanceof Error ? error.name : 'not an error') : error;
