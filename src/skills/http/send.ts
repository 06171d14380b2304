import type { AosError } from '../../contracts/failures.ts';
import type { EgressGuard } from '../egress.ts';
import { decodeContent, readExcerpt } from './body.ts';
import { exchange } from './exchange.ts';
import type { BodyWish, HttpResponse, Meter, ResponseHead } from './exchange.ts';
import { toStatusFailure, toTooLargeFailure, toTransportFailure } from './failures.ts';
import type { HttpPrices } from './prices.ts';
import { followRedirect, locationOf } from './redirect.ts';
import type { HttpRequest } from './request.ts';

const ERROR_BODY_BYTES_MAX = 16 * 1024;
const ERROR_TEXT_BYTES_MAX = 256 * 1024;

/** What a chain of requests needs besides its first. */
export interface SendDeps {
  egress: EgressGuard;
  prices: HttpPrices;
  meter: Meter;
  responseBytesMax: number;
  followRedirects: boolean;
}

/** The response to the last request, its body decoded. */
export interface SentResponse extends HttpResponse {
  url: URL;
  redirects: number;
}

/** Sends a request and those that redirects ask for, each one checked by the guard; `stop` ends it all. */
export function startSending(first: HttpRequest, deps: SendDeps) {
  const connections = deps.egress.open();
  const { responseBytesMax, followRedirects, egress, prices, meter } = deps;

  const wish = (head: ResponseHead): BodyWish => {
    if (followRedirects && locationOf(head) !== undefined) return { kind: 'excerpt', bytesMax: 0 };
    if (head.status < 400) return { kind: 'whole', bytesMax: responseBytesMax };
    return { kind: 'excerpt', bytesMax: Math.min(ERROR_BODY_BYTES_MAX, responseBytesMax) };
  };

  async function sendOne(request: HttpRequest): Promise<HttpResponse> {
    const refusal = egress.checkUrl(request.url);
    if (refusal !== undefined) throw refusal;
    const tooLarge = (bytesMax: number): AosError => toTooLargeFailure(request, bytesMax);
    const sentBefore = meter.requestsSent;
    try {
      return await exchange(request, { dispatcher: connections.dispatcher, meter, wish, tooLarge });
    } catch (error) {
      throw toTransportFailure(error, request, meter.requestsSent > sentBefore);
    }
  }

  async function send(): Promise<SentResponse> {
    let request = first;
    for (let redirects = 0; ; redirects += 1) {
      const response = await sendOne(request);
      const location = followRedirects ? locationOf(response) : undefined;
      if (location === undefined) {
        const body = await decode(request, response, responseBytesMax);
        return { ...response, body, url: request.url, redirects };
      }
      const { status } = response;
      request = followRedirect({
        first,
        from: request,
        status,
        location,
        count: redirects,
        prices,
      });
    }
  }
  return { send, stop: () => connections.close() };
}

async function decode(
  request: HttpRequest,
  response: HttpResponse,
  bytesMax: number,
): Promise<Buffer> {
  const { status, headers, body } = response;
  const encoding = String(headers.get('content-encoding') ?? '');
  const tooLarge = (limit: number): AosError => toTooLargeFailure(request, limit);
  if (status < 400) return decodeContent(body, encoding, bytesMax, tooLarge);
  // The status is the failure; a body that cannot be read must not hide it.
  const decoded = await decodeContent(body, encoding, ERROR_TEXT_BYTES_MAX, tooLarge).catch(() =>
    Buffer.alloc(0),
  );
  const excerpt = readExcerpt(decoded, String(headers.get('content-type') ?? ''));
  throw toStatusFailure(request, response, excerpt);
}
