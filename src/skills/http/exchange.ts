import type { Dispatcher } from 'undici';
import type { HttpRequest } from './request.ts';

const EXCERPT_MS_MAX = 1000;

/** The first half of a response; header names are in lower case. */
export interface ResponseHead {
  status: number;
  headers: ReadonlyMap<string, string | string[]>;
}

/** A response with as much of its body as was wished for. */
export interface HttpResponse extends ResponseHead {
  body: Buffer;
  /** False when there was more of the body, or the connection broke before its end. */
  isWhole: boolean;
}

/** How much of a body to read: `whole` fails with `tooLarge` beyond its bytes, `excerpt` stops there and is content. */
export type BodyWish = { kind: 'whole' | 'excerpt'; bytesMax: number };

/** What one call has done so far; it holds also when the call fails. */
export interface Meter {
  requestsSent: number;
  bytesReceived: number;
}

/** What one exchange needs besides its request. */
export interface ExchangeDeps {
  dispatcher: Dispatcher;
  meter: Meter;
  wish(head: ResponseHead): BodyWish;
  tooLarge(bytesMax: number): Error;
}

/** Sends one request and reads its response, no further than wished; rejects with the error of the transport. */
export function exchange(request: HttpRequest, deps: ExchangeDeps): Promise<HttpResponse> {
  const { dispatcher, meter } = deps;
  const { url, method } = request;
  return new Promise((resolve, reject) => {
    let head: ResponseHead | undefined;
    let wish: BodyWish = { kind: 'whole', bytesMax: 0 };
    let excerptTimer: NodeJS.Timeout | undefined;
    const chunks: Buffer[] = [];
    let bytes = 0;

    const finish = (response: ResponseHead, isWhole: boolean): void => {
      clearTimeout(excerptTimer);
      resolve({ ...response, body: Buffer.concat(chunks).subarray(0, wish.bytesMax), isWhole });
    };
    const isDone = (): boolean => wish.kind === 'excerpt' && bytes >= wish.bytesMax;
    const isTooMuch = (size: number): boolean => wish.kind === 'whole' && size > wish.bytesMax;

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart() {
        meter.requestsSent += 1;
      },
      onResponseStart(controller, status, headers) {
        // 103 and its like announce the response, which is still to come.
        if (status < 200) return;
        const response = { status, headers: toHeaderMap(headers) };
        head = response;
        wish = deps.wish(response);
        const stated = method === 'HEAD' ? 0 : Number(headers['content-length'] ?? 0);
        if (isTooMuch(stated)) controller.abort(deps.tooLarge(wish.bytesMax));
        else if (isDone()) stop(controller, response);
        else if (wish.kind === 'excerpt') {
          excerptTimer = setTimeout(() => stop(controller, response), EXCERPT_MS_MAX);
        }
      },
      onResponseData(controller, chunk) {
        bytes += chunk.length;
        meter.bytesReceived += chunk.length;
        if (isTooMuch(bytes)) return controller.abort(deps.tooLarge(wish.bytesMax));
        chunks.push(chunk);
        if (isDone() && head !== undefined) stop(controller, head);
      },
      onResponseEnd() {
        if (head !== undefined) finish(head, true);
      },
      onResponseError(_controller, error) {
        clearTimeout(excerptTimer);
        // Of an excerpt, what has come is enough.
        if (head !== undefined && wish.kind === 'excerpt') finish(head, false);
        else reject(error);
      },
    };
    const stop = (controller: Dispatcher.DispatchController, response: ResponseHead): void => {
      finish(response, false);
      controller.abort(new Error('Enough of the response was read.'));
    };
    const path = `${url.pathname}${url.search}`;
    const headers = Object.fromEntries(request.headers);
    const body = request.body ?? null;
    const sent = {
      origin: url.origin,
      path,
      method: method as Dispatcher.HttpMethod,
      headers,
      body,
    };
    dispatcher.dispatch(sent, handler);
  });
}

function toHeaderMap(headers: Record<string, string | string[] | undefined>) {
  const entries = Object.entries(headers).map(([name, value = '']) => {
    if (name === 'set-cookie') return [name, Array.isArray(value) ? value : [value]] as const;
    return [name, Array.isArray(value) ? value.join(', ') : value] as const;
  });
  return new Map<string, string | string[]>(entries);
}
