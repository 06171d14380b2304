import { AosError } from '../../contracts/failures.ts';
import type { RequestSecrets } from '../skill.ts';
import { decodeContent, isReadable } from './body.ts';
import type { BodyWish, HttpResponse, ResponseHead } from './exchange.ts';
import { ERROR_BODY_BYTES_MAX, nameOf, readStatusFailure, toTooLargeFailure } from './failures.ts';
import type { HttpPrices } from './prices.ts';
import { followRedirect, locationOf } from './redirect.ts';
import type { HttpRequest } from './request.ts';
import { openSender } from './sender.ts';
import type { SenderDeps } from './sender.ts';

/** What a chain of requests needs besides its first. */
export interface SendDeps extends SenderDeps {
  prices: HttpPrices;
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
  const { responseBytesMax, followRedirects, prices } = deps;
  const sender = openSender(deps);

  const wish = (head: ResponseHead): BodyWish => {
    if (followRedirects && locationOf(head) !== undefined) return { kind: 'excerpt', bytesMax: 0 };
    if (head.status < 400) return { kind: 'whole', bytesMax: responseBytesMax };
    return { kind: 'excerpt', bytesMax: Math.min(ERROR_BODY_BYTES_MAX, responseBytesMax) };
  };

  async function send(): Promise<SentResponse> {
    let request = first;
    for (let redirects = 0; ; redirects += 1) {
      const response = await sender.send(request, wish);
      const location = followRedirects ? locationOf(response) : undefined;
      if (location === undefined) {
        const body = await decode(request, response, responseBytesMax, deps.secrets);
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
  return { send, stop: sender.stop };
}

async function decode(
  request: HttpRequest,
  response: HttpResponse,
  bytesMax: number,
  secrets: RequestSecrets | undefined,
): Promise<Buffer> {
  if (response.status >= 400) throw await readStatusFailure(request, response, secrets);
  const encoding = String(response.headers.get('content-encoding') ?? '');
  if (secrets?.knowsAny() === true && !isReadable(encoding)) {
    throw new AosError(
      'RESPONSE_INVALID',
      `${nameOf(request)} answered in a content encoding that cannot be searched for secrets. Ask for gzip, deflate or br.`,
    );
  }
  const tooLarge = (limit: number): AosError => toTooLargeFailure(request, limit);
  return decodeContent(response.body, encoding, bytesMax, tooLarge);
}
