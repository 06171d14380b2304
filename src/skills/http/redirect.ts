import { AosError } from '../../contracts/failures.ts';
import { HTTP_REDIRECTS_MAX } from '../../contracts/limits.ts';
import type { ResponseHead } from './exchange.ts';
import type { HttpPrices } from './prices.ts';
import type { HttpRequest } from './request.ts';

const REDIRECT_STATUSES: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const CONTENT_HEADER = /^content-/;
/** Anything that looks like a key to somewhere. */
const CREDENTIAL_HEADER =
  /auth|cookie|token|secret|password|credential|session|signature|api[-_]?key|access[-_]?key|^x-.*key/;

/** Where the response points to, when it is a redirect that names a place. */
export function locationOf({ status, headers }: ResponseHead): string | undefined {
  const location = headers.get('location');
  return REDIRECT_STATUSES.has(status) && typeof location === 'string' ? location : undefined;
}

/** A redirect and the chain it is part of. */
export interface Redirect {
  first: HttpRequest;
  from: HttpRequest;
  status: number;
  location: string;
  /** How many were followed before this one. */
  count: number;
  prices: HttpPrices;
}

/** The request that a redirect asks for, by the rules of fetch; throws when it may not be followed. */
export function followRedirect({
  first,
  from,
  status,
  location,
  count,
  prices,
}: Redirect): HttpRequest {
  if (count >= HTTP_REDIRECTS_MAX) {
    throw refused(first, `redirects more than ${HTTP_REDIRECTS_MAX} times`);
  }
  // Header values come as one character a byte; what is beyond ASCII in a URL is UTF-8.
  const written = Buffer.from(location, 'latin1').toString();
  if (!URL.canParse(written, from.url.href)) throw refused(first, 'redirects to no valid URL');
  const url = new URL(written, from.url);
  url.hash = '';
  if (url.username !== '' || url.password !== '') {
    throw refused(first, 'redirects to a URL that holds a user name or password');
  }
  const price = prices.entryOf(url);
  if (price !== undefined && price !== prices.entryOf(first.url)) {
    throw refused(first, 'redirects to a host that has a price of its own');
  }

  const becomesGet =
    (status === 303 && from.method !== 'HEAD') || (status <= 302 && from.method === 'POST');
  const isSameOrigin = url.origin === from.url.origin;
  const isKept = (name: string): boolean =>
    !(becomesGet && CONTENT_HEADER.test(name)) && (isSameOrigin || !CREDENTIAL_HEADER.test(name));
  const headers = new Map([...from.headers].filter(([name]) => isKept(name)));
  return becomesGet ? { url, method: 'GET', headers, body: undefined } : { ...from, url, headers };
}

const refused = ({ method, url }: HttpRequest, why: string): AosError =>
  new AosError('REDIRECT_REFUSED', `${method} ${url.origin} ${why}. Call the final URL directly.`);
