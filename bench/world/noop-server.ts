import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sayReady, stopOnSignal } from '../../src/bin/lifecycle.ts';

/** The world outside, which the http_call steps talk to; it answers at once. */
const BODY = JSON.stringify({ ok: true });

const server = createServer((request, response) => {
  request.resume();
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': BODY.length });
  response.end(BODY);
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
stopOnSignal(async () => {
  server.close();
  server.closeAllConnections();
});
sayReady({ port: String((server.address() as AddressInfo).port) });
