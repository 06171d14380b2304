import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Json, JsonObject } from '../../src/contracts/json.ts';
import { HTTP_REDIRECTS_MAX, HTTP_RESPONSE_BYTES_MAX } from '../../src/contracts/limits.ts';
import type { SkillResult } from '../../src/contracts/skill.ts';
import { createEgressGuard, parseEgressAllow } from '../../src/skills/egress.ts';
import type { ResolveName } from '../../src/skills/egress.ts';
import { createHttpCall, httpCallContract } from '../../src/skills/http-call.ts';
import { parseHttpPrices } from '../../src/skills/http/prices.ts';
import type { SkillCall } from '../../src/skills/skill.ts';

const MIB = 1024 * 1024;
const CENT = 1_000_000;

interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

interface TestServer {
  origin: string;
  port: number;
  seen: Seen[];
  connections(): number;
  close(): Promise<void>;
}

const servers: TestServer[] = [];
afterAll(() => Promise.all(servers.map((server) => server.close())));

async function listen(server: Server, seen: Seen[], scheme = 'http'): Promise<TestServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections += 1;
    sockets.add(socket.on('error', () => undefined));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const started: TestServer = {
    origin: `${scheme}://127.0.0.1:${port}`,
    port,
    seen,
    connections: () => connections,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  servers.push(started);
  return started;
}

type Handle = (request: Seen, response: ServerResponse) => void;

/** A real HTTP server that remembers what it was sent. */
function serve(handle: Handle): Promise<TestServer> {
  const seen: Seen[] = [];
  const server = createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = { method, url, headers, body: Buffer.concat(chunks).toString() };
      seen.push(one);
      handle(one, response);
    });
  });
  return listen(server, seen);
}

/** A server that says these bytes to whoever asks, and then ends or stays silent. */
function serveRaw(text: string | Buffer, end = true): Promise<TestServer> {
  const server = createTcpServer((socket) => {
    socket.once('data', () => (end ? socket.end(text) : socket.write(text)));
  });
  return listen(server, []);
}

const skillOf = (allow = '127.0.0.1/32', prices = '', resolve?: ResolveName) =>
  createHttpCall({
    egress: createEgressGuard({
      allow: parseEgressAllow(allow),
      ...(resolve === undefined ? {} : { resolve }),
    }),
    prices: parseHttpPrices(prices),
  });
const skill = skillOf();

const callOf = (params: JsonObject, more: Partial<SkillCall> = {}): SkillCall => ({
  params,
  tenantId: 'ten_1',
  effectKey: 'eff_1',
  signal: new AbortController().signal,
  timeoutMs: 10_000,
  ...more,
});

const call = (params: JsonObject, more: Partial<SkillCall> = {}): Promise<SkillResult> =>
  skill.call(callOf(params, more));

const succeeded = (output: object): unknown =>
  expect.objectContaining({ ok: true, output: expect.objectContaining(output) as unknown });
const failed = (failure: object): unknown =>
  expect.objectContaining({ ok: false, failure: expect.objectContaining(failure) as unknown });

const outputOf = (result: SkillResult): JsonObject => {
  if (!result.ok) throw new Error(result.failure.message);
  return result.output as JsonObject;
};

describe('the contract', () => {
  const { params } = httpCallContract;

  test('takes a URL alone, and fills in the rest', () =>
    expect(params.parse({ url: 'https://example.org' })).toEqual({
      url: 'https://example.org',
      method: 'GET',
      follow_redirects: true,
    }));

  test('takes everything it lists', () => {
    const full = {
      url: 'https://example.org',
      method: 'patch',
      headers: { a: 'x', b: 1, c: true },
      query: { a: [1, 'x', false], b: null },
      body: [null],
      timeout_ms: 1000,
      timeout_seconds: 0.5,
      retry: { max_attempts: 2, backoff_seconds: 0.1 },
      max_response_bytes: 1,
      follow_redirects: false,
    };
    expect(params.parse(full)).toEqual(full);
  });

  test.each<JsonObject>([
    {},
    { url: 1 },
    { url: '' },
    { url: 'http://a', method: 'TRACE' },
    { url: 'http://a', method: 'CONNECT' },
    { url: 'http://a', headers: { a: [] } },
    { url: 'http://a', query: { a: {} } },
    { url: 'http://a', timeout_ms: 0 },
    { url: 'http://a', timeout_ms: 600_001 },
    { url: 'http://a', timeout_seconds: 601 },
    { url: 'http://a', max_response_bytes: HTTP_RESPONSE_BYTES_MAX + 1 },
    { url: 'http://a', retry: { max_attempts: 0 } },
  ])('refuses %j, also when it was not checked before', async (wrong) => {
    expect(params.safeParse(wrong).success).toBe(false);
    expect(await call(wrong)).toEqual(failed({ code: 'PARAMS_INVALID', retryable: false }));
  });

  test('says by method what may be repeated', () => {
    const repeatable = ['GET', 'get', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'POST', 'patch'].map(
      (method) => skill.isIdempotent({ url: 'http://a', method }),
    );
    expect(repeatable).toEqual([true, true, true, true, true, true, false, false]);
    expect(skill.isIdempotent({ url: 'http://a' })).toBe(true);
  });

  test('reads the time limit in either unit', () => {
    expect(skill.timeoutMs({ timeout_ms: 5 })).toBe(5);
    expect(skill.timeoutMs({ timeout_seconds: 1.5 })).toBe(1500);
    expect(skill.timeoutMs({ timeout_ms: 5, timeout_seconds: 1 })).toBe(5);
    expect(skill.timeoutMs({})).toBeUndefined();
  });
});

