import type { AosError } from '../../contracts/failures.ts';
import {
  HTTP_HEADERS_MAX,
  HTTP_HEADER_LENGTH_MAX,
  HTTP_URL_LENGTH_MAX,
} from '../../contracts/limits.ts';
import type { SkillCall } from '../skill.ts';
import { paramsInvalid } from './params.ts';
import type { HttpCallParams } from './params.ts';
import { traceparentOfEffect } from './traceparent.ts';

/** One request, ready to be sent; header names are in lower case. */
export interface HttpRequest {
  url: URL;
  method: string;
  headers: ReadonlyMap<string, string>;
  body: string | undefined;
  /** The body is JSON that was made of a value, not a text of the plan's. */
  isJsonBody?: boolean;
}

/** What belongs to the connection or to the framing is never up to a plan. */
const FORBIDDEN_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const HEADER_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const CONTROL_CHARACTER = /\p{Cc}/u;

/** Makes the request that the params describe, or throws what is wrong with them; the plan's own headers win. */
export function toHttpRequest(
  params: HttpCallParams,
  { effectKey, traceparent }: Pick<SkillCall, 'effectKey' | 'traceparent'>,
): HttpRequest {
  const method = params.method.toUpperCase();
  const { type, text } = toBody(params, method);
  const trace = traceparent && traceparentOfEffect(traceparent, effectKey);
  const headers = new Map([
    ['user-agent', 'aos-http-call/1.0'],
    ['accept', '*/*'],
    ['accept-encoding', 'gzip, deflate, br'],
    ['idempotency-key', effectKey],
    ...(trace ? [['traceparent', trace] as const] : []),
    ...(type === undefined ? [] : [['content-type', type] as const]),
    ...toHeaders(params.headers ?? {}),
  ]);
  const isJsonBody = text !== undefined && typeof params.body !== 'string';
  return { url: toUrl(params), method, headers, body: text, isJsonBody };
}

/** The URL of the params with its `query`, or throws why it is none. */
export function toUrl({ url: text, query }: Pick<HttpCallParams, 'url' | 'query'>): URL {
  if (CONTROL_CHARACTER.test(text) || !URL.canParse(text)) {
    throw paramsInvalid(
      '`url` is not a valid absolute URL. Write it like https://example.org/path.',
    );
  }
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') {
    throw paramsInvalid(
      '`url` holds a user name or password. Send them in an Authorization header.',
    );
  }
  url.hash = '';
  const added = toQuery(query ?? {});
  // Joined as text: a query that was signed must stay as it was written.
  if (added !== '') url.search = url.search === '' ? added : `${url.search}&${added}`;
  if (url.href.length > HTTP_URL_LENGTH_MAX) {
    const limit = `${url.href.length} characters, more than ${HTTP_URL_LENGTH_MAX}`;
    throw paramsInvalid(`The URL with its query has ${limit}. Send the data in the body.`);
  }
  return url;
}

function toQuery(query: NonNullable<HttpCallParams['query']>): string {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    const values = Array.isArray(value) ? value : [value];
    for (const one of values) if (one !== null) pairs.append(name, String(one));
  }
  return pairs.toString();
}

/** Checks the headers of a plan, by their names in lower case; `isReserved` adds to those that AOS sets itself. */
export function toHeaders(
  headers: NonNullable<HttpCallParams['headers']>,
  isReserved: (name: string) => boolean = () => false,
): Map<string, string> {
  const checked = new Map<string, string>();
  for (const [written, scalar] of Object.entries(headers)) {
    const name = written.toLowerCase();
    const value = String(scalar);
    // Names may be hostile too, so only a good one is repeated; values never are.
    if (!HEADER_NAME.test(name)) {
      throw paramsInvalid('A header has a name with characters that no header name may have.');
    }
    if (FORBIDDEN_HEADERS.has(name) || isReserved(name)) {
      throw paramsInvalid(`The header \`${name}\` is set by AOS. Remove it.`);
    }
    if (!isHeaderValue(value)) throw headerValueRefusal(name);
    if (checked.has(name)) throw paramsInvalid(`The header \`${name}\` is given twice.`);
    checked.set(name, value);
  }
  if (checked.size > HTTP_HEADERS_MAX) {
    throw paramsInvalid(`${checked.size} headers are more than ${HTTP_HEADERS_MAX}. Send fewer.`);
  }
  return checked;
}

export const isHeaderValue = (value: string): boolean =>
  HEADER_VALUE.test(value) && value.length <= HTTP_HEADER_LENGTH_MAX;

export const headerValueRefusal = (name: string): AosError =>
  paramsInvalid(
    `The value of the header \`${name}\` has a line break, another forbidden character, ` +
      `or more than ${HTTP_HEADER_LENGTH_MAX} characters.`,
  );

function toBody(params: HttpCallParams, method: string): { type?: string; text?: string } {
  const { body } = params;
  if (body === undefined) return {};
  if (body === null && (method === 'GET' || method === 'HEAD')) return {};
  if (typeof body === 'string') return { type: 'text/plain; charset=utf-8', text: body };
  return { type: 'application/json', text: toJsonText('body', body) };
}

/** Writes the value of a param as JSON; half a surrogate pair comes out escaped, so the text is always UTF-8. */
export function toJsonText(param: string, value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    throw paramsInvalid(`\`${param}\` nests too deep to be written as JSON. Flatten it.`);
  }
}
