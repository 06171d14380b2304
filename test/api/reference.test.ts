import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';

const COMMITTED = new URL('../../docs/reference/openapi.json', import.meta.url);

describe('the reference', () => {
  let aos: Harness;
  beforeAll(async () => {
    aos = await startHarness({ worker: false, reconciler: false });
  });
  afterAll(() => aos.stop());

  const get = (path: string, headers: Record<string, string> = {}) =>
    aos.request<string>(path, { key: null, headers });

  test('serves without a key the document that is committed', async () => {
    const { status, headers, body } = await get('/openapi.json');
    expect(status).toBe(200);
    expect(headers.get('Content-Type')).toMatch(/^application\/json/);
    expect(body).toEqual(JSON.parse(readFileSync(COMMITTED, 'utf8')));
  });

  test('names the document by an ETag, and answers whole to who knows it', async () => {
    const first = await get('/openapi.json');
    const etag = first.headers.get('ETag')!;
    expect(etag).toMatch(/^"[0-9a-f]{64}"$/);
    const again = await get('/openapi.json', { 'If-None-Match': etag });
    expect(again.status).toBe(200);
    expect(again.headers.get('ETag')).toBe(etag);
    expect(again.body).toEqual(first.body);
  });

  test('is a page that loads its script and the document from here alone', async () => {
    const { status, headers, body } = await get('/docs');
    expect(status).toBe(200);
    expect(headers.get('Content-Type')).toMatch(/^text\/html/);
    expect([...body.matchAll(/(?:src|href)="([^"]*)"/g)].map((match) => match[1])).toEqual([
      'data:,',
      '/docs/reference.js',
    ]);
    const [, settings] = /data-configuration='([^']*)'/.exec(body)!;
    expect(JSON.parse(settings!)).toMatchObject({
      url: '/openapi.json',
      proxyUrl: '',
      telemetry: false,
      withDefaultFonts: false,
    });
    expect(headers.get('Content-Security-Policy')).toContain("connect-src 'self'");
    expect(headers.get('Content-Security-Policy')).toContain("script-src 'self';");
  });

  test('sends the script packed to who takes it so, and plain to others', async () => {
    const packed = await get('/docs/reference.js', { 'Accept-Encoding': 'gzip' });
    expect(packed.headers.get('Content-Encoding')).toBe('gzip');
    expect(packed.headers.get('Vary')).toContain('Accept-Encoding');
    const plain = await get('/docs/reference.js', { 'Accept-Encoding': 'identity' });
    expect(plain.headers.get('Content-Encoding')).toBeNull();
    expect(plain.headers.get('Content-Type')).toMatch(/^text\/javascript/);
    expect(plain.body.length).toBeGreaterThan(1_000_000);
    expect(packed.body === plain.body).toBe(true);
  });
});
