import { errors } from 'undici';
import type { FailureCode } from '../../contracts/failure-codes.ts';
import { AosError } from '../../contracts/failures.ts';
import type { FailureFacts } from '../../contracts/failures.ts';
import type { SkillFailure } from '../../contracts/skill.ts';
import type { RequestSecrets } from '../skill.ts';
import { decodeContent, isReadable, readExcerpt } from './body.ts';
import type { HttpResponse, ResponseHead } from './exchange.ts';
import { codeOf } from './error-code.ts';
import type { HttpRequest } from './request.ts';

/** How much of the body of a failure is looked at. */
export const ERROR_BODY_BYTES_MAX = 16 * 1024;
const ERROR_TEXT_BYTES_MAX = 256 * 1024;
const EXCERPT_LENGTH_MAX = 200;

/** What a socket says when it was not opened; any other word on https is a quarrel about TLS. */
const SOCKET_CODES =
  /^(?:ECONN(?:REFUSED|RESET|ABORTED)|E(?:HOST|NET)(?:UNREACH|DOWN)|ETIMEDOUT|EPIPE|EADDRNOTAVAIL|EACCES|EPERM|EINVAL|EMFILE|ENFILE|ENOBUFS|ENOMEM|ABORT_ERR|UND_ERR_DESTROYED)$/;
/** Headers over their cap. */
const HEADER_OVERFLOW_CODE = 'UND_ERR_HEADERS_OVERFLOW';
/** undici's own check of a request found something that ours let pass. */
const REQUEST_CODES = ['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED'];

/** Names a request without its path and query, which may hold secrets. */
export const nameOf = ({ method, url }: HttpRequest): string => `${method} ${url.origin}`;

/** Turns what the transport threw into a failure of the catalogue, by class and code. */
export function toTransportFailure(
  error: unknown,
  request: HttpRequest,
  isSent: boolean,
): AosError {
  if (error instanceof AosError) return error;
  const code = codeOf(error);
  const name = nameOf(request);
  const why = code === '' ? '' : ` (${code})`;
  const failure = (kind: FailureCode, message: string): AosError =>
    new AosError(kind, `${name}: ${message}`, {}, { cause: error });

  if (REQUEST_CODES.includes(code)) {
    return failure('PARAMS_INVALID', 'the params make no valid HTTP request.');
  }
  if (code === HEADER_OVERFLOW_CODE) {
    return failure('RESPONSE_TOO_LARGE', 'the headers of the response are over 64 KiB.');
  }
  if (!isSent && request.url.protocol === 'https:' && !SOCKET_CODES.test(code)) {
    return failure('TLS_FAILED', `TLS failed${why}. Check the certificate of the server.`);
  }
  if (!isSent) {
    return failure(
      'CONNECT_FAILED',
      `no connection${why}. Check host and port, or try again later.`,
    );
  }
  if (isParserError(error)) {
    return failure(
      'RESPONSE_INVALID',
      'the answer is not valid HTTP. The server must be corrected.',
    );
  }
  return failure(
    'CONNECTION_LOST',
    'the connection ended before the whole response had come. Try again later.',
  );
}

// The parser also reports the end of a connection in the middle of a message: then there is no text it stumbled on.
const isParserError = (error: unknown): boolean =>
  error instanceof errors.HTTPParserError && 'data' in error && error.data !== '';

/** The failure of a response with a status from 400, with the beginning of its body. */
export async function readStatusFailure(
  request: HttpRequest,
  response: HttpResponse,
  secrets?: RequestSecrets,
): Promise<AosError> {
  const { headers, body, isWhole } = response;
  const encoding = String(headers.get('content-encoding') ?? '');
  const isHiding = secrets?.knowsAny() === true;
  if (isHiding && !isReadable(encoding)) return toStatusFailure(request, response, '');
  const tooLarge = (bytesMax: number): AosError => toTooLargeFailure(request, bytesMax);
  // The status is the failure; a body that cannot be read must not hide it.
  const decoded = await decodeContent(body, encoding, ERROR_TEXT_BYTES_MAX, tooLarge).catch(() =>
    Buffer.alloc(0),
  );
  const type = String(headers.get('content-type') ?? '');
  if (!isHiding) return toStatusFailure(request, response, readExcerpt(decoded, type));
  // What was cut off may end within a secret, where nobody would know it.
  const end = isWhole ? decoded.length : Math.max(0, decoded.length - secrets.longest());
  const excerpt = readExcerpt(await secrets.bytes(decoded.subarray(0, end)), type, secrets.text);
  return toStatusFailure(request, response, excerpt);
}

function toStatusFailure(request: HttpRequest, head: ResponseHead, body: string): AosError {
  const { status, headers } = head;
  const plain = body.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
  // Neither a NUL nor half a surrogate pair could be stored.
  const excerpt = plain.slice(0, EXCERPT_LENGTH_MAX).replace(/[\ud800-\udbff]$/, '');
  const message = `${nameOf(request)} answered ${status}${excerpt === '' ? '.' : `: ${excerpt}`}`;
  if (status >= 600) return new AosError('RESPONSE_INVALID', message, { upstream_status: status });

  const namesWhen = status === 429 || status === 503;
  const retryAfterMs = namesWhen
    ? parseRetryAfter(headers.get('retry-after'), Date.now())
    : undefined;
  const facts: FailureFacts = { upstream_status: status, retry_after_ms: retryAfterMs };
  if (status === 429) facts.retryable = retryAfterMs !== undefined;
  return new AosError(status < 500 ? 'HTTP_4XX' : 'HTTP_5XX', message, facts);
}

/** Reads seconds or an HTTP date; `undefined` when it is neither. */
export function parseRetryAfter(value: unknown, nowMs: number): number | undefined {
  if (typeof value !== 'string') return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const atMs = value.endsWith(' GMT') ? Date.parse(value) : Number.NaN;
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs);
}

/** The failure of a response over its cap. */
export const toTooLargeFailure = (request: HttpRequest, bytesMax: number): AosError =>
  new AosError(
    'RESPONSE_TOO_LARGE',
    `${nameOf(request)}: the response is larger than ${bytesMax} bytes, its limit. ` +
      'Ask for less: a page, a range, or fewer fields.',
  );

/** What crosses the border of the skill. */
export function toSkillFailure(error: unknown, skillId: string): SkillFailure {
  if (!(error instanceof AosError)) {
    const name = error instanceof Error ? error.name : typeof error;
    const message = `${skillId} ended with an error of its own (${name}). Report the run id to the operator.`;
    return { code: 'SKILL_CRASHED', message };
  }
  const {
    code,
    message,
    retryable,
    retry_after_ms: retryAfterMs,
    upstream_status: status,
    limit,
  } = error.failure;
  return {
    code,
    message,
    retryable,
    ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
    ...(status === undefined ? {} : { upstream_status: status }),
    ...(limit === undefined ? {} : { limit }),
  };
}
