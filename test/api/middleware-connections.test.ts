import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { answerClientErrors } from '../../api/client-errors.ts';
import { Failure } from '../../src/contracts/failures.ts';
import { createMemoryRates } from '../../src/rates/memory-rates.ts';
import { createMetrics } from '../../src/telemetry/instruments.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { listen } from '../../src/http-server.ts';
import { converse } from '../support/raw-http.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';

const RUNS = '/api/v1/runs';
const MIB = 1024 * 1024;
const body = JSON.stringify({
  plan: [{ skill: 'json_transform', params: { data: 1, query: '.' } }],
});

describe('a connection', () => {
  let aos: Harness;
  const lines: Record<string, unknown>[] = [];
  beforeAll(async () => {
    aos = await startHarness({
      worker: false,
      reconciler: false,
      onLog: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
    });
  });
  afterAll(() => aos.stop());

  const head = (headers: Record<string, string | number>, path = RUNS) =>
    `POST ${path} HTTP/1.1\r\n${Object.entries({ Host: 'aos', 'X-API-Key': aos.key, ...headers })
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')}\r\n`;

  test('learns that a declared body is too large before any of it is sent', async () => {
    const [answer] = await converse(aos.url, [head({ 'Content-Length': 2 * MIB + 1 })]);
    expect(answer!.status).toBe(413);
    expect(Failure.parse(JSON.parse(answer!.body)).code).toBe('BODY_TOO_LARGE');
  });

  test.each(['gzip', 'br', 'deflate, gzip', 'GZIP', 'identity, gzip', 'aos'])(
    'learns that a body is not read in the encoding %s',
    async (encoding) => {
      const answer = await aos.request<Failure>(RUNS, {
        method: 'POST',
        body: gzipSync(body),
        headers: { 'Content-Encoding': encoding },
      });
      expect(answer).toMatchObject({ status: 415, body: { code: 'CONTENT_ENCODING_UNSUPPORTED' } });
      expect(answer.headers.get('accept-encoding')).toBe('identity');
    },
  );

  test('may say that a body has no encoding', async () => {
    const headers = { 'Content-Encoding': 'Identity' };
    expect((await aos.request(RUNS, { method: 'POST', body, headers })).status).toBe(202);
  });

  test.each([
    ['one header', { Big: 'x'.repeat(17_000) }],
    [
      'many headers',
      Object.fromEntries([...Array(900).keys()].map((n) => [`H${n}`, 'x'.repeat(20)])),
    ],
    ['a key', { 'X-API-Key': 'a'.repeat(17_000) }],
    ['headers much', { Huge: 'x'.repeat(4 * MIB) }],
  ])('with %s too large gets 431 and the failure object', async (_what, headers) => {
    const [answer] = await converse(aos.url, [head(headers)]);
    expect(answer!.status).toBe(431);
    expect(answer!.headers.get('content-type')).toBe('application/problem+json');
    const failure = Failure.parse(JSON.parse(answer!.body));
    expect(failure).toMatchObject({ status: 431, code: 'HEADERS_TOO_LARGE' });
    expect(failure.detail).toContain('16384');
    expect(answer!.headers.get('x-request-id')).toBe(failure.request_id);
    // The log tells of it under the same id.
    expect(lines).toContainEqual(
      expect.objectContaining({
        event: 'request.answered',
        request_id: failure.request_id,
        status: 431,
      }),
    );
  });

  test('with a path too long gets 431, too', async () => {
    const [answer] = await converse(aos.url, [head({}, `/${'x'.repeat(17_000)}`)]);
    expect(answer!.status).toBe(431);
  });
});

describe('a slow or broken connection', () => {
  const lines: string[] = [];
  const rates = createMemoryRates();
  let counted: Promise<unknown> = Promise.resolve();
  const deps = {
    metrics: createMetrics({ service: 'api', isSkill: () => true }),
    logger: createLogger('info', 'test', { write: (line) => void lines.push(line) }),
    rates: {
      ...rates,
      take: async (...asked: Parameters<typeof rates.take>) => {
        await counted;
        return rates.take(...asked);
      },
    },
    ratePerMinute: 10,
  };
  /** Answers a request when its body is whole, except on /begin: there half of an answer comes, and then none of it. */
  const server = createServer({
    headersTimeout: 300,
    requestTimeout: 300,
    connectionsCheckingInterval: 50,
  });
  let url: string;
  let stop: () => Promise<void>;
  beforeAll(async () => {
    server.on('request', (request, response) => {
      request.resume();
      if (request.url === '/begin')
        response.writeHead(200, { 'Content-Length': 10 }).write('half ');
      else if (request.url === '/never') return;
      else request.on('end', () => response.end('whole'));
    });
    answerClientErrors(server, deps);
    const listening = await listen(server, { host: '127.0.0.1', port: 0, drainMs: 100 });
    url = listening.url;
    stop = () => listening.stop();
  });
  afterAll(() => stop());

  const port = () => (server.address() as AddressInfo).port;
  /** All that comes until the server ends the connection. */
  async function read(parts: string[]): Promise<string> {
    const socket = connect(port(), '127.0.0.1');
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
    socket.on('error', () => {});
    await once(socket, 'connect');
    for (const part of parts) socket.write(part);
    await once(socket, 'close');
    return received;
  }

  test.each([
    ['whose headers do not end', 'GET /health HTTP/1.1\r\nHost: a\r\nX-Slow: '],
    ['whose body does not end', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf'],
    ['that sends nothing', ''],
  ])('%s gets 408 and the failure object', async (_what, text) => {
    const [answer] = await converse(url, [text]);
    expect(answer!.status).toBe(408);
    expect(Failure.parse(JSON.parse(answer!.body))).toMatchObject({
      status: 408,
      code: 'REQUEST_TIMEOUT',
      retryable: true,
    });
    expect(answer!.headers.get('connection')).toBe('close');
  });

  test('that breaks in the middle of an answer gets no other into it', async () => {
    const received = await read(['GET /begin HTTP/1.1\r\nHost: a\r\n\r\n', 'NONSENSE\r\n\r\n']);
    expect(received.match(/HTTP\/1\.1/g) ?? []).toHaveLength(received === '' ? 0 : 1);
    expect(received).not.toContain('INVALID_REQUEST');
  });

  test('that breaks while an answer is awaited gets none that it could take for that', async () => {
    const received = await read(['GET /never HTTP/1.1\r\nHost: a\r\n\r\nNONSENSE\r\n\r\n']);
    expect(received).toBe('');
  });

  test('whose request has a broken body gets the answer for that', async () => {
    const received = await read([
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n',
    ]);
    expect(received).toContain('400 Bad Request');
    expect(received.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  test('that breaks after a whole answer gets one for that', async () => {
    const [first, second] = await converse(url, [
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
      'NONSENSE\r\n\r\n',
    ]);
    expect([first!.status, second!.status]).toEqual([200, 400]);
  });

  test('that breaks again before its answer is counted is answered, counted and told of once', async () => {
    lines.length = 0;
    const socket = connect(port(), '127.0.0.1');
    socket.on('error', () => {});
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
    await once(socket, 'connect');
    let count = (): void => {};
    counted = new Promise<void>((resolve) => (count = resolve));
    for (let times = 0; times < 2; times += 1) {
      const broken = once(server, 'clientError');
      socket.write('NONSENSE\r\n\r\n');
      await broken;
    }
    count();
    await once(socket, 'close');
    expect(received.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(lines).toHaveLength(1);
  });
});
