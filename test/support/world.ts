import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface World {
  /** `127.0.0.1:port` */
  target: string;
  /** The idempotency key of every request that was answered with success. */
  effects: string[];
  /** While false, every request is answered 503. */
  isUp: boolean;
  /** How long an answer takes. */
  delayMs: number;
  stop(): Promise<void>;
}

/** A small HTTP server for skills to call. */
export async function startWorld(): Promise<World> {
  const server = createServer((request, response) => {
    request.resume();
    if (!world.isUp) {
      response.statusCode = 503;
      response.end('down');
      return;
    }
    world.effects.push(String(request.headers['idempotency-key']));
    setTimeout(() => {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify({ ok: true }));
    }, world.delayMs);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const world: World = {
    target: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    effects: [],
    isUp: true,
    delayMs: 0,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
  return world;
}
