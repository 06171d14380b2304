import { afterEach, describe, expect, test } from '@jest/globals';
import { createLogger } from '../../src/telemetry/logger.ts';
import { startMetricsServer } from '../../src/telemetry/metrics-server.ts';
import type { Listening } from '../../src/http-server.ts';
import type { MetricsServerOptions } from '../../src/telemetry/metrics-server.ts';

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

describe('the server of metrics', () => {
  let server: Listening | undefined;
  const lines: string[] = [];
  const start = async (options: Partial<MetricsServerOptions> = {}): Promise<Listening> => {
    server = await startMetricsServer({
      host: '127.0.0.1',
      port: 0,
      scrape: () => Promise.resolve('aos_x 1\n'),
      contentType: CONTENT_TYPE,
      logger: createLogger('debug', 'test', { write: (line) => lines.push(line) }),
      ...options,
    });
    return server;
  };
  afterEach(async () => {
    await server?.stop();
    server = undefined;
    lines.length = 0;
  });

  test('answers /metrics in the format that it states, with any query', async () => {
    const { url } = await start();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
    for (const each of [url, `${url}?name=x`]) {
      const response = await fetch(each);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe(CONTENT_TYPE);
      expect(await response.text()).toBe('aos_x 1\n');
    }
  });

  test('has nothing else, and takes nothing', async () => {
    const { url } = await start();
    for (const path of ['/', '/metrics/', '/health', '/api/v1/runs', '//metrics'])
      expect([path, (await fetch(new URL(url).origin + path)).status]).toEqual([path, 404]);
    for (const method of ['POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS']) {
      const response = await fetch(url, { method });
      expect([method, response.status, response.headers.get('allow')]).toEqual([
        method,
        405,
        'GET',
      ]);
    }
  });

  test('says that it failed without saying how, and logs it', async () => {
    const { url } = await start({ scrape: () => Promise.reject(new Error('something inside')) });
    const response = await fetch(url);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('inside');
    expect(lines.join('')).toContain('something inside');
  });

  test('does not start on a port that is taken', async () => {
    const { url } = await start();
    const other = startMetricsServer({
      host: '127.0.0.1',
      port: Number(new URL(url).port),
      scrape: () => Promise.resolve(''),
      contentType: CONTENT_TYPE,
      logger: createLogger('silent', 'test'),
    });
    await expect(other).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test('lets an answer end when it stops, and takes no more', async () => {
    let answer = (_text: string): void => {};
    let asked = (): void => {};
    const begun = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const running = await start({
      scrape: () =>
        new Promise((resolve) => {
          answer = resolve;
          asked();
        }),
    });
    const response = fetch(running.url).then((each) => each.text());
    await begun;
    const stopped = running.stop();
    answer('the last\n');
    expect(await response).toBe('the last\n');
    await stopped;
    await expect(fetch(running.url)).rejects.toThrow('fetch failed');
  });
});
