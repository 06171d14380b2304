import type { FailureCode } from '../../../contracts/failure-codes.ts';
import { AosError } from '../../../contracts/failures.ts';
import type { FailureFacts } from '../../../contracts/failures.ts';
import { isJsonObject } from '../../../contracts/json.ts';
import type { Json } from '../../../contracts/json.ts';
import type { ResponseHead } from '../../http/exchange.ts';
import { parseRetryAfter, toTransportFailure } from '../../http/failures.ts';
import type { HttpRequest } from '../../http/request.ts';
import type { Provider } from './provider.ts';
import { clipLine } from '../../wording.ts';

const COMPLAINT_LENGTH_MAX = 200;
/** A proxy gave up waiting: the model may have worked, and be paid for, all the same. */
const GAVE_UP_STATUSES: ReadonlySet<number> = new Set([408, 499, 504, 522, 524]);

const QUOTA_CODES = ['insufficient_quota', 'billing_hard_limit_reached', 'billing_not_active'];
const QUOTA_TYPES = ['insufficient_quota', 'billing_error', 'insufficient_balance'];
const CONTEXT_CODES = ['context_length_exceeded', 'string_above_max_length', 'request_too_large'];
const CONTEXT_TYPES = ['request_too_large', 'exceed_context_size_error'];
const CONTENT_CODES = ['content_filter', 'content_policy_violation', 'invalid_prompt'];

/** Anthropic and most local servers have one code for all that is wrong with a request: only their words tell. */
const QUOTA_WORDS = /credit balance|insufficient (?:balance|credits?|funds)/i;
const KEY_WORDS =
  /api[ _]key (?:is )?(?:not valid|invalid|expired)|(?:invalid|incorrect) api[ _]key/i;
const CONTEXT_WORDS =
  /prompt is too long|context (?:length|size|window|limit)|maximum context|too many (?:input )?tokens/i;
const CONTENT_WORDS = /content filter|content[ _]policy|safety (?:system|policy)/i;
const MODEL_WORDS = /model/i;

interface Complaint {
  code: string;
  type: string;
  message: string;
}

/** The name of a provider at the beginning of a message. */
export const nameOf = ({ name, baseUrl }: Provider): string =>
  name === 'plan' ? `The server at ${new URL(baseUrl).origin}` : `The provider \`${name}\``;

/** Whether a call that was answered with this status may have been worked on, and so be charged. A 5xx of the provider itself brings no tokens, and none are charged. */
export const mayBeCharged = (status: number): boolean => GAVE_UP_STATUSES.has(status);

/** The failure of a status that is no success. */
export function toStatusFailure(provider: Provider, head: ResponseHead, body: string): AosError {
  const { status } = head;
  const complaint = readComplaint(body);
  const code = codeOf(status, complaint);
  const retryAfterMs = retryAfterOf(head.headers);
  const facts: FailureFacts = { upstream_status: status };
  if (code === 'PROVIDER_RATE_LIMITED' || code === 'PROVIDER_OVERLOADED') {
    facts.retry_after_ms = retryAfterMs;
  }
  return new AosError(code, messageOf(provider, status, code, complaint), facts);
}

function messageOf(
  provider: Provider,
  status: number,
  code: FailureCode,
  complaint: Complaint,
): string {
  const name = nameOf(provider);
  if (code === 'REDIRECT_REFUSED') {
    return `${name} answered ${status}, a redirect, which is not followed. The base URL must be the final one.`;
  }
  if (code === 'PROVIDER_KEY_REFUSED') {
    // Its own words may repeat a part of the key.
    return provider.name === 'plan'
      ? `${name} answered ${status}: it asks for a key, and a plan’s own server is called without one.`
      : `${name} answered ${status}: it does not accept the key that the operator has set, or the key may not do this.`;
  }
  const said = clipLine(complaint.message, COMPLAINT_LENGTH_MAX);
  const hint = status === 404 && code === 'PROVIDER_REFUSED' ? ' Check the base URL.' : '';
  return said === '' ? `${name} answered ${status}.${hint}` : `${name} answered ${status}: ${said}`;
}

