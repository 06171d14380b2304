import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Json, JsonObject } from '../../src/contracts/json.ts';
import {
  WEBHOOK_PAYLOAD_BYTES_MAX,
  WEBHOOK_RESPONSE_BYTES_MAX,
} from '../../src/contracts/limits.ts';
import type { SkillResult } from '../../src/contracts/skill.ts';
import { createEgressGuard, parseEgressAllow } from '../../src/skills/egress.ts';
import type { ResolveName } from '../../src/skills/egress.ts';
import { createHttpCall } from '../../src/skills/http-call.ts';
import { parseHttpPrices } from '../../src/skills/http/prices.ts';
import type { Skill, SkillCall } from '../../src/skills/skill.ts';
import { createWebhookSend, webhookSendContract } from '../../src/skills/webhook-send.ts';
import { createWebhookSecretOf } from '../../src/skills/webhook/secret.ts';
import { callSkill } from '../support/call-skill.ts';
import { startWebhookReceiver, verifies } from '../support/webhook-receiver.ts';
import type { Delivery, ReceiverOptions, WebhookReceiver } from '../support/webhook-receiver.ts';

const MIB = 1024 * 1024;
const CENT = 1_000_000;
const EFFECT_KEY = 'run_1/tell/1';
const secretOf = createWebhookSecretOf('a pepper of at least 32 characters');
const SECRET = secretOf('tenant_1');

const stops: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(stops.map((stop) => stop())));

async function receive(answer?: ReceiverOptions['answer']): Promise<WebhookReceiver> {
  const receiver = await startWebhookReceiver({ secret: SECRET, ...(answer && { answer }) });
  stops.push(() => receiver.stop());
  return receiver;
}

