import { z } from 'zod';
import { AosError } from '../../contracts/failures.ts';
import type { JsonObject } from '../../contracts/json.ts';
import {
  HTTP_RESPONSE_BYTES_MAX,
  HTTP_TIMEOUT_MAX_MS,
  HTTP_URL_LENGTH_MAX,
  RETRY_DELAY_MAX_MS,
  TRIES_PER_STEP_MAX,
} from '../../contracts/limits.ts';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

const Scalar = z.union([z.string(), z.number(), z.boolean()]);
/** Two ways to write how long a call may take. */
export const timeLimitParams = (maxMs: number) => ({
  timeout_ms: z.int().min(1).max(maxMs).optional(),
  timeout_seconds: z
    .number()
    .positive()
    .max(maxMs / 1000)
    .optional()
    .describe('Counts when there is no `timeout_ms`.'),
});

const QueryValue = z.union([Scalar, z.null(), z.array(Scalar)]);

/** What `http_call` takes. */
export const HttpCallParams = z.object({
  url: z
    .string()
    .min(1)
    .max(HTTP_URL_LENGTH_MAX)
    .refine((url) => URL.canParse(url), { message: 'must be an absolute URL' })
    .describe('An http or https URL.'),
  method: z
    .string()
    .refine((method) => METHODS.includes(method.toUpperCase()), {
      error: `The method must be one of ${METHODS.join(', ')}.`,
    })
    .default('GET')
    .describe(`One of ${METHODS.join(', ')}, in any case.`),
  headers: z
    .record(z.string(), Scalar)
    .optional()
    .describe(
      'Idempotency-Key, and the traceparent of a run that has one, are added unless they are given.',
    ),
  query: z
    .record(z.string(), QueryValue)
    .optional()
    .describe('Added to the query of the URL; a list repeats its name, null is left out.'),
  // The body was JSON when it came in; to check it again would walk, and copy, up to 16 MiB.
  body: z
    .unknown()
    .optional()
    .describe('A string goes out as it is, any other JSON as application/json.'),
  ...timeLimitParams(HTTP_TIMEOUT_MAX_MS),
  retry: z
    .object({
      max_attempts: z.int().min(1).max(TRIES_PER_STEP_MAX).optional(),
      backoff_seconds: z
        .number()
        .min(0)
        .max(RETRY_DELAY_MAX_MS / 1000)
        .optional(),
    })
    .optional()
    .describe('`max_attempts` counts all tries.'),
  max_response_bytes: z.int().min(1).max(HTTP_RESPONSE_BYTES_MAX).optional(),
  follow_redirects: z.boolean().default(true),
});
export type HttpCallParams = z.infer<typeof HttpCallParams>;

/** Checks params again, which are not trusted to have passed the schema. */
export function parseParams<Params extends z.ZodObject>(
  schema: Params,
  params: JsonObject,
): z.infer<Params> {
  const parsed = schema.safeParse(params);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.join('.') ?? '';
  throw paramsInvalid(`\`${place}\`: ${issue?.message ?? 'not valid'}.`);
}

/** The method as it goes out. */
export const methodOf = (params: JsonObject): string =>
  typeof params['method'] === 'string' ? params['method'].toUpperCase() : 'GET';

/** How many bytes the response may have. */
export const responseBytesMaxOf = (params: JsonObject): number =>
  typeof params['max_response_bytes'] === 'number'
    ? Math.min(params['max_response_bytes'], HTTP_RESPONSE_BYTES_MAX)
    : HTTP_RESPONSE_BYTES_MAX;

/** How long the call may take, as far as the params say so. */
export function timeoutMsOf(params: JsonObject): number | undefined {
  const { timeout_ms: timeoutMs, timeout_seconds: timeoutSeconds } = params;
  if (typeof timeoutMs === 'number') return timeoutMs;
  return typeof timeoutSeconds === 'number' ? Math.ceil(timeoutSeconds * 1000) : undefined;
}

/** The failure of params that cannot make a request. */
export const paramsInvalid = (message: string): AosError => new AosError('PARAMS_INVALID', message);