function codeOf(status: number, { code, type, message }: Complaint): FailureCode {
  const isRefusal = status >= 400 && status < 500;
  const says = (words: RegExp): boolean => isRefusal && words.test(message);
  if (status < 400) return status >= 300 ? 'REDIRECT_REFUSED' : 'PROVIDER_FAILED';
  if (status === 401 || type === 'authentication_error' || code === 'invalid_api_key') {
    return 'PROVIDER_KEY_REFUSED';
  }
  if (
    status === 402 ||
    QUOTA_CODES.includes(code) ||
    QUOTA_TYPES.includes(type) ||
    says(QUOTA_WORDS)
  ) {
    return 'PROVIDER_QUOTA_EXHAUSTED';
  }
  if (status === 429) return 'PROVIDER_RATE_LIMITED';
  if (code === 'model_not_found' || (status === 404 && says(MODEL_WORDS))) return 'MODEL_NOT_FOUND';
  if (status === 403 || says(KEY_WORDS)) return 'PROVIDER_KEY_REFUSED';
  if (
    status === 413 ||
    CONTEXT_CODES.includes(code) ||
    CONTEXT_TYPES.includes(type) ||
    says(CONTEXT_WORDS)
  ) {
    return 'CONTEXT_TOO_LONG';
  }
  if (CONTENT_CODES.includes(code) || says(CONTENT_WORDS)) return 'CONTENT_REFUSED';
  if (status === 503 || status === 529 || type === 'overloaded_error') return 'PROVIDER_OVERLOADED';
  return isRefusal && status !== 408 ? 'PROVIDER_REFUSED' : 'PROVIDER_FAILED';
}

/** Reads what a provider complains of: an object, one in a list, or a text, whole or under `error`. */
function readComplaint(body: string): Complaint {
  let said: Json;
  try {
    said = JSON.parse(body) as Json;
  } catch {
    return { code: '', type: '', message: '' };
  }
  const outer = Array.isArray(said) ? said[0] : said;
  const inner = isJsonObject(outer) ? (outer['error'] ?? outer) : outer;
  if (typeof inner === 'string') return { code: '', type: '', message: inner };
  if (!isJsonObject(inner)) return { code: '', type: '', message: '' };
  const textAt = (key: string): string => (typeof inner[key] === 'string' ? inner[key] : '');
  return { code: textAt('code'), type: textAt('type'), message: textAt('message') };
}

function retryAfterOf(headers: ResponseHead['headers']): number | undefined {
  const milliseconds = headers.get('retry-after-ms');
  if (typeof milliseconds === 'string' && /^\d{1,9}(?:\.\d+)?$/.test(milliseconds)) {
    return Math.ceil(Number(milliseconds));
  }
  const seconds = headers.get('retry-after');
  if (typeof seconds === 'string' && /^\d{1,6}\.\d+$/.test(seconds)) {
    return Math.ceil(Number(seconds) * 1000);
  }
  return parseRetryAfter(seconds, Date.now());
}

/** What goes wrong on the way, in words that do not name the address of an operator's server. */
const WIRE_FAILURES: ReadonlyMap<FailureCode, { kind: FailureCode; sentence: string }> = new Map([
  [
    'CONNECTION_LOST',
    { kind: 'PROVIDER_FAILED', sentence: 'broke off before the whole answer had come.' },
  ],
  ['RESPONSE_INVALID', { kind: 'PROVIDER_FAILED', sentence: 'did not answer in valid HTTP.' }],
  ['RESPONSE_TOO_LARGE', { kind: 'RESPONSE_TOO_LARGE', sentence: 'sent headers over the limit.' }],
  ['DNS_FAILED', { kind: 'DNS_FAILED', sentence: 'has a name for which no address was found.' }],
  ['TLS_FAILED', { kind: 'TLS_FAILED', sentence: 'has no valid certificate, or no TLS.' }],
  ['CONNECT_FAILED', { kind: 'CONNECT_FAILED', sentence: 'cannot be reached. Try again later.' }],
]);

const WIRE_REWORDED: readonly FailureCode[] = ['DNS_FAILED', 'RESPONSE_INVALID'];

/** The failure of a call that brought no whole answer. */
export function toWireFailure(
  error: unknown,
  request: HttpRequest,
  isSent: boolean,
  provider: Provider,
): AosError {
  // The guard and the decoder speak of the address, or of HTTP; what else is known already stands.
  const isReworded = error instanceof AosError && WIRE_REWORDED.includes(error.failure.code);
  if (error instanceof AosError && !isReworded) return error;
  const { code } = toTransportFailure(error, request, isSent).failure;
  const { kind, sentence } = WIRE_FAILURES.get(code) ?? {
    kind: code,
    sentence: 'cannot be asked.',
  };
  return new AosError(kind, `${nameOf(provider)} ${sentence}`);
}