describe('a request', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await serve(({ method }, response) => {
      response.setHeader('Content-Type', 'application/json; charset=utf-8');
      response.setHeader('Set-Cookie', ['a=1', 'b=2']);
      response.setHeader('X-Many', ['one', 'two']);
      response.end(method === 'HEAD' ? undefined : '{"ok":true}');
    });
  });
  const sent = async (params: JsonObject): Promise<Seen> => {
    const before = server.seen.length;
    expect(await call({ url: server.origin, ...params })).toEqual(succeeded({ status_code: 200 }));
    expect(server.seen).toHaveLength(before + 1);
    return server.seen.at(-1) as Seen;
  };

  test('gives back status, headers and parsed body', async () => {
    const result = await call({ url: `${server.origin}/a?b=c#d` });
    expect(outputOf(result)).toEqual({
      status_code: 200,
      headers: expect.objectContaining({
        'content-type': 'application/json; charset=utf-8',
        'set-cookie': ['a=1', 'b=2'],
        'x-many': 'one, two',
      }) as unknown as Json,
      body: { ok: true },
      url: `${server.origin}/a?b=c`,
      redirects: 0,
      bytes: 11,
      duration_ms: expect.any(Number) as unknown as Json,
    });
    expect(httpCallContract.output.safeParse(outputOf(result)).success).toBe(true);
  });

  test('carries the effect key, unless the plan has a key of its own', async () => {
    expect((await sent({})).headers['idempotency-key']).toBe('eff_1');
    const own = await sent({ method: 'POST', headers: { 'Idempotency-KEY': 'mine' } });
    expect(own.headers['idempotency-key']).toBe('mine');
  });

  test('sends an object once, as JSON', async () => {
    const seen = await sent({ method: 'post', body: { a: [1, 'ä', null] } });
    expect(seen).toMatchObject({ method: 'POST', body: '{"a":[1,"ä",null]}' });
    expect(seen.headers['content-type']).toBe('application/json');
  });

  test.each<[Json, string]>([
    [[], '[]'],
    [0, '0'],
    [false, 'false'],
    [null, 'null'],
  ])('sends %j as JSON', async (body, text) => {
    const seen = await sent({ method: 'PUT', body });
    expect(seen.body).toBe(text);
    expect(seen.headers['content-type']).toBe('application/json');
  });

  test('sends a string as it is, and keeps the type that the plan gives', async () => {
    const plain = await sent({ method: 'POST', body: 'a=1&b=2' });
    expect(plain.body).toBe('a=1&b=2');
    expect(plain.headers['content-type']).toBe('text/plain; charset=utf-8');
    const form = await sent({
      method: 'POST',
      body: 'a=1&b=2',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(form.headers['content-type']).toBe('application/x-www-form-urlencoded');
    expect((await sent({ method: 'POST', body: '' })).headers['content-length']).toBe('0');
    expect((await sent({ method: 'GET', body: null })).headers['content-type']).toBeUndefined();
  });

  test('adds its query to that of the URL, which stays as written', async () => {
    const query = { q: 'a b&c', n: [1, 2], t: true, none: null };
    const seen = await sent({ url: `${server.origin}/p?sig=a%20b%2f`, query });
    expect(seen.url).toBe('/p?sig=a%20b%2f&q=a+b%26c&n=1&n=2&t=true');
    expect((await sent({ query: { a: '' } })).url).toBe('/?a=');
  });

  test('turns numbers and booleans in headers into text', async () => {
    const seen = await sent({ headers: { 'X-Number': 1.5, 'X-Flag': false } });
    expect(seen.headers).toMatchObject({ 'x-number': '1.5', 'x-flag': 'false' });
  });

  test('HEAD has no body, whatever length is stated', async () => {
    const head = await serve((_request, response) => {
      response.writeHead(200, { 'Content-Length': 10 ** 12, 'Content-Encoding': 'gzip' }).end();
    });
    const result = await call({ url: head.origin, method: 'HEAD' });
    expect(result).toEqual(succeeded({ status_code: 200, body: null, bytes: 0 }));
  });

  test('204 has no body', async () => {
    const empty = await serve((_request, response) => response.writeHead(204).end());
    expect(await call({ url: empty.origin, method: 'DELETE' })).toEqual(
      succeeded({ status_code: 204, body: null }),
    );
  });

  test('waits for the response after those that only announce it', async () => {
    const early = await serve((_request, response) => {
      response.writeEarlyHints({ link: '</a>; rel=preload' });
      response.end('late');
    });
    expect(await call({ url: early.origin })).toEqual(succeeded({ body: 'late' }));
    const hint = 'HTTP/1.1 103 Early Hints\r\nContent-Length: 11000000\r\n\r\n';
    const raw = await serveRaw(`${hint}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate`);
    expect(await call({ url: raw.origin })).toEqual(succeeded({ status_code: 200, body: 'late' }));
  });
});

