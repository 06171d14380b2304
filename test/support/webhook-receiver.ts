import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Webhook } from 'standardwebhooks';

/** One request as it came. */
export interface Delivery {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** Whether the signature is that of the receiver's secret, over the raw body. */
  isVerified: boolean;
}

export interface ReceiverOptions {
  /** `whsec_` and base64. */
  secret: string;
  /** @default 200 and JSON for what is verified, else 401 */
  answer?: (delivery: Delivery, response: ServerResponse, n: number) => void;
}

/** A receiver of webhooks as its owner would write it: a real HTTP server that verifies what comes. */
export interface WebhookReceiver {
  url: string;
  port: number;
  deliveries: Delivery[];
  /** How many connections were ever opened. */
  connections(): number;
  stop: () => Promise<void>;
}

const answerVerified = ({ isVerified }: Delivery, response: ServerResponse): void => {
  response.writeHead(isVerified ? 200 : 401, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ taken: isVerified }));
};

export async function startWebhookReceiver(options: ReceiverOptions): Promise<WebhookReceiver> {
  const { secret, answer = answerVerified } = options;
  const deliveries: Delivery[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      const body = Buffer.concat(chunks);
      const isVerified = verifies(secret, body, headers);
      const delivery = { method, path, headers, body, isVerified };
      deliveries.push(delivery);
      answer(delivery, response, deliveries.length);
    });
  });
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket.on('error', () => undefined));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/hook`,
    port,
    deliveries,
    connections: () => connections,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Whether the standard's own library takes these bytes for a message signed with this secret. */
export function verifies(secret: string, body: Buffer, headers: IncomingHttpHeaders): boolean {
  try {
    new Webhook(secret).verify(body, headers as Record<string, string>);
    return true;
  } catch {
    return false;
  }
}
