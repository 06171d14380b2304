import { AosError } from '../../../contracts/failures.ts';
import { LLM_RESPONSE_BYTES_MAX } from '../../../contracts/limits.ts';
import type { EgressGuard } from '../../egress.ts';
import { decodeContent } from '../../http/body.ts';
import { exchange } from '../../http/exchange.ts';
import type { HttpResponse, Meter } from '../../http/exchange.ts';
import type { HttpRequest } from '../../http/request.ts';
import type { Provider } from './provider.ts';
import { mayBeCharged, nameOf, toStatusFailure, toWireFailure } from './failures.ts';
import { soundAnswer } from './sound-answer.ts';

const ERROR_BODY_BYTES_MAX = 16 * 1024;
const ERROR_TEXT_BYTES_MAX = 64 * 1024;

/** The way of one request to a provider: guarded, bounded, without redirects. */
export interface Wire {
  /** What the AI SDK sends through. Rejects with a failure of the catalogue. */
  fetch: typeof fetch;
  /** Whether the provider may have worked on the request, so that it may charge for it. */
  mayBeCharged(): boolean;
  /** What went wrong on the way, if anything did. */
  failure(): AosError | undefined;
  /** Ends the connection at once. */
  close(): void;
}

/** Opens a way to a provider, for one request. */
export function openWire(provider: Provider, guard: EgressGuard): Wire {
  const connections = guard.open();
  const meter: Meter = { requestsSent: 0, bytesReceived: 0 };
  let isFree = false;
  let failure: AosError | undefined;
  const tooLarge = (bytesMax: number): AosError =>
    new AosError(
      'RESPONSE_TOO_LARGE',
      `${nameOf(provider)} answered with more than ${bytesMax} bytes, the limit.`,
    );

  async function exchangeOnce(request: HttpRequest): Promise<HttpResponse> {
    const refusal = guard.checkUrl(request.url);
    if (refusal !== undefined) throw refusal;
    return exchange(request, {
      dispatcher: connections.dispatcher,
      meter,
      tooLarge,
      wish: ({ status }) =>
        isSuccess(status)
          ? { kind: 'whole', bytesMax: LLM_RESPONSE_BYTES_MAX }
          : { kind: 'excerpt', bytesMax: ERROR_BODY_BYTES_MAX },
    });
  }

  async function send(request: HttpRequest): Promise<string> {
    let response: HttpResponse;
    try {
      response = await exchangeOnce(request);
    } catch (error) {
      throw toWireFailure(error, request, meter.requestsSent > 0, provider);
    }
    const { status, headers, body } = response;
    const encoding = String(headers.get('content-encoding') ?? '');
    if (isSuccess(status)) {
      const text = await decodeContent(body, encoding, LLM_RESPONSE_BYTES_MAX, tooLarge).catch(
        (error: unknown) => {
          throw toWireFailure(error, request, true, provider);
        },
      );
      return soundAnswer(text.toString(), provider, request.url);
    }
    isFree = !mayBeCharged(status);
    // The status is the failure; a body that cannot be read must not hide it.
    const text = await decodeContent(body, encoding, ERROR_TEXT_BYTES_MAX, tooLarge).catch(
      () => '',
    );
    throw toStatusFailure(provider, response, text.toString());
  }

  return {
    async fetch(input, init) {
      try {
        const answer = await send(toRequest(input, init));
        return new Response(answer, { headers: { 'content-type': 'application/json' } });
      } catch (error) {
        if (error instanceof AosError) failure = error;
        throw error;
      }
    },
    mayBeCharged: () => meter.requestsSent > 0 && !isFree,
    failure: () => failure,
    close: () => connections.close(),
  };
}

const isSuccess = (status: number): boolean => status >= 200 && status < 300;

/** The AI SDK sends texts, to an address that is one. */
function toRequest(url: unknown, { headers: given, body }: RequestInit = {}): HttpRequest {
  if (typeof url !== 'string' || typeof body !== 'string') {
    throw new TypeError('The AI SDK was expected to send a text to an address.');
  }
  const headers = new Map(new Headers(given));
  headers.set('user-agent', 'aos-llm-invoke/1.0');
  headers.set('accept-encoding', 'gzip, deflate, br');
  return { url: new URL(url), method: 'POST', headers, body };
}
