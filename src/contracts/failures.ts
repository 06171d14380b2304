import { z } from 'zod';
import { FAILURE_CATEGORIES, FAILURE_CODES, RECOVERY_ACTIONS } from './failure-codes.ts';
import type { FailureCode } from './failure-codes.ts';

export const FailureCodeSchema = z.enum(
  Object.keys(FAILURE_CODES) as [FailureCode, ...FailureCode[]],
);

/** One mistake in a request: where it is (JSON Pointer), a code, and a sentence. */
export const Problem = z.object({
  pointer: z.string(),
  code: z.string(),
  message: z.string(),
  /** The known word that an unknown one was probably meant to be. */
  did_you_mean: z.string().optional(),
});
export type Problem = z.infer<typeof Problem>;

export const Recovery = z.object({
  action: z.enum(RECOVERY_ACTIONS),
  method: z.string().optional(),
  path: z.string().optional(),
  body: z.json().optional(),
  why: z.string(),
});
export type Recovery = z.infer<typeof Recovery>;

/** The limit that refused: the name under which it is set, its value, and what was asked of it. */
export const ExceededLimit = z.object({
  name: z.string(),
  value: z.union([z.number(), z.array(z.string())]),
  asked: z.union([z.number(), z.string()]),
  /** The account whose limit it is, where it is one of money. */
  account_id: z.string().optional(),
});
export type ExceededLimit = z.infer<typeof ExceededLimit>;

/**
 * The one failure object: an HTTP error body (RFC 9457), a step's failure, a run's failure, an event's payload.
 * `message` repeats `detail` for older clients.
 */
export const Failure = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  message: z.string(),
  code: FailureCodeSchema,
  category: z.enum(FAILURE_CATEGORIES),
  retryable: z.boolean(),
  retry_after_ms: z.number().optional(),
  recovery: z.array(Recovery),
  cause: z.string().optional(),
  step_id: z.string().optional(),
  upstream_status: z.int().optional(),
  limit: ExceededLimit.optional(),
  request_id: z.string().optional(),
  errors: z.array(Problem).optional(),
});
export type Failure = z.infer<typeof Failure>;

export interface FailureFacts {
  status?: number | undefined;
  retryable?: boolean | undefined;
  retry_after_ms?: number | undefined;
  recovery?: Recovery[] | undefined;
  cause?: string | undefined;
  step_id?: string | undefined;
  upstream_status?: number | undefined;
  limit?: ExceededLimit | undefined;
  errors?: Problem[] | undefined;
}

/** Builds the failure object of a code from the catalogue; `facts` override what this case knows better. */
export function createFailure(
  code: FailureCode,
  message: string,
  facts: FailureFacts = {},
): Failure {
  const entry = FAILURE_CODES[code];
  const { status, retryable, recovery, ...rest } = facts;
  const known = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  return {
    type: `/docs/errors/${code}`,
    title: entry.title,
    status: status ?? entry.httpStatus,
    detail: message,
    message,
    code,
    category: entry.category,
    retryable: retryable ?? entry.retryable,
    recovery: recovery ?? [{ action: entry.action, why: entry.fix }],
    ...known,
  };
}

/** The one error class: carries a failure across layers that throw. */
export class AosError extends Error {
  override readonly name = 'AosError';
  readonly failure: Failure;

  constructor(
    code: FailureCode,
    message: string,
    facts: FailureFacts = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.failure = createFailure(code, message, facts);
  }
}
