import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from './logger.ts';

export interface MetricsServer {
  url: string;
  /** Lets a scrape that is being answered end, for a while. */
  stop(): Promise<void>;
}

export interface MetricsServerOptions {
  host: string;
  /** 0 takes a free one. */
  port: number;
  scrape: () => Promise<string>;
  contentType: string;
  logger: Logger;
}

const PATH = '/metrics';
const DRAIN_MS = 1_000;

/** Serves `/metrics` and nothing else. Rejects with the system's error when the address cannot be had. */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const { host, port } = options;
  const server = createServer(answerWith(options));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    url: `http://${name}:${address.port}${PATH}`,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}

const answerWith =
  ({ scrape, contentType, logger }: MetricsServerOptions): RequestListener =>
  (request, response) => {
    request.resume();
    const answer = (status: number, text: string, headers: Record<string, string> = {}): void => {
      response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', ...headers });
      response.end(text);
    };
    if (request.url?.split('?')[0] !== PATH) return answer(404, `There is only ${PATH} here.\n`);
    if (request.method !== 'GET') return answer(405, 'Only GET is allowed.\n', { Allow: 'GET' });
    scrape().then(
      (text) => answer(200, text, { 'Content-Type': contentType }),
      (error: unknown) => {
        logger.error('metrics.failed', error);
        answer(500, 'The metrics could not be written; the log has the details.\n');
      },
    );
  };