describe('a request that may not be', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await serve((_request, response) => response.end('reached'));
  });

  test.each<[string, JsonObject]>([
    ['a line break in a value', { 'X-A': 'a\r\nX-Evil: 1' }],
    ['a bare line feed in a value', { 'X-A': 'a\nb' }],
    ['a NUL in a value', { 'X-A': 'a\0b' }],
    ['a value beyond Latin-1', { 'X-A': 'snow☃' }],
    ['a line break in a name', { 'X-A\r\nX-Evil': '1' }],
    ['a colon in a name', { 'X-A: b': '1' }],
    ['an empty name', { '': '1' }],
    ['Host', { hOsT: 'evil' }],
    ['Connection', { Connection: 'upgrade' }],
    ['Transfer-Encoding', { 'Transfer-Encoding': 'chunked' }],
    ['Content-Length', { 'content-length': 3 }],
    ['Upgrade', { Upgrade: 'h2c' }],
    ['Expect', { Expect: '100-continue' }],
    ['TE', { TE: 'trailers' }],
    ['one name twice', { 'X-A': '1', 'x-a': '2' }],
    ['too long a value', { 'X-A': 'a'.repeat(8193) }],
    ['too many', Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`x-${n}`, n]))],
  ])('headers with %s are refused', async (_what, headers) => {
    const message = expect.stringMatching(/header/) as unknown;
    expect(await call({ url: server.origin, headers })).toEqual(
      failed({ code: 'PARAMS_INVALID', message }),
    );
    expect(server.connections()).toBe(0);
  });

  test('the value of a refused header is not repeated', async () => {
    const headers = { Authorization: 'Bearer s3cret\n' };
    expect(JSON.stringify(await call({ url: server.origin, headers }))).not.toContain('s3cret');
  });

  test.each([
    'example.org',
    '/path',
    'http://',
    'http://exa mple',
    'http://127.0.0.1:99999',
    'http://user:pass@127.0.0.1',
    'http://127.0.0.1/\r\nX-Evil: 1',
    'ht\ttp://127.0.0.1',
  ])('`%s` is no URL', async (url) =>
    expect(await call({ url })).toEqual(failed({ code: 'PARAMS_INVALID' })),
  );

  test('a body too deep to be written is refused', async () => {
    let body: Json = 0;
    for (let depth = 0; depth < 100_000; depth += 1) body = [body];
    expect(await call({ url: server.origin, method: 'POST', body })).toEqual(
      failed({ code: 'PARAMS_INVALID' }),
    );
  });

  test('private addresses are refused in every spelling, and no connection arrives', async () => {
    const guarded = skillOf('', '', (hostname) =>
      Promise.resolve([{ address: hostname === 'six.example' ? '::1' : '127.0.0.1' }]),
    );
    const hosts = ['127.0.0.1', '127.1', '0x7f.1', '2130706433', 'localhost', '[::1]'].concat([
      '[::ffff:127.0.0.1]',
      '169.254.169.254',
      '0.0.0.0',
      'four.example',
      'six.example',
    ]);
    for (const host of hosts) {
      const result = await guarded.call(callOf({ url: `http://${host}:${server.port}/` }));
      expect([host, result]).toEqual([host, failed({ code: 'EGRESS_BLOCKED', retryable: false })]);
      expect(result.usage.cost_micro_cents).toBe(0);
    }
    expect(server.connections()).toBe(0);
  });

  test.each(['file:///etc/passwd', 'ftp://127.0.0.1/', 'data:text/plain,a', 'javascript:1'])(
    '%s has a scheme that is not allowed',
    async (url) => expect(await call({ url })).toEqual(failed({ code: 'EGRESS_BLOCKED' })),
  );
});

