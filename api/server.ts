import { createServer } from 'node:http';
import { createFailure } from '../src/contracts/failures.ts';
import { listen } from '../src/http-server.ts';
import type { Listening } from '../src/http-server.ts';
import { createApp } from './app.ts';
import type { ApiDeps } from './deps.ts';
import { newRequestId } from './middleware/request-id.ts';

const DRAIN_MS = 4_000;

/** Serves the API. Rejects with the system's error when the address cannot be had. */
export async function startApiServer(
  deps: Omit<ApiDeps, 'closing'>,
  { host, port }: { host: string; port: number },
): Promise<Listening> {
  const closing = new AbortController();
  const handle = createApp({ ...deps, closing: closing.signal }).callback();
  // Node's own answers to a missing Host and an odd Expect are empty, so these requests go the way of all others.
  const server = createServer({ requireHostHeader: false });
  server.on('request', (request, response) => void handle(request, response));
  server.on('checkExpectation', (request, response) => void handle(request, response));
  server.on('clientError', (_error, socket) => {
    if (!socket.writable) return;
    const failure = createFailure('INVALID_REQUEST', 'The request is not valid HTTP.', {
      status: 400,
    });
    deps.metrics.httpAnswered({ method: '', route: undefined, status: 400, seconds: 0 });
    const body = JSON.stringify({ ...failure, request_id: newRequestId() });
    socket.end(
      `HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
  });
  const listening = await listen(server, { host, port, drainMs: DRAIN_MS });
  return {
    url: listening.url,
    stop() {
      closing.abort();
      return listening.stop();
    },
  };
}
