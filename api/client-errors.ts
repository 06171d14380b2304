import { STATUS_CODES } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { createFailure } from '../src/contracts/failures.ts';
import type { Failure } from '../src/contracts/failures.ts';
import {
  REQUEST_HEADER_BYTES_MAX,
  REQUEST_HEADERS_MS_MAX,
  REQUEST_MS_MAX,
} from '../src/contracts/limits.ts';
import { addressSubject } from '../src/rates/subjects.ts';
import type { ApiDeps } from './deps.ts';
import { rateHeaders } from './middleware/rate-headers.ts';
import { newRequestId } from './middleware/request-id.ts';

/** How long a client may still send before its connection is cut: cut at once, it might not read the answer. */
const LINGER_MS = 1000;

type ErrorDeps = Pick<ApiDeps, 'metrics' | 'logger' | 'rates' | 'ratePerMinute'>;

/** Answers what Node's parser refuses, with the failure object: no request has come of it that a route could answer. */
export function answerClientErrors(server: Server, deps: ErrorDeps): void {
  const latest = new WeakMap<Socket, ServerResponse>();
  server.on('request', ({ socket }, response) => latest.set(socket, response));
  const refused = new WeakSet<Socket>();
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable || refused.has(socket)) return;
    refused.add(socket);
    if (awaitsOtherAnswer(latest.get(socket))) socket.destroy();
    else void answer(socket, toFailure(error.code), deps);
  });
}

/** Whether the client would take an answer for that to an earlier request, or for a part of it. */
function awaitsOtherAnswer(response: ServerResponse | undefined): boolean {
  if (response === undefined) return false;
  const { complete } = response.req;
  return complete ? !response.writableFinished : response.headersSent;
}

function toFailure(code: string | undefined): Failure {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const limit = `${REQUEST_HEADER_BYTES_MAX} bytes (16 KiB)`;
    const message = `The first line and the headers together are larger than ${limit}.`;
    return createFailure('HEADERS_TOO_LARGE', message);
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    const limits = `${REQUEST_HEADERS_MS_MAX / 1000} s for the headers, ${REQUEST_MS_MAX / 1000} s for all of it`;
    return createFailure('REQUEST_TIMEOUT', `The request took longer to come than ${limits}.`);
  }
  return createFailure('INVALID_REQUEST', 'The request is not valid HTTP.', { status: 400 });
}

async function answer(socket: Socket, failure: Failure, deps: ErrorDeps): Promise<void> {
  const { metrics, logger, rates, ratePerMinute } = deps;
  const { status, code } = failure;
  const requestId = newRequestId();
  metrics.httpAnswered({ method: '', route: undefined, status, seconds: 0 });
  logger.info('request.answered', { request_id: requestId, status, code });
  const rate = await rates.take(addressSubject(socket.remoteAddress), ratePerMinute);
  if (!socket.writable) return;
  const body = JSON.stringify({ ...failure, request_id: requestId });
  const headers = {
    Connection: 'close',
    'Content-Type': 'application/problem+json',
    'Content-Length': String(Buffer.byteLength(body)),
    'X-Content-Type-Options': 'nosniff',
    'X-Request-Id': requestId,
    ...rateHeaders('address', rate),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}