describe('redirects', () => {
  let server: TestServer;
  let other: TestServer;
  beforeAll(async () => {
    other = await serve((_request, response) => response.end('other'));
    server = await serve(({ url }, response) => {
      const [, status = '', to = ''] = /^\/to\/(\d+)\/(.*)$/.exec(url) ?? [];
      if (status === '') return response.end('arrived');
      response.writeHead(Number(status), { Location: decodeURIComponent(to) });
      return response.end('a body that nobody needs');
    });
  });
  const to = (location: string, status = 302): string =>
    `${server.origin}/to/${status}/${encodeURIComponent(location)}`;
  const credentials = {
    Authorization: 'Bearer a',
    'Proxy-Authorization': 'Basic a',
    Cookie: 'a=b',
    'X-API-Key': 'a',
    'X-Goog-Api-Key': 'a',
    apikey: 'a',
    'X-Auth-Token': 'a',
    'X-Amz-Security-Token': 'a',
    'X-Functions-Key': 'a',
    'X-Trace': 'kept',
  };
  const dropped = Object.keys(credentials)
    .map((name) => name.toLowerCase())
    .filter((name) => name !== 'x-trace');

  test('are followed, and counted', async () => {
    const result = await call({ url: to(to('/end?a=b#c')) });
    const end = `${server.origin}/end?a=b`;
    expect(result).toEqual(succeeded({ body: 'arrived', url: end, redirects: 2, bytes: 7 }));
  });

  test('are given back when they are not to be followed', async () => {
    const result = await call({ url: to('/end'), follow_redirects: false });
    expect(result).toEqual(succeeded({ status_code: 302, redirects: 0 }));
    expect(outputOf(result)['headers']).toMatchObject({ location: '/end' });
  });

  test.each([
    [303, 'POST', 'GET'],
    [303, 'DELETE', 'GET'],
    [303, 'HEAD', 'HEAD'],
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [302, 'PUT', 'PUT'],
    [307, 'POST', 'POST'],
    [308, 'PATCH', 'PATCH'],
  ])('with status %d turn %s into %s', async (status, method, then) => {
    const body = method === 'HEAD' ? undefined : { body: { a: 1 } };
    expect(await call({ url: to('/end', status), method, ...body })).toEqual(
      succeeded({ status_code: 200 }),
    );
    const last = server.seen.at(-1);
    expect(last).toMatchObject({ method: then, body: then === method && body ? '{"a":1}' : '' });
    const isJson = last?.headers['content-type'] === 'application/json';
    expect(isJson).toBe(then === method && body !== undefined);
  });

  test('keep credentials within an origin and drop them across', async () => {
    await call({ url: to('/end'), headers: credentials });
    expect(Object.keys(server.seen.at(-1)?.headers ?? {})).toEqual(
      expect.arrayContaining([...dropped, 'x-trace', 'idempotency-key']),
    );
    const across = await call({ url: to(`${other.origin}/end`), headers: credentials });
    expect(across).toEqual(succeeded({ body: 'other' }));
    const names = Object.keys(other.seen.at(-1)?.headers ?? {});
    expect(names).toEqual(expect.arrayContaining(['x-trace', 'idempotency-key']));
    expect(names.filter((name) => dropped.includes(name))).toEqual([]);
  });

  test('without end are refused', async () => {
    const before = server.seen.length;
    let url = '/end';
    for (let hop = 0; hop <= HTTP_REDIRECTS_MAX; hop += 1) url = to(url);
    expect(await call({ url })).toEqual(failed({ code: 'REDIRECT_REFUSED', retryable: false }));
    expect(server.seen).toHaveLength(before + HTTP_REDIRECTS_MAX + 1);
    const loop = await serve((_request, response) => {
      response.writeHead(301, { Location: '/' }).end();
    });
    expect(await call({ url: loop.origin })).toEqual(failed({ code: 'REDIRECT_REFUSED' }));
    expect(loop.seen).toHaveLength(HTTP_REDIRECTS_MAX + 1);
  });

  test('to a private address are blocked, by address, by name, and by a name that moved', async () => {
    const victim = await serve((_request, response) => response.end('secret'));
    const answers = ['127.0.0.1', '127.0.0.2'];
    const guarded = skillOf(`127.0.0.1:${server.port}`, '', () =>
      Promise.resolve([{ address: answers.shift() ?? '127.0.0.1' }]),
    );
    const moved = `http://rebind.example:${server.port}/to/302/`;
    const targets = [`127.0.0.1:${victim.port}`, `0x7f.1:${victim.port}`, `[::1]:${victim.port}`];
    const blocked = failed({ code: 'EGRESS_BLOCKED' });
    expect(await guarded.call(callOf({ url: `${moved}${encodeURIComponent('/end')}` }))).toEqual(
      blocked,
    );
    expect(answers).toEqual([]);
    for (const target of [...targets, `name.example:${victim.port}`]) {
      expect(await guarded.call(callOf({ url: to(`http://${target}/`) }))).toEqual(blocked);
    }
    expect(victim.connections()).toBe(0);
  });

  test.each(['http://', 'http://user@127.0.0.1/'])('to `%s` are refused', async (location) =>
    expect(await call({ url: to(location) })).toEqual(failed({ code: 'REDIRECT_REFUSED' })),
  );

  test('to another scheme are blocked', async () =>
    expect(await call({ url: to('file:///etc/passwd') })).toEqual(
      failed({ code: 'EGRESS_BLOCKED' }),
    ));

  test('to a host with a price of its own are refused', async () => {
    const before = other.seen.length;
    const url = to(`${other.origin}/`);
    const cost = (amount: number) =>
      expect.objectContaining({ usage: { cost_micro_cents: amount } });
    const toPriced = skillOf('127.0.0.1/32', `127.0.0.1:${other.port}=2`);
    const refused = await toPriced.call(callOf({ url }));
    expect(refused).toEqual(failed({ code: 'REDIRECT_REFUSED' }));
    expect(refused).toEqual(cost(0));
    const both = `127.0.0.1:${other.port}=2,127.0.0.1:${server.port}=1`;
    const between = await skillOf('127.0.0.1/32', both).call(callOf({ url }));
    expect(between).toEqual(failed({ code: 'REDIRECT_REFUSED' }));
    expect(between).toEqual(cost(CENT));
    expect(other.seen).toHaveLength(before);

    const fromPriced = skillOf('127.0.0.1/32', `127.0.0.1:${server.port}=1`);
    const followed = await fromPriced.call(callOf({ url }));
    expect(followed).toEqual(succeeded({ body: 'other' }));
    expect(followed).toEqual(cost(CENT));
  });
});

