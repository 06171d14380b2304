import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';
import { converse } from '../support/raw-http.ts';

const RUNS = '/api/v1/runs';
const OURS = 'https://console.example.org';
const DEV = 'http://localhost:5173';
const STRANGERS = [
  'https://evil.example',
  'https://console.example.org.evil.example',
  'https://evil-console.example.org',
  'http://console.example.org',
  'https://console.example.org:8443',
  'HTTPS://CONSOLE.EXAMPLE.ORG',
  'null',
  '*',
];

describe('a browser', () => {
  let aos: Harness;
  beforeAll(async () => {
    aos = await startHarness({ worker: false, reconciler: false, corsOrigins: [OURS, DEV] });
  });
  afterAll(() => aos.stop());

  /** Not by fetch, which sets some of these headers itself. */
  const ask = async (method: string, path: string, headers: Record<string, string>) => {
    const lines = Object.entries({ Host: 'aos', 'Content-Length': '0', ...headers });
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    const [answer] = await converse(aos.url, [`${method} ${path} HTTP/1.1\r\n${head}\r\n`]);
    return answer!;
  };
  const preflight = (origin: string, more: Record<string, string> = {}) =>
    ask('OPTIONS', RUNS, { Origin: origin, 'Access-Control-Request-Method': 'POST', ...more });
  const words = (text: string | undefined) => text!.toLowerCase().split(/, */);

  test('learns without a key what a page of an allowed origin may send', async () => {
    for (const origin of [OURS, DEV]) {
      const { status, headers, body } = await preflight(origin, {
        'Access-Control-Request-Headers': 'x-api-key, content-type',
      });
      expect(status).toBe(200);
      expect(JSON.parse(body)).toEqual({});
      expect(headers.get('access-control-allow-origin')).toBe(origin);
      expect(headers.get('vary')).toContain('Origin');
      expect(headers.has('access-control-allow-credentials')).toBe(false);
      expect(words(headers.get('access-control-allow-headers'))).toEqual(
        expect.arrayContaining([
          'x-api-key',
          'x-aos-key',
          'authorization',
          'content-type',
          'idempotency-key',
          'traceparent',
          'if-none-match',
        ]),
      );
      expect(words(headers.get('access-control-allow-methods'))).toEqual(
        expect.arrayContaining(['get', 'post', 'put', 'patch', 'delete']),
      );
      expect(Number(headers.get('access-control-max-age'))).toBeGreaterThan(0);
    }
  });

  test.each(STRANGERS)('learns nothing for the origin %s', async (origin) => {
    const { status, headers } = await preflight(origin);
    expect(status).toBe(401);
    const answer = await ask('GET', RUNS, { Origin: origin, 'X-API-Key': aos.key });
    expect(answer.status).toBe(200);
    for (const each of [headers, answer.headers])
      expect([...each.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
  });

  test('may show a page of an allowed origin every answer, refusals too, and its headers', async () => {
    for (const [status, path, headers] of [
      [200, RUNS, { 'X-API-Key': aos.key }],
      [401, RUNS, {}],
      [404, '/nowhere', { 'X-API-Key': aos.key }],
      [200, '/health', {}],
    ] as const) {
      const answer = await ask('GET', path, { Origin: OURS, ...headers });
      expect({ path, status: answer.status }).toEqual({ path, status });
      expect(answer.headers.get('access-control-allow-origin')).toBe(OURS);
      expect(words(answer.headers.get('access-control-expose-headers'))).toEqual(
        expect.arrayContaining([
          'ratelimit',
          'ratelimit-policy',
          'x-ratelimit-limit',
          'x-ratelimit-remaining',
          'x-ratelimit-reset',
          'x-request-id',
          'etag',
          'location',
          'retry-after',
          'idempotency-replayed',
        ]),
      );
    }
  });

  test('that sends OPTIONS without asking for a method is treated like everybody', async () => {
    expect((await ask('OPTIONS', RUNS, { Origin: OURS })).status).toBe(401);
    expect((await ask('OPTIONS', RUNS, { Origin: OURS, 'X-API-Key': aos.key })).status).toBe(405);
  });

  test('is told on every answer to guess no type, to frame nothing and to load nothing', async () => {
    for (const [path, headers] of [
      ['/health', {}],
      [RUNS, { 'X-API-Key': aos.key }],
      [RUNS, {}],
      ['/nowhere', { 'X-API-Key': aos.key }],
      ['/docs/errors/INTERNAL', {}],
    ] as const) {
      const answer = await ask('GET', path, headers);
      const policy = answer.headers.get('content-security-policy')!;
      for (const part of ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"])
        expect(policy).toContain(part);
      expect(policy).not.toMatch(/unsafe|self|\*|http/);
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      expect(answer.headers.get('x-frame-options')).toBe('DENY');
      expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
      expect(answer.headers.has('x-powered-by')).toBe(false);
    }
  });

  test('may let the reference run its own script and nobody else’s', async () => {
    const { headers } = await ask('GET', '/docs', {});
    const policy = headers.get('content-security-policy')!.split(';');
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("style-src 'self' 'unsafe-inline'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy.join(';')).not.toMatch(/http|\*|unsafe-eval/);
  });
});
