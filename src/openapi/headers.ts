import type { Route } from '../contracts/route.ts';
import type { JsonSchema } from './json-schema.ts';
import { REQUEST_ID, RUN_ID } from '../contracts/routes/example-ids.ts';

interface Header {
  description: string;
  schema: JsonSchema;
  example: string;
}

const text = (description: string, example: string): Header => ({
  description,
  schema: { type: 'string' },
  example,
});

/** On every answer. */
const ALWAYS = {
  'X-Request-Id': text('The name of the request, also in its failure and in the log.', REQUEST_ID),
  'RateLimit-Policy': text(
    'The limit: `q` requests within `w` seconds, of the key, or of the address where no key is needed.',
    '"key";q=60000;w=60',
  ),
  RateLimit: text(
    'Where the limit stands: `r` requests are left, and in `t` seconds all are there again.',
    '"key";r=59999;t=42',
  ),
  'X-RateLimit-Limit': text('As `q` of RateLimit-Policy, for older clients.', '60000'),
  'X-RateLimit-Remaining': text('As `r` of RateLimit, for older clients.', '59999'),
  'X-RateLimit-Reset': text('As `t` of RateLimit, for older clients.', '42'),
};

const OWN = {
  'Retry-After': text('Seconds until it is worth trying again.', '42'),
  'WWW-Authenticate': text('How a key may be sent.', 'Bearer realm="aos"'),
  'Accept-Encoding': text('The only way to send a body.', 'identity'),
  ETag: text('Names this state of what is answered.', '"7"'),
  Location: text('The path of what was made.', `/api/v1/runs/${RUN_ID}`),
  'Idempotency-Replayed': text(
    '`true` when the Idempotency-Key was known: this is what its first request made.',
    'true',
  ),
  'Cache-Control': text('How long the answer may be kept.', 'no-store'),
};

export type OwnHeader = keyof typeof OWN;

export const HEADERS: Readonly<Record<string, Header>> = { ...ALWAYS, ...OWN };

const refsTo = (names: readonly string[]): Record<string, { $ref: string }> =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

/** The headers of an answer: those of every answer, and the ones that it has beside them. */
export const headersWith = (names: readonly OwnHeader[]): Record<string, { $ref: string }> =>
  refsTo([...Object.keys(ALWAYS), ...names]);

/** What an answer of this status may carry when the route does what it is for. */
export function headersOfAnswer(route: Route, status: number): OwnHeader[] {
  const repeats = route.headers !== undefined && 'Idempotency-Key' in route.headers;
  const headers: OwnHeader[] = [...(route.answerHeaders ?? [])];
  if (repeats) headers.push('Idempotency-Replayed');
  if (status === 201 || (status === 202 && repeats)) headers.push('Location');
  return headers;
}

/** What a refusal of this status may carry. */
export function headersOfFailure(status: number): OwnHeader[] {
  if (status === 401) return ['WWW-Authenticate'];
  if (status === 415) return ['Accept-Encoding'];
  return status === 429 || status === 503 || status === 409 ? ['Retry-After'] : [];
}
