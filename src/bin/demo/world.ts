import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

export interface DemoWorld {
  port: number;
  /** What its owner would see of the webhooks that came. */
  webhooks: { id: string; isGenuine: boolean; payload: unknown }[];
  /** The seats that are taken, by the key of the effect that took them. */
  seats: Set<string>;
  /** What came in `Authorization`. */
  tokens: string[];
  /** Webhooks are verified with this secret from now on. */
  trust(webhookSecret: string): void;
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

/** The small world that the plans of the demo talk to. Publishing fails the first time, so that a retry can be seen. */
export async function startDemoWorld(): Promise<DemoWorld> {
  let published = 0;
  let secret: string | undefined;
  const webhooks: DemoWorld['webhooks'] = [];
  const seats = new Set<string>();
  const tokens: string[] = [];

  const answers: Record<string, (request: IncomingMessage, body: string) => [number, unknown]> = {
    'GET /items.json': () => [200, ITEMS],
    'PUT /reports/latest': (request) => {
      published += 1;
      if (published === 1) return [503, { error: 'warming up, try again' }];
      return [201, { id: 'report-1', idempotency_key: request.headers['idempotency-key'] }];
    },
    'POST /hooks/reports': (request, body) => {
      webhooks.push({
        id: String(request.headers['webhook-id']),
        isGenuine: secret !== undefined && isGenuine(secret, request, body),
        payload: JSON.parse(body) as unknown,
      });
      return [200, { thanks: true }];
    },
    'POST /seats': (request) => {
      const seat = `seat-${seats.size + 1}`;
      seats.add(seat);
      return [201, { seat, idempotency_key: request.headers['idempotency-key'] }];
    },
    'POST /payments': () => [402, { error: 'the card was declined' }],
    'GET /account': (request) =>
      request.headers.authorization?.startsWith('Bearer ')
        ? [200, { owner: 'Ada', balance: 4200 }]
        : [401, { error: 'a token is needed' }],
    'GET /whoami': (request) => {
      tokens.push(String(request.headers.authorization));
      return [200, { you_sent: request.headers.authorization }];
    },
    'DELETE /seats/seat-1': () => [200, { freed: seats.delete('seat-1') }],
  };

  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const answer = answers[`${request.method} ${request.url}`];
      const body = Buffer.concat(chunks).toString('utf8');
      const [status, json] = answer?.(request, body) ?? [404, { error: 'no such page' }];
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(json));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    webhooks,
    seats,
    tokens,
    trust(webhookSecret) {
      secret = webhookSecret;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function isGenuine(secret: string, request: IncomingMessage, body: string): boolean {
  try {
    new Webhook(secret).verify(body, request.headers as Record<string, string>);
    return true;
  } catch {
    return false;
  }
}