/** A receiver that says these bytes once a request has come. */
async function receiveRaw(talk: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.once('data', () => talk(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const skillOf = (allow = '127.0.0.1/32', prices = '', resolve?: ResolveName): Skill =>
  createWebhookSend({
    egress: createEgressGuard({ allow: parseEgressAllow(allow), ...(resolve && { resolve }) }),
    prices: parseHttpPrices(prices),
    secretOf,
  });
const skill = skillOf();

const results: SkillResult[] = [];
// Whatever came of a call, the secret is in none of it.
afterEach(() => {
  const told = JSON.stringify(results.splice(0));
  expect(told).not.toContain(SECRET);
  expect(told).not.toContain(SECRET.slice('whsec_'.length));
});

async function send(params: JsonObject, more: Partial<SkillCall> = {}): Promise<SkillResult> {
  const result = await callSkill(skill, params, { effectKey: EFFECT_KEY, ...more });
  results.push(result);
  return result;
}

const succeeded = (output: object): unknown =>
  expect.objectContaining({ ok: true, output: expect.objectContaining(output) as unknown });
const failed = (failure: object): unknown =>
  expect.objectContaining({ ok: false, failure: expect.objectContaining(failure) as unknown });
const outputOf = (result: SkillResult): Json => {
  if (!result.ok) throw new Error(result.failure.message);
  return result.output;
};
const saying = (part: string): unknown => expect.stringContaining(part);

describe('the contract', () => {
  const { params } = webhookSendContract;

  test('takes a URL alone, a URL with a payload, and everything it lists', () => {
    for (const taken of [
      { url: 'https://hooks.slack.com/x' },
      { url: 'https://example.org', payload: { text: 'hi' } },
      { url: 'https://a.b', payload: null, headers: { a: 'x', b: 1, c: true }, timeout_ms: 1000 },
      { url: 'https://a.b', payload: 'text', timeout_seconds: 0.5 },
    ]) {
      expect(params.parse(taken)).toEqual(taken);
    }
    expect(webhookSendContract.takes_previous).toEqual({ into: 'payload', unless: ['payload'] });
  });

  test.each<JsonObject>([
    {},
    { url: '' },
    { url: 1 },
    { url: '/hook' },
    { url: 'http://a', headers: { a: [] } },
    { url: 'http://a', timeout_ms: 0 },
    { url: 'http://a', timeout_ms: 60_001 },
    { url: 'http://a', timeout_seconds: 61 },
  ])('refuses %j, also when it was not checked before', async (wrong) => {
    expect(params.safeParse(wrong).success).toBe(false);
    const call = { params: wrong, tenantId: 't', effectKey: 'e', timeoutMs: 1000 };
    const result = await skill.call({ ...call, signal: new AbortController().signal });
    expect(result).toEqual(failed({ code: 'PARAMS_INVALID', retryable: false }));
  });

  test('says that a message may be repeated, since the receiver has its id', () => {
    expect(skill.isIdempotent({ url: 'http://a' })).toBe(true);
    expect(webhookSendContract.idempotent).toBe('always');
  });

  test('reads the time limit in either unit', () => {
    expect(skill.timeoutMs({ timeout_ms: 5 })).toBe(5);
    expect(skill.timeoutMs({ timeout_seconds: 1.5 })).toBe(1500);
    expect(skill.timeoutMs({})).toBeUndefined();
  });
});

describe('a message', () => {
  let receiver: WebhookReceiver;
  beforeAll(async () => {
    receiver = await receive();
  });
  const sent = async (params: JsonObject, more?: Partial<SkillCall>): Promise<Delivery> => {
    const before = receiver.deliveries.length;
    expect(await send({ url: receiver.url, ...params }, more)).toEqual(
      succeeded({ status_code: 200, body: { taken: true } }),
    );
    expect(receiver.deliveries).toHaveLength(before + 1);
    return receiver.deliveries.at(-1)!;
  };

  test('is taken by a receiver that verifies it, and the receipt is the output', async () => {
    const result = await send({ url: `${receiver.url}?a=b#c`, payload: { text: 'hi' } });
    const output = {
      status_code: 200,
      webhook_id: EFFECT_KEY,
      headers: expect.objectContaining({ 'content-type': 'application/json' }) as unknown,
      body: { taken: true },
      url: `${receiver.url}?a=b`,
      duration_ms: expect.any(Number) as unknown,
    };
    expect(result).toEqual({ ok: true, output, usage: { cost_micro_cents: 0 } });
    expect(webhookSendContract.output.safeParse(outputOf(result)).success).toBe(true);
    const { method, path, headers, body } = receiver.deliveries.at(-1)!;
    expect({ method, path, body: body.toString() }).toEqual({
      method: 'POST',
      path: '/hook?a=b',
      body: '{"text":"hi"}',
    });
    expect(headers).toMatchObject({
      'content-type': 'application/json',
      'content-length': '13',
      'webhook-id': EFFECT_KEY,
    });
    expect(headers).not.toHaveProperty('idempotency-key');
    expect(headers).not.toHaveProperty('traceparent');
  });

  test('is signed by the letter of the standard over the bytes that arrive', async () => {
    const { headers, body } = await sent({ payload: { text: 'grüße 😀' } });
    const key = Buffer.from(SECRET.slice('whsec_'.length), 'base64');
    const seconds = String(headers['webhook-timestamp']);
    const signed = Buffer.concat([Buffer.from(`${EFFECT_KEY}.${seconds}.`), body]);
    const signature = createHmac('sha256', key).update(signed).digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${signature}`);
    expect(seconds).toMatch(/^\d+$/);
    expect(Math.abs(Date.now() / 1000 - Number(seconds))).toBeLessThan(60);
  });

  test('verifies with no other secret, and not when anything of it was changed', async () => {
    const { headers, body } = await sent({ payload: { amount: 100 } });
    expect(verifies(SECRET, body, headers)).toBe(true);
    expect(verifies(secretOf('tenant_2'), body, headers)).toBe(false);
    expect(verifies(SECRET, Buffer.from('{"amount":900}'), headers)).toBe(false);
    expect(verifies(SECRET, body, { ...headers, 'webhook-id': 'run_1/tell/2' })).toBe(false);
    const later = String(Number(headers['webhook-timestamp']) + 1);
    expect(verifies(SECRET, body, { ...headers, 'webhook-timestamp': later })).toBe(false);
  });

  test('is signed with the secret of the tenant that sends it', async () => {
    const other = await send({ url: receiver.url }, { tenantId: 'tenant_2' });
    expect(other).toEqual(failed({ code: 'HTTP_4XX', upstream_status: 401 }));
    const { headers, body } = receiver.deliveries.at(-1)!;
    expect(verifies(secretOf('tenant_2'), body, headers)).toBe(true);
  });

  test.each<[Json, string]>([
    [null, 'null'],
    [false, 'false'],
    [0, '0'],
    ['', '""'],
    ['{"a":1}', '"{\\"a\\":1}"'],
    [[1, [null]], '[1,[null]]'],
    ['a\0b', '"a\\u0000b"'],
    [['\ud800', '\udc00x', '😀'], '["\\ud800","\\udc00x","😀"]'],
    [JSON.parse('{"__proto__":{"a":1}}') as Json, '{"__proto__":{"a":1}}'],
  ])('holds %j as JSON, verified', async (payload, text) => {
    const { body, isVerified } = await sent({ payload });
    expect({ text: body.toString(), isVerified }).toEqual({ text, isVerified: true });
    expect(JSON.parse(body.toString())).toEqual(payload);
  });

  test('without a payload holds null', async () =>
    expect((await sent({})).body.toString()).toBe('null'));

  test('may be as large as its cap, and no byte larger', async () => {
    const largest = 'é'.repeat((WEBHOOK_PAYLOAD_BYTES_MAX - 2) / 2);
    expect((await sent({ payload: largest })).body.length).toBe(WEBHOOK_PAYLOAD_BYTES_MAX);
    const before = receiver.connections();
    expect(await send({ url: receiver.url, payload: `${largest}a` })).toEqual(
      failed({
        code: 'PARAMS_TOO_LARGE',
        retryable: false,
        message: saying(`${WEBHOOK_PAYLOAD_BYTES_MAX + 1} bytes`),
      }),
    );
    expect(receiver.connections()).toBe(before);
  });

  test('that nests too deep to be written is refused', async () => {
    let payload: Json = 0;
    for (let depth = 0; depth < 100_000; depth += 1) payload = [payload];
    expect(await send({ url: receiver.url, payload })).toEqual(
      failed({ code: 'PARAMS_INVALID', message: saying('payload') }),
    );
  });

  test('carries the trace of its run, and the headers of the plan beside those of the standard', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const mine = { Authorization: 'Bearer a', 'X-Number': 1.5, 'Idempotency-Key': 'mine' };
    const { headers } = await sent({ headers: mine }, { traceparent });
    expect(headers).toMatchObject({
      authorization: 'Bearer a',
      'x-number': '1.5',
      'idempotency-key': 'mine',
      'webhook-id': EFFECT_KEY,
    });
    expect(headers['traceparent']).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
  });

  test.each<[string, JsonObject]>([
    ['webhook-id', { 'webhook-id': 'msg_1' }],
    ['webhook-signature in any case', { 'Webhook-Signature': 'v1,abc' }],
    ['webhook-timestamp', { 'WEBHOOK-TIMESTAMP': 1 }],
    ['any other name of the standard', { 'webhook-extra': 'a' }],
    ['Content-Type', { 'content-TYPE': 'text/plain' }],
    ['Content-Encoding', { 'Content-Encoding': 'gzip' }],
    ['Content-Length', { 'Content-Length': 1 }],
    ['Host', { Host: 'evil' }],
    ['Connection', { Connection: 'upgrade' }],
    ['Transfer-Encoding', { 'Transfer-Encoding': 'chunked' }],
    ['a line break in a value', { 'X-A': 'a\r\nwebhook-id: evil' }],
    ['a bare line feed in a value', { 'X-A': 'a\nwebhook-id: evil' }],
    ['a NUL in a value', { 'X-A': 'a\0b' }],
    ['a line break in a name', { 'X-A\r\nX-Evil': '1' }],
    ['one name twice', { 'X-A': '1', 'x-a': '2' }],
    ['too many', Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`x-${n}`, n]))],
  ])('with %s among the headers of the plan is refused', async (_what, headers) => {
    const before = receiver.connections();
    expect(await send({ url: receiver.url, headers })).toEqual(
      failed({ code: 'PARAMS_INVALID', message: expect.stringMatching(/header/) }),
    );
    expect(receiver.connections()).toBe(before);
  });

  test.each(['http://user:pass@127.0.0.1', 'http://127.0.0.1/\r\nX-Evil: 1'])(
    'to `%s` is refused',
    async (url) => expect(await send({ url })).toEqual(failed({ code: 'PARAMS_INVALID' })),
  );
});

describe('a receiver that redirects', () => {
  let target: WebhookReceiver;
  beforeAll(async () => {
    target = await receive();
  });

  test.each([300, 301, 302, 303, 304, 307, 308])('with %i is not followed', async (status) => {
    const receiver = await receive((_delivery, response) => {
      response.writeHead(status, { Location: `${target.url}?token=s3cret` }).end('x'.repeat(1000));
    });
    const result = await send({ url: receiver.url, payload: 1 });
    expect(result).toEqual(
      failed({ code: 'REDIRECT_REFUSED', retryable: false, upstream_status: status }),
    );
    expect(JSON.stringify(result)).not.toContain('s3cret');
    expect(receiver.deliveries).toHaveLength(1);
    expect(target.connections()).toBe(0);
  });

  test.each(['http://169.254.169.254/latest', 'http://10.0.0.1/', 'file:///etc/passwd', '/again'])(
    'to %s is not followed either',
    async (location) => {
      const receiver = await receive((_delivery, response) => {
        response.writeHead(307, { Location: location }).end();
      });
      expect(await send({ url: receiver.url })).toEqual(failed({ code: 'REDIRECT_REFUSED' }));
      expect(receiver.deliveries).toHaveLength(1);
    },
  );
});

describe('a receiver that does not take the message', () => {
  const answered = async (status: number, headers: Record<string, string> = {}, body = '') => {
    const receiver = await receive((_delivery, response) =>
      response.writeHead(status, headers).end(body),
    );
    const url = receiver.url.replace('/hook', '/secret-path?key=s3cret');
    const result = await send({ url, payload: 1 });
    expect(JSON.stringify(result)).not.toMatch(/s3cret|secret-path/);
    if (result.ok) throw new Error('The message was taken.');
    return result.failure;
  };

  test('with 410 wants no more, so no try follows', async () => {
    const failure = await answered(410, {}, 'unsubscribed');
    expect(failure).toMatchObject({ code: 'WEBHOOK_GONE', upstream_status: 410, retryable: false });
    expect(failure.message).toMatch(/ answered 410: unsubscribed$/);
  });

  test.each([400, 401, 404, 422])('with %i has refused it for good', async (status) =>
    expect(await answered(status, {}, 'no')).toMatchObject({
      code: 'HTTP_4XX',
      upstream_status: status,
      retryable: false,
    }),
  );

  test.each([500, 502, 503, 504])('with %i may take it later', async (status) =>
    expect(await answered(status)).toMatchObject({
      code: 'HTTP_5XX',
      upstream_status: status,
      retryable: true,
    }),
  );

  test.each([429, 503])('with %i and Retry-After is heard', async (status) =>
    expect(await answered(status, { 'Retry-After': '7' })).toMatchObject({
      upstream_status: status,
      retryable: true,
      retry_after_ms: 7000,
    }),
  );

  test('with 429 alone may take it later too', async () => {
    const failure = await answered(429);
    expect(failure).toMatchObject({ code: 'HTTP_4XX', upstream_status: 429, retryable: true });
    expect(failure).not.toHaveProperty('retry_after_ms');
  });
});

describe('a receiver that is slow', () => {
  test('has not taken the message when the time is over, and the connection is ended', async () => {
    let closed: Promise<unknown> = Promise.resolve();
    const receiver = await receive((_delivery, response) => {
      closed = once(response, 'close');
    });
    const result = await send({ url: receiver.url }, { timeoutMs: 300 });
    expect(result).toEqual(
      failed({ code: 'TIMEOUT', retryable: true, message: saying('within 300 ms') }),
    );
    await closed;
  });

  test('in its headers is given up as well', async () => {
    const url = await receiveRaw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const timer = setInterval(() => socket.write('X-A: a\r\n'), 50);
      socket.on('close', () => clearInterval(timer));
    });
    expect(await send({ url }, { timeoutMs: 500 })).toEqual(failed({ code: 'TIMEOUT' }));
  });

  test('in its body alone has taken the message', async () => {
    let closed: Promise<unknown> = Promise.resolve();
    const receiver = await receive((_delivery, response) => {
      closed = once(response, 'close');
      response.writeHead(200, { 'Content-Type': 'application/json' }).write('{');
      const timer = setInterval(() => response.write(' '), 100);
      response.on('close', () => clearInterval(timer));
    });
    expect(await send({ url: receiver.url })).toEqual(
      succeeded({ status_code: 200, body: null, body_error: saying('did not come to its end') }),
    );
    await closed;
  });
});

describe('a receiver that takes the message', () => {
  const answered = async (status: number, type: string, body: string | Buffer, coding?: string) => {
    const receiver = await receive((_delivery, response) => {
      const encoding = coding === undefined ? {} : { 'Content-Encoding': coding };
      response.writeHead(status, { 'Content-Type': type, ...encoding }).end(body);
    });
    return send({ url: receiver.url });
  };

  test('may answer JSON, text, bytes or nothing', async () => {
    const json = await answered(201, 'application/json', '{"id":7}');
    expect(json).toEqual(succeeded({ status_code: 201, body: { id: 7 } }));
    expect(await answered(200, 'text/plain', 'ok')).toEqual(succeeded({ body: 'ok' }));
    const bytes = await answered(202, 'image/png', Buffer.from([0xff]));
    expect(bytes).toEqual(succeeded({ body: '/w==', body_encoding: 'base64' }));
    expect(await answered(204, 'text/html', '')).toEqual(succeeded({ body: '' }));
    const zipped = await answered(200, 'text/plain', gzipSync('zipped'), 'gzip');
    expect(zipped).toEqual(succeeded({ body: 'zipped' }));
  });

  test('and answers more than is kept has taken it all the same', async () => {
    const full = 'a'.repeat(WEBHOOK_RESPONSE_BYTES_MAX);
    expect(await answered(200, 'text/plain', full)).toEqual(succeeded({ body: full }));
    const more = { status_code: 200, body: null, body_error: saying('larger than its cap') };
    expect(await answered(200, 'text/plain', `${full}a`)).toEqual(succeeded(more));
    const bomb = gzipSync(Buffer.alloc(30 * MIB));
    expect(bomb.length).toBeLessThan(WEBHOOK_RESPONSE_BYTES_MAX);
    expect(await answered(200, 'text/plain', bomb, 'gzip')).toEqual(succeeded(more));
  });

  test('and answers 1 GiB is hung up on', async () => {
    const chunk = Buffer.alloc(MIB, 'a');
    let bytesSent = 0;
    let closed: Promise<unknown> = Promise.resolve();
    const receiver = await receive((_delivery, response) => {
      closed = once(response, 'close');
      const push = (): void => {
        while (bytesSent < 1024 * MIB && !response.destroyed) {
          bytesSent += chunk.length;
          if (!response.write(chunk)) return void response.once('drain', push);
        }
      };
      push();
    });
    expect(await send({ url: receiver.url })).toEqual(succeeded({ status_code: 200, body: null }));
    await closed;
    expect(bytesSent).toBeLessThan(64 * MIB);
  });

  test('and breaks off, or lies about its coding, has taken it too', async () => {
    const url = await receiveRaw((socket) =>
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort'),
    );
    expect(await send({ url })).toEqual(succeeded({ status_code: 200, body: null }));
    const lie = await answered(200, 'text/plain', 'plain', 'gzip');
    expect(lie).toEqual(succeeded({ body: null, body_error: saying('encoding') }));
  });
});

describe('a receiver that cannot be spoken to', () => {
  test('since it speaks something else', async () => {
    const url = await receiveRaw((socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'));
    expect(await send({ url })).toEqual(failed({ code: 'RESPONSE_INVALID', retryable: false }));
  });

  test('since it hangs up, is not there, or has headers without end', async () => {
    const rude = await receiveRaw((socket) => socket.resetAndDestroy());
    const lost = failed({ code: 'CONNECTION_LOST', retryable: true });
    expect(await send({ url: rude })).toEqual(lost);
    const gone = await startWebhookReceiver({ secret: SECRET });
    await gone.stop();
    const unreached = failed({ code: 'CONNECT_FAILED', retryable: true });
    expect(await send({ url: gone.url })).toEqual(unreached);
    const endless = await receiveRaw((socket) =>
      socket.write(`HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(128 * 1024)}\r\n\r\n`),
    );
    expect(await send({ url: endless })).toEqual(failed({ code: 'RESPONSE_TOO_LARGE' }));
  });
});

describe('the guard', () => {
  test('refuses private addresses in every spelling, and no connection arrives', async () => {
    const receiver = await receive();
    const guarded = skillOf('', '', () => Promise.resolve([{ address: '127.0.0.1' }]));
    const hosts = ['127.0.0.1', '2130706433', '[::1]', '[::ffff:127.0.0.1]', '169.254.169.254'];
    for (const host of [...hosts, '10.0.0.1', 'localhost', 'public.example']) {
      const result = await callSkill(guarded, { url: `http://${host}:${receiver.port}/` });
      expect([host, result]).toEqual([host, failed({ code: 'EGRESS_BLOCKED', retryable: false })]);
    }
    expect(receiver.connections()).toBe(0);
  });

  test.each(['file:///etc/passwd', 'ftp://127.0.0.1/'])('refuses %s', async (url) =>
    expect(await send({ url })).toEqual(failed({ code: 'EGRESS_BLOCKED' })),
  );
});

describe('a call that is stopped', () => {
  test('in the middle is cancelled at once', async () => {
    const stop = new AbortController();
    const receiver = await receive(() => stop.abort(new Error('cancelled')));
    const result = await send({ url: receiver.url }, { signal: stop.signal });
    expect(result).toEqual(failed({ code: 'CANCELLED' }));
  });

  test('before it begins sends nothing', async () => {
    const receiver = await receive();
    const result = await send({ url: receiver.url }, { signal: AbortSignal.abort() });
    expect(result).toEqual(failed({ code: 'CANCELLED' }));
    expect(receiver.connections()).toBe(0);
  });
});

describe('the price', () => {
  test('of a host is that of an http_call to it, and nothing while nothing was sent', async () => {
    const receiver = await receive((_delivery, response) => response.end('a'.repeat(1024)));
    const prices = `127.0.0.1:${receiver.port}=0.5+16/MiB`;
    const priced = skillOf('127.0.0.1/32', prices);
    const call = createHttpCall({
      egress: createEgressGuard({ allow: parseEgressAllow('127.0.0.1/32') }),
      prices: parseHttpPrices(prices),
    });
    const { url } = receiver;
    const worst = { url, max_response_bytes: WEBHOOK_RESPONSE_BYTES_MAX };
    expect(priced.worstCaseMicroCents({ url })).toBe(1.5 * CENT);
    expect(priced.worstCaseMicroCents({ url })).toBe(call.worstCaseMicroCents(worst));
    const paid = (await callSkill(priced, { url })).usage;
    expect(paid).toEqual({ cost_micro_cents: 0.5 * CENT + CENT / 64 });
    expect(paid).toEqual((await callSkill(call, { url, method: 'POST' })).usage);
    const unsent = await callSkill(priced, { url, headers: { Host: 'a' } });
    expect(unsent.usage).toEqual({ cost_micro_cents: 0 });
    expect(skill.worstCaseMicroCents({ url })).toBe(0);
    expect(skill.worstCaseMicroCents({ url: 'no url' })).toBe(0);
  });

  test('is never over its worst case, however much the receiver answers', async () => {
    const receiver = await receive((_delivery, response) => response.end(Buffer.alloc(8 * MIB)));
    const priced = skillOf('127.0.0.1/32', `127.0.0.1:${receiver.port}=0.5+16/MiB`);
    const { usage } = await callSkill(priced, { url: receiver.url });
    expect(usage.cost_micro_cents).toBe(priced.worstCaseMicroCents({ url: receiver.url }));
  });
});