describe('a body', () => {
  const bodyOf = async (bytes: string | Buffer, type?: string, encoding?: string) => {
    const server = await serve((_request, response) => {
      if (type !== undefined) response.setHeader('Content-Type', type);
      if (encoding !== undefined) response.setHeader('Content-Encoding', encoding);
      response.end(bytes);
    });
    const { body, body_encoding, body_error } = outputOf(await call({ url: server.origin }));
    return { body, body_encoding, body_error };
  };

  test.each(['application/json', 'text/json', 'Application/Problem+JSON; charset=utf-8'])(
    'of type %s is parsed',
    async (type) =>
      expect(await bodyOf('{"a":[1,null]}', type)).toEqual({ body: { a: [1, null] } }),
  );

  test('of another type stays text, also when it looks like JSON', async () => {
    expect(await bodyOf('{"a":1}', 'text/plain')).toEqual({ body: '{"a":1}' });
    expect(await bodyOf('{"a":1}')).toEqual({ body: '{"a":1}' });
    expect(await bodyOf('', 'text/plain')).toEqual({ body: '' });
  });

  test('that is stated to be JSON and is not stays text, with an error', async () => {
    const problem = expect.stringContaining('does not parse') as unknown;
    expect(await bodyOf('{"a":', 'application/json')).toEqual({
      body: '{"a":',
      body_error: problem,
    });
    expect(await bodyOf('NaN', 'application/json')).toEqual({ body: 'NaN', body_error: problem });
    expect(await bodyOf('', 'application/json')).toEqual({ body: null });
    expect(await bodyOf(Buffer.from([0xff]), 'application/json')).toEqual({
      body: '/w==',
      body_encoding: 'base64',
      body_error: expect.stringContaining('UTF-8') as unknown,
    });
  });

  test('that nests too deep for those who read it later stays text', async () => {
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    expect(await bodyOf(deep, 'application/json')).toEqual({
      body: deep,
      body_error: expect.stringContaining('256') as unknown,
    });
    const strings = JSON.stringify({ '[[': ['\\"[', '['.repeat(1000)] });
    expect((await bodyOf(strings, 'application/json')).body).toEqual(JSON.parse(strings));
  });

  test('keeps NULs and half surrogate pairs', async () => {
    expect(await bodyOf('{"a":"\\u0000\\ud800","__proto__":1}', 'application/json')).toEqual({
      body: JSON.parse('{"a":"\\u0000\\ud800","__proto__":1}') as Json,
    });
    expect(await bodyOf('a\0b', 'text/plain')).toEqual({ body: 'a\0b' });
  });

  test('that is no text is base64', async () => {
    const bytes = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0xff, 0xfe]);
    const binary = { body: bytes.toString('base64'), body_encoding: 'base64' };
    expect(await bodyOf(bytes, 'image/png')).toEqual(binary);
    expect(await bodyOf(bytes)).toEqual(binary);
  });

  test('in another charset is decoded', async () => {
    const latin = Buffer.from('Grüße', 'latin1');
    expect(await bodyOf(latin, 'text/html; charset="ISO-8859-1"')).toEqual({ body: 'Grüße' });
    expect(await bodyOf(latin, 'text/html')).toEqual({ body: 'Grüße' });
    expect(await bodyOf('Grüße', 'text/html; charset=no-such')).toEqual({ body: 'Grüße' });
  });

  test.each([
    ['gzip', gzipSync('{"a":1}')],
    ['x-gzip', gzipSync('{"a":1}')],
    ['deflate', deflateSync('{"a":1}')],
    ['deflate', deflateRawSync('{"a":1}')],
    ['br', brotliCompressSync('{"a":1}')],
    ['deflate, GZIP', gzipSync(deflateSync('{"a":1}'))],
    ['identity', Buffer.from('{"a":1}')],
  ])('in the coding %s is decoded', async (encoding, bytes) =>
    expect(await bodyOf(bytes, 'application/json', encoding)).toEqual({ body: { a: 1 } }),
  );

  test('in a coding that nobody knows stays as it came', async () =>
    expect(await bodyOf(Buffer.from([0xff]), 'application/json', 'zstd')).toMatchObject({
      body: '/w==',
      body_encoding: 'base64',
    }));
});

