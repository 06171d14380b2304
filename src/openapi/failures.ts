import { FAILURE_CODES } from '../contracts/failure-codes.ts';
import type { FailureCode } from '../contracts/failure-codes.ts';
import { mayAct } from '../contracts/roles.ts';
import type { Route } from '../contracts/route.ts';

/** The codes that a route may refuse with, by their statuses. */
export type CodesByStatus = Map<number, Set<FailureCode>>;

/** What a route may refuse with: its own codes, and those of what stands before it. */
export function failuresOf(route: Route): CodesByStatus {
  const found: CodesByStatus = new Map();
  const add = (code: FailureCode, status = statusOf(code, route)): void => {
    found.set(status, (found.get(status) ?? new Set()).add(code));
  };
  for (const code of route.errors ?? []) add(code);
  // What Node's parser refuses is no request yet, and has a status of its own.
  add('INVALID_REQUEST', 400);
  for (const code of EVERY_ROUTE) add(code);
  if (route.path.includes(':')) add('NOT_FOUND');
  if (route.role !== 'public') add('UNAUTHENTICATED');
  if (route.role !== 'public' && !mayAct('viewer', route.role)) add('FORBIDDEN');
  if (route.body || route.query || route.headers?.['Idempotency-Key']) add('INVALID_REQUEST');
  if (route.body) for (const code of EVERY_BODY) add(code);
  return new Map([...found].toSorted(([a], [b]) => a - b));
}

const EVERY_ROUTE: readonly FailureCode[] = [
  'REQUEST_TIMEOUT',
  'RATE_LIMITED',
  'HEADERS_TOO_LARGE',
  'INTERNAL',
  'SERVICE_UNAVAILABLE',
];

const EVERY_BODY: readonly FailureCode[] = [
  'INVALID_JSON',
  'BODY_TOO_LARGE',
  'CONTENT_ENCODING_UNSUPPORTED',
];

/** A skill that is missing in a body is a mistake in it; one that a path names is not there. */
const statusOf = (code: FailureCode, { body }: Route): number =>
  (code === 'SKILL_NOT_FOUND' || code === 'SECRET_NOT_FOUND') && body
    ? 422
    : FAILURE_CODES[code].httpStatus;
