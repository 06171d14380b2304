import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface DemoServer {
  port: number;
  stop(): Promise<void>;
}

const ITEMS = {
  items: [
    { name: 'tea', in_stock: true },
    { name: 'coffee', in_stock: false },
    { name: 'cocoa', in_stock: true },
    { name: 'maté', in_stock: true },
  ],
};

/** The small world that the quick-start plan talks to. Publishing fails the first time, so that a retry can be seen. */
export async function startDemoServer(): Promise<DemoServer> {
  let published = 0;
  const server = createServer((request, response) => {
    request.resume();
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    if (request.url === '/items.json') return answer(200, ITEMS);
    if (request.method === 'PUT' && request.url === '/reports/latest') {
      published += 1;
      if (published === 1) return answer(503, { error: 'warming up, try again' });
      return answer(201, { id: 'report-1', idempotency_key: request.headers['idempotency-key'] });
    }
    return answer(404, { error: 'no such page' });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