describe('a response that is hostile', () => {
  test('and endless is given up near the cap', async () => {
    let bytesSent = 0;
    const chunk = Buffer.alloc(64 * 1024, 'a');
    let ended: Promise<unknown> = Promise.resolve();
    const server = await serve((_request, response) => {
      ended = once(response, 'close');
      const push = (): void => {
        while (bytesSent < 1024 * MIB && !response.destroyed) {
          bytesSent += chunk.length;
          if (!response.write(chunk)) return void response.once('drain', push);
        }
      };
      push();
    });
    const rssBefore = process.memoryUsage().rss;
    const result = await call({ url: server.origin });
    expect(result).toEqual(failed({ code: 'RESPONSE_TOO_LARGE', retryable: false }));
    await ended;
    expect(bytesSent).toBeLessThan(HTTP_RESPONSE_BYTES_MAX + 16 * MIB);
    expect(process.memoryUsage().rss - rssBefore).toBeLessThan(150 * MIB);
  });

  test('and states more than the cap is refused without its body', async () => {
    const server = await serveRaw('HTTP/1.1 200 OK\r\nContent-Length: 11000000\r\n\r\n', false);
    expect(await call({ url: server.origin })).toEqual(failed({ code: 'RESPONSE_TOO_LARGE' }));
  });

  test('is held to the cap of the plan', async () => {
    const server = await serve(({ url }, response) =>
      response.end('a'.repeat(Number(url.slice(1)))),
    );
    const fetch = (bytes: number) =>
      call({ url: `${server.origin}/${bytes}`, max_response_bytes: 100 });
    expect(await fetch(100)).toEqual(succeeded({ bytes: 100 }));
    expect(await fetch(101)).toEqual(failed({ code: 'RESPONSE_TOO_LARGE' }));
  });

  test.each([
    ['gzip', gzipSync(Buffer.alloc(200 * MIB))],
    ['br', brotliCompressSync(Buffer.alloc(64 * MIB))],
    ['gzip, gzip', gzipSync(gzipSync(Buffer.alloc(64 * MIB)))],
  ])('and a bomb in %s is given up at the cap', async (encoding, bomb) => {
    expect(bomb.length).toBeLessThan(MIB);
    const server = await serve((_request, response) => {
      response.setHeader('Content-Encoding', encoding);
      response.end(bomb);
    });
    expect(await call({ url: server.origin })).toEqual(failed({ code: 'RESPONSE_TOO_LARGE' }));
  });

  test('and trickles is ended by the time limit of the whole call', async () => {
    let ended: Promise<unknown> = Promise.resolve();
    const server = await serve((_request, response) => {
      ended = once(response, 'close');
      response.write('a');
      const timer = setInterval(() => response.write('a'), 100);
      response.on('close', () => clearInterval(timer));
    });
    const startedAt = performance.now();
    const result = await call({ url: server.origin }, { timeoutMs: 500 });
    expect(result).toEqual(failed({ code: 'TIMEOUT', retryable: true }));
    expect(performance.now() - startedAt).toBeLessThan(1500);
    await ended;
  });

  test('and breaks off before its length is a lost connection', async () => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n';
    for (const text of [`${head}short`, 'HTTP/1.1 200 OK\r\nContent-', '']) {
      const server = await serveRaw(text);
      expect(await call({ url: server.origin })).toEqual(
        failed({ code: 'CONNECTION_LOST', retryable: true }),
      );
    }
  });

  test.each(['', 'Connection: close\r\n'])(
    'and breaks off in any framing, after `%s`',
    async (close) => {
      for (const framing of [
        'Content-Length: 9\r\n\r\nhel',
        'Transfer-Encoding: chunked\r\n\r\n5\r\nhel',
      ]) {
        const server = await serveRaw(`HTTP/1.1 200 OK\r\n${close}${framing}`);
        expect(await call({ url: server.origin })).toEqual(
          failed({ code: 'CONNECTION_LOST', retryable: true }),
        );
      }
    },
  );

  test('and longer than its length counts as far as its length, and spoils no other call', async () => {
    const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';
    const server = await serveRaw(`${answer}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil`);
    for (const _ of [1, 2]) {
      expect(await call({ url: server.origin })).toEqual(succeeded({ body: 'hello', bytes: 5 }));
    }
    expect(server.connections()).toBe(2);
  });

  test.each([
    ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['a bad chunk', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    ['a NUL in a header', 'HTTP/1.1 200 OK\r\nX-A: a\0b\r\n\r\n'],
    ['a status of its own', 'HTTP/1.1 799 No\r\nContent-Length: 0\r\n\r\n'],
  ])('and speaks %s is not valid', async (_what, text) => {
    const server = await serveRaw(text);
    expect(await call({ url: server.origin })).toEqual(
      failed({ code: 'RESPONSE_INVALID', retryable: false }),
    );
  });

  test('and states two lengths is not taken for either', async () => {
    const two = 'Content-Length: 5\r\nContent-Length: 6';
    const server = await serveRaw(`HTTP/1.1 200 OK\r\n${two}\r\n\r\nhello`);
    expect(await call({ url: server.origin })).toEqual(failed({ code: 'CONNECTION_LOST' }));
  });

  test('and lies about its coding is not valid', async () => {
    for (const [encoding, bytes] of [
      ['gzip', Buffer.from('plain')],
      ['gzip', gzipSync('cut off').subarray(0, 12)],
      ['br', Buffer.from('plain')],
      ['gzip, gzip, gzip, gzip', Buffer.from('plain')],
    ] as const) {
      const server = await serve((_request, response) => {
        response.setHeader('Content-Encoding', encoding);
        response.end(bytes);
      });
      expect(await call({ url: server.origin })).toEqual(failed({ code: 'RESPONSE_INVALID' }));
    }
  });

  test('and has headers without end is too large', async () => {
    const server = await serveRaw(`HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(128 * 1024)}\r\n\r\n`);
    expect(await call({ url: server.origin })).toEqual(failed({ code: 'RESPONSE_TOO_LARGE' }));
  });
});

