import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import {
  CONNECTION_IDLE_MS,
  REQUEST_HEADERS_MS_MAX,
  REQUEST_HEADER_BYTES_MAX,
  REQUEST_MS_MAX,
} from '../src/contracts/limits.ts';
import { listen } from '../src/http-server.ts';
import type { Listening } from '../src/http-server.ts';
import { createApp } from './app.ts';
import { answerClientErrors } from './client-errors.ts';
import type { ApiDeps } from './deps.ts';
import { takeUpgrades } from './live/upgrades.ts';
import type { Upgrade } from './live/upgrades.ts';

const DRAIN_MS = 4_000;
/** How often slow requests are looked for. */
const CHECK_MS = 2_000;

/** Serves the API. Rejects with the system's error when the address cannot be had. */
export async function startApiServer(
  deps: Omit<ApiDeps, 'closing' | 'upgrades'>,
  { host, port }: { host: string; port: number },
): Promise<Listening> {
  const closing = new AbortController();
  const upgrades = new WeakMap<IncomingMessage, Upgrade>();
  const handle = createApp({ ...deps, closing: closing.signal, upgrades }).callback();
  const server = createServer({
    // Node's own answers to a missing Host and an odd Expect are empty, so these requests go the way of all others.
    requireHostHeader: false,
    maxHeaderSize: REQUEST_HEADER_BYTES_MAX,
    headersTimeout: REQUEST_HEADERS_MS_MAX,
    requestTimeout: REQUEST_MS_MAX,
    connectionsCheckingInterval: CHECK_MS,
    keepAliveTimeout: CONNECTION_IDLE_MS,
  });
  server.on('request', (request, response) => void handle(request, response));
  server.on('checkExpectation', (request, response) => void handle(request, response));
  takeUpgrades(server, (request, response) => void handle(request, response), upgrades);
  answerClientErrors(server, deps);
  const listening = await listen(server, { host, port, drainMs: DRAIN_MS });
  return {
    url: listening.url,
    stop() {
      closing.abort();
      return listening.stop();
    },
  };
}
