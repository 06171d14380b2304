import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import { listen } from '../http-server.ts';
import type { Listening } from '../http-server.ts';
import type { Logger } from './logger.ts';

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
export async function startMetricsServer(options: MetricsServerOptions): Promise<Listening> {
  const { host, port } = options;
  const server = createServer(answerWith(options));
  const listening = await listen(server, { host, port, drainMs: DRAIN_MS });
  return { ...listening, url: listening.url + PATH };
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