describe('a failure of the server', () => {
  const answer = async (status: number, headers: Record<string, string>, body = '') => {
    const server = await serve((_request, response) =>
      response.writeHead(status, headers).end(body),
    );
    const result = await call({ url: `${server.origin}/secret-path?key=s3cret` });
    expect(JSON.stringify(result)).not.toMatch(/s3cret|secret-path/);
    if (result.ok) throw new Error('The call succeeded.');
    return result.failure;
  };

  test('from 400 is final, and the message has its status and the beginning of its body', async () => {
    const failure = await answer(404, {}, `no\0 such ${'x'.repeat(300)}`);
    expect(failure).toMatchObject({ code: 'HTTP_4XX', upstream_status: 404, retryable: false });
    expect(failure.message).toContain(' answered 404: no such xxx');
    expect(failure.message).not.toContain('\0');
    expect(failure.message.length).toBeLessThan(300);
  });

  test('from 500 may pass', async () =>
    expect(await answer(500, { 'Content-Encoding': 'gzip' }, 'not gzip')).toMatchObject({
      code: 'HTTP_5XX',
      upstream_status: 500,
      retryable: true,
    }));

  test('429 may pass only when it says when', async () => {
    expect(await answer(429, { 'Retry-After': '7' })).toMatchObject({
      code: 'HTTP_4XX',
      upstream_status: 429,
      retryable: true,
      retry_after_ms: 7000,
    });
    for (const headers of [{}, { 'Retry-After': 'soon' }, { 'Retry-After': '9'.repeat(400) }]) {
      const failure = await answer(429, headers as Record<string, string>);
      expect(failure).toMatchObject({ code: 'HTTP_4XX', retryable: false });
      expect(failure).not.toHaveProperty('retry_after_ms');
    }
  });

  test('503 may say when, also by date', async () => {
    const inAMinute = new Date(Date.now() + 60_000).toUTCString();
    const failure = await answer(503, { 'Retry-After': inAMinute });
    expect(failure).toMatchObject({ code: 'HTTP_5XX', upstream_status: 503, retryable: true });
    expect(failure.retry_after_ms).toBeGreaterThan(50_000);
    expect(failure.retry_after_ms).toBeLessThanOrEqual(60_000);
    const past = await answer(503, { 'Retry-After': 'Wed, 21 Oct 2015 07:28:00 GMT' });
    expect(past.retry_after_ms).toBe(0);
  });

  test('is known by its status, even if its body is cut, endless or slow', async () => {
    const head = 'HTTP/1.1 500 Oops\r\nContent-Length: 1000000000\r\n\r\nbad';
    for (const ends of [true, false]) {
      const server = await serveRaw(head, ends);
      expect(await call({ url: server.origin })).toEqual(
        failed({ code: 'HTTP_5XX', message: `GET ${server.origin} answered 500: bad` }),
      );
    }
    const long = await serveRaw(`${head}${'b'.repeat(5 * MIB)}`, false);
    expect(await call({ url: long.origin })).toEqual(failed({ code: 'HTTP_5XX' }));
  });
});

describe('a failure of the connection', () => {
  test('when nobody listens', async () => {
    const server = await serveRaw('');
    await server.close();
    expect(await call({ url: server.origin })).toEqual(
      failed({ code: 'CONNECT_FAILED', retryable: true }),
    );
  });

  test('when the name does not resolve', async () => {
    const lost = skillOf('', '', () => Promise.reject(new Error('ENOTFOUND')));
    expect(await lost.call(callOf({ url: 'http://nowhere.example' }))).toEqual(
      failed({ code: 'DNS_FAILED', retryable: true }),
    );
  });

  test('when the server hangs up on the request', async () => {
    const server = createTcpServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const { origin } = await listen(server, []);
    expect(await call({ url: origin, method: 'POST', body: {} })).toEqual(
      failed({ code: 'CONNECTION_LOST', retryable: true }),
    );
  });

  test('when https meets a server without TLS', async () => {
    const server = await serve((_request, response) => response.end());
    expect(await call({ url: server.origin.replace('http:', 'https:') })).toEqual(
      failed({ code: 'TLS_FAILED', retryable: false }),
    );
  });

  test('when the certificate is signed by nobody known', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'aos-tls-'));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const made = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert];
    execFileSync('openssl', ['req', ...made, ...subject], { stdio: 'ignore' });
    let requests = 0;
    const tls = { key: readFileSync(key), cert: readFileSync(cert) };
    rmSync(folder, { recursive: true });
    const server = createTlsServer(tls, (_request, response) => {
      requests += 1;
      response.end();
    });
    const { origin } = await listen(server, [], 'https');
    expect(await call({ url: origin, headers: { Authorization: 'Bearer s3cret' } })).toEqual(
      failed({ code: 'TLS_FAILED', retryable: false }),
    );
    expect(requests).toBe(0);
  });
});

describe('a call that is stopped', () => {
  let server: TestServer;
  let arrived: () => void = () => undefined;
  beforeAll(async () => {
    server = await serve(() => arrived());
  });

  test('in the middle returns at once as cancelled, and hangs up', async () => {
    const stop = new AbortController();
    arrived = () => stop.abort(new Error('cancelled'));
    const startedAt = performance.now();
    const result = await call({ url: server.origin }, { signal: stop.signal });
    expect(result).toEqual(failed({ code: 'CANCELLED' }));
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });

  test('before it begins asks and sends nothing', async () => {
    const asked: string[] = [];
    const named = skillOf('127.0.0.1/32', '', (hostname) => {
      asked.push(hostname);
      return Promise.resolve([{ address: '127.0.0.1' }]);
    });
    const params = { url: `http://a.example:${server.port}` };
    const before = server.connections();
    expect(await named.call(callOf(params, { signal: AbortSignal.abort() }))).toEqual(
      failed({ code: 'CANCELLED' }),
    );
    expect(asked).toEqual([]);
    expect(server.connections()).toBe(before);
  });

  test('by a deadline has timed out, whichever clock was first', async () => {
    arrived = () => undefined;
    const timedOut = failed({ code: 'TIMEOUT', retryable: true });
    expect(await call({ url: server.origin }, { timeoutMs: 50 })).toEqual(timedOut);
    const signal = AbortSignal.timeout(50);
    expect(await call({ url: server.origin }, { signal })).toEqual(timedOut);
  });

  test('while a name resolves returns at once', async () => {
    const stuck = skillOf('', '', () => new Promise(() => undefined));
    const result = await stuck.call(callOf({ url: 'http://slow.example' }, { timeoutMs: 50 }));
    expect(result).toEqual(failed({ code: 'TIMEOUT' }));
  });
});

describe('the price', () => {
  let server: TestServer;
  let priced: ReturnType<typeof skillOf>;
  beforeAll(async () => {
    server = await serve(({ url }, response) => {
      if (url === '/silent') return;
      if (url === '/zip') response.setHeader('Content-Encoding', 'gzip');
      if (url === '/500') response.statusCode = 500;
      if (url === '/chunked') response.write('a');
      response.end(url === '/zip' ? gzipSync(Buffer.alloc(MIB)) : Buffer.alloc(MIB, 'a'));
    });
    priced = skillOf('127.0.0.1/32', `127.0.0.1:${server.port}=0.5+0.25/MiB`);
  });
  const costOf = async (params: JsonObject, more: Partial<SkillCall> = {}) =>
    (await priced.call(callOf(params, more))).usage.cost_micro_cents;

  test('at its worst is for as much as may be received', () => {
    expect(priced.worstCaseMicroCents({ url: server.origin })).toBe(3 * CENT);
    expect(priced.worstCaseMicroCents({ url: server.origin, max_response_bytes: MIB })).toBe(
      0.75 * CENT,
    );
    expect(priced.worstCaseMicroCents({ url: 'http://127.0.0.1:1' })).toBe(0);
    expect(priced.worstCaseMicroCents({ url: 'not a url' })).toBe(0);
  });

  test('is for what came over the wire', async () => {
    expect(await costOf({ url: server.origin })).toBe(0.75 * CENT);
    const zipped = await costOf({ url: `${server.origin}/zip` });
    expect(zipped).toBeGreaterThan(0.5 * CENT);
    expect(zipped).toBeLessThan(0.51 * CENT);
  });

  test('is due for a request that was sent, whatever came back, and never over the worst case', async () => {
    expect(await costOf({ url: `${server.origin}/silent` }, { timeoutMs: 100 })).toBe(0.5 * CENT);
    const capped = { url: `${server.origin}/chunked`, max_response_bytes: 1000 };
    expect(await costOf(capped)).toBe(priced.worstCaseMicroCents(capped));
    const failing = await costOf({ url: `${server.origin}/500` });
    expect(failing).toBeGreaterThan(0.5 * CENT);
    expect(failing).toBeLessThan(0.55 * CENT);
  });

  test('is nothing when nothing was sent', async () => {
    const url = server.origin;
    expect(await costOf({ url: url.replace('http:', 'https:') })).toBe(0);
    expect(await costOf({ url, headers: { Host: 'a' } })).toBe(0);
    expect(await costOf({ url }, { signal: AbortSignal.abort() })).toBe(0);
  });
});
