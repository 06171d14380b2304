import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config.ts';
import type { Failure } from '../../src/contracts/failures.ts';
import type { Json, JsonObject } from '../../src/contracts/json.ts';
import type { Run, StepDetail } from '../../src/contracts/run.ts';
import { createCallSecrets } from '../../src/secrets/call-secrets.ts';
import { createEgressGuard, parseEgressAllow } from '../../src/skills/egress.ts';
import { createHttpCall } from '../../src/skills/http-call.ts';
import { parseHttpPrices } from '../../src/skills/http/prices.ts';
import { callSkill } from '../support/call-skill.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';
import { startMailServer } from '../support/mail-server.ts';
import type { MailServer } from '../support/mail-server.ts';
import { startScriptedProvider } from '../support/scripted-provider.ts';
import type { ScriptedProvider } from '../support/scripted-provider.ts';
import { secretFormsIn } from '../support/secret-forms.ts';

/** One that may stand in a header, and one that may not. */
const HEADER = `Zq9&"x<7>/Kv+Lm~4T'Wb`;
const BODY = 'Höc8 "p<3>&/Rd+\\Ns\nTω6#Ju%41x';
const NUMBER = '918273645546372819';
/** With pieces of them: what tears a secret apart must not show the rest. */
const SOUGHT = [HEADER, BODY, NUMBER, '6#Ju%41x', '<3>&/Rd+', '7>/Kv+Lm~4T'];

interface Seen {
  method: string;
  path: string;
  url: URL;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

/** Hundreds of steps, and megabytes that are searched, on a machine that may have other things to do. */
const LONG_MS = 300_000;

/** What the server was given to keep. */
let kept = '';

/** A server that says what it was sent in every way that anybody might. */
const ECHOES: Record<string, (request: Seen, response: ServerResponse) => void> = {
  '/json': (request, response) => respond(response, 'application/json', asJson(request)),
  '/twice': (request, response) =>
    respond(
      response,
      'application/json',
      JSON.stringify({ json: JSON.stringify(asJson(request)) }),
    ),
  '/text': ({ body, headers }, response) =>
    respond(response, 'text/plain', `${headers['authorization']} ${body.toString()}`),
  '/raw': ({ body, headers }, response) => respond(response, String(headers['content-type']), body),
  '/binary': ({ body }, response) =>
    respond(
      response,
      'application/octet-stream',
      Buffer.concat([Buffer.of(0, 255, 1), body, Buffer.of(254)]),
    ),
  '/binary64': ({ body }, response) =>
    respond(
      response,
      'application/octet-stream',
      Buffer.concat([Buffer.of(255), Buffer.from(body.toString('base64'))]),
    ),
  '/utf16': ({ body }, response) =>
    respond(response, 'text/plain; charset=utf-16le', Buffer.from(body.toString(), 'utf16le')),
  '/utf16-unsaid': ({ headers }, response) =>
    respond(response, 'text/plain', Buffer.from(headers['authorization'] ?? '', 'utf16le')),
  '/utf16-body-unsaid': ({ body }, response) =>
    respond(response, 'text/plain', Buffer.from(body.toString(), 'utf16le')),
  '/wrong-charset': ({ body }, response) =>
    respond(response, 'text/plain; charset=iso-8859-1', body),
  '/wrong-charset-json': (request, response) =>
    respond(response, 'application/json; charset=koi8-r', asJson(request)),
  '/fails-utf16': ({ body }, response) => {
    response.statusCode = 400;
    respond(response, 'text/plain; charset=utf-16le', Buffer.from(body.toString(), 'utf16le'));
  },
  '/base64': ({ body, headers }, response) =>
    respond(
      response,
      'text/plain',
      ['', 'a', 'ab']
        .flatMap((before) => {
          const bytes = Buffer.concat([Buffer.from(before), body, Buffer.from('end')]);
          const header = Buffer.from(`${before}${headers['authorization']}`);
          return [
            bytes.toString('base64'),
            bytes.toString('base64url'),
            header.toString('base64'),
            bytes.toString('base64').replaceAll(/.{64}/g, '$&\r\n'),
          ];
        })
        .join(' '),
    ),
  '/hex': ({ body, headers }, response) =>
    respond(
      response,
      'text/plain',
      `${body.toString('hex')} ${Buffer.from(headers['authorization'] ?? '')
        .toString('hex')
        .toUpperCase()}`,
    ),
  '/html': ({ body, headers }, response) =>
    respond(
      response,
      'text/html',
      [body.toString(), headers['authorization'] ?? '']
        .map((text) => {
          const escaped = text.replaceAll(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
          const named = text
            .replaceAll('&', '&amp;')
            .replaceAll('<', '&lt;')
            .replaceAll('"', '&quot;');
          return `<p title="${escaped}">${named}</p>`;
        })
        .join(''),
    ),
  '/url': ({ url }, response) =>
    respond(
      response,
      'text/plain',
      `${url.href} ${url.href.toLowerCase()} ${[...url.searchParams.values()].join()}`,
    ),
  '/headers': ({ url, headers, body }, response) => {
    response.setHeader('X-Header', headers['authorization'] ?? '');
    response.setHeader('X-Query', url.search);
    response.setHeader('X-Body', encodeURIComponent(body.toString()));
    response.setHeader('X-Bytes', body.toString('base64'));
    response.setHeader('Set-Cookie', [
      'a=b',
      `k=${encodeURIComponent(headers['authorization'] ?? '')}`,
    ]);
    response.setHeader(`X-${NUMBER}`, NUMBER);
    respond(response, 'text/plain', '');
  },
  '/number': (_request, response) =>
    respond(response, 'application/json', `{"n":${NUMBER},"l":[${NUMBER}],"${NUMBER}":"x"}`),
  '/broken-json': (request, response) =>
    respond(response, 'application/json', `{"a":${asJson(request)}`),
  '/deep-json': (request, response) =>
    respond(response, 'application/json', '['.repeat(400) + asJson(request) + ']'.repeat(400)),
  '/gzip': (request, response) => compress(request, response, 'gzip', gzipSync),
  '/deflate': (request, response) => compress(request, response, 'deflate', deflateSync),
  '/br': (request, response) => compress(request, response, 'br', brotliCompressSync),
  '/zstd': (request, response) => compress(request, response, 'zstd', (text) => Buffer.from(text)),
  '/large': (request, response) =>
    respond(response, 'text/plain', `${'x'.repeat(300_000)}${asJson(request)}`),
  '/fails': ({ url, headers, body }, response) => {
    response.statusCode = Number(url.searchParams.get('status') ?? 400);
    response.statusMessage = HEADER.replaceAll(/[^\x20-\x7e]/g, '');
    respond(response, 'text/plain', `${headers['authorization']} ${body.toString()}`);
  },
  // Cut after 16 KiB, and in the middle of the secret.
  '/fails-late': ({ headers }, response) => {
    response.statusCode = 400;
    const value = headers['authorization'] ?? '';
    respond(response, 'text/plain', `${' '.repeat(16 * 1024 - 12)}${value}`);
  },
  '/fails-early': ({ headers }, response) => {
    response.statusCode = 400;
    respond(response, 'text/plain', (headers['authorization'] ?? '').repeat(100));
  },
  '/fails-gzip': (request, response) => {
    response.statusCode = 400;
    compress(request, response, 'gzip', gzipSync);
  },
  '/fails-zstd': (request, response) => {
    response.statusCode = 400;
    compress(request, response, 'zstd', (text) => Buffer.from(text));
  },
  '/to': ({ url }, response) => {
    response.statusCode = Number(url.searchParams.get('status') ?? 307);
    response.setHeader('Location', url.searchParams.get('to')!);
    respond(response, 'text/plain', '');
  },
  '/keep': (request, response) => {
    kept = asJson(request);
    respond(response, 'text/plain', 'kept');
  },
  '/kept': (_request, response) => respond(response, 'application/json', kept),
  '/kept-fails': (_request, response) => {
    response.statusCode = 400;
    respond(response, 'text/plain', kept);
  },
  '/to-own-words': ({ headers }, response) => {
    response.statusCode = 302;
    response.setHeader(
      'Location',
      `/url?echo=${encodeURIComponent(headers['authorization'] ?? '')}`,
    );
    respond(response, 'text/plain', '');
  },
  '/to-name': ({ headers }, response) => {
    const label = (headers['authorization'] ?? '').replaceAll(/[^A-Za-z0-9]/g, '');
    response.statusCode = 302;
    response.setHeader('Location', `http://${label}.localhost/`);
    respond(response, 'text/plain', '');
  },
};

const asJson = ({ method, url, headers, body }: Seen): string =>
  JSON.stringify({ method, url, headers, body: body.toString(), [body.toString()]: 1 });

function respond(response: ServerResponse, type: string, body: string | Buffer): void {
  response.setHeader('Content-Type', type);
  response.end(body);
}

function compress(
  request: Seen,
  response: ServerResponse,
  coding: string,
  encode: (text: string) => Buffer,
): void {
  response.setHeader('Content-Encoding', coding);
  respond(response, 'application/json', encode(asJson(request)));
}

async function serve(
  answer: (request: Seen, response: ServerResponse) => void,
): Promise<{ origin: string; port: number; seen: Seen[]; server: Server }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url!, `http://${request.headers.host}`);
      const { method = '', headers } = request;
      const one = { method, path: url.pathname, url, headers, body: Buffer.concat(chunks) };
      seen.push(one);
      answer(one, response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, port, seen, server };
}

type World = Awaited<ReturnType<typeof serve>>;

/** All text in a value, bytes as characters. */
function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return ` ${Buffer.from(value).toString('utf8')} `;
  if (typeof value !== 'object' || value === null) return ` ${String(value)} `;
  return Object.entries(value)
    .map(([key, inner]) => `${key}${textOf(inner)}`)
    .join('');
}

describe('a secret does not get out', () => {
  let aos: Harness;
  let world: World;
  let elsewhere: World;
  let provider: ScriptedProvider;
  let mail: MailServer;
  const lines: string[] = [];
  const answers: string[] = [];
  const runs: Run[] = [];

  beforeAll(async () => {
    world = await serve((request, response) => {
      const echo = ECHOES[request.path];
      if (echo) echo(request, response);
      else respond(response, 'text/plain', 'ok');
    });
    elsewhere = await serve((request, response) => {
      if (request.path === '/to') ECHOES['/to']!(request, response);
      else respond(response, 'text/plain', 'got it');
    });
    provider = await startScriptedProvider();
    mail = await startMailServer();
    aos = await startHarness({
      egressAllow: '127.0.0.1/32',
      llm: { OPENAI_API_KEY: 'sk-test-of-the-attack', OPENAI_BASE_URL: provider.url },
      email: readConfig({
        SMTP_URL: `smtp://127.0.0.1:${mail.port}`,
        AOS_EMAIL_FROM: 'alerts@example.org',
      }).email,
      onLog: (line) => void lines.push(line),
    });
    const hosts = [world.origin];
    for (const [name, value] of Object.entries({ HEADER, BODY, NUMBER }))
      await put(name, value, hosts);
  });
  afterAll(async () => {
    await aos.stop();
    await provider.stop();
    await mail.stop();
    for (const { server } of [world, elsewhere]) {
      server.close();
      server.closeAllConnections();
    }
  });

  /** Every answer of the API is kept, and searched in the end. */
  async function ask<T = Json>(
    path: string,
    init: Parameters<Harness['request']>[1] = {},
  ): Promise<{ status: number; body: T }> {
    const { status, headers, body } = await aos.request<T>(path, init);
    answers.push(path, JSON.stringify(body), JSON.stringify([...headers]));
    return { status, body };
  }
  const put = (name: string, value: string, hosts: string[], key?: string) =>
    ask(`/api/v1/secrets/${name}`, {
      method: 'PUT',
      json: { value, hosts },
      ...(key !== undefined && { key }),
    });
  const allOf = (path: string, more: JsonObject = {}): JsonObject => ({
    url: `${world.origin}${path}`,
    method: 'POST',
    headers: { Authorization: '{{secrets.HEADER}}', 'X-Number': '{{secrets.NUMBER}}' },
    query: { q: 'a{{secrets.HEADER}}b', long: '{{secrets.BODY}}' },
    body: { text: 'before {{secrets.BODY}} after', n: '{{secrets.NUMBER}}' },
    ...more,
  });
  const step = (id: string, params: JsonObject, more: JsonObject = {}): JsonObject => ({
    id,
    skill: 'http_call',
    params,
    depends_on: [],
    on_error: 'skip',
    retry: { max_attempts: 1 },
    ...more,
  });
  async function attack(plan: JsonObject[], extra: JsonObject = {}): Promise<Run> {
    const { body } = await ask<Run>('/api/v1/runs', { json: { plan, ...extra } });
    if (!('run_id' in body)) throw new Error(JSON.stringify(body));
    const run = await aos.ended(body.run_id);
    runs.push(run);
    return run;
  }
  const detailOf = async ({ run_id: id }: Run, stepId: string): Promise<StepDetail> =>
    (await ask<StepDetail>(`/api/v1/runs/${id}/steps/${stepId}`)).body;

  test(
    'by what a server repeats, whatever it makes of it',
    async () => {
      const paths = Object.keys(ECHOES).filter((path) => !path.startsWith('/to'));
      const texts = paths.map((path) => [`text${path.replaceAll('/', '_')}`, path] as const);
      await attack([
        ...texts.map(([id, path]) => step(id, allOf(path))),
        ...texts.map(([id, path]) =>
          step(`${id}_raw`, allOf(path, { body: 'a={{secrets.BODY}}' })),
        ),
        ...[401, 404, 429, 500, 503, 600].map((status) =>
          step(`status_${status}`, allOf('/fails', { query: { status } })),
        ),
        ...[1, 5, 9, 20, 100].map((bytes) =>
          step(`cut_${bytes}`, allOf('/fails-early', { max_response_bytes: bytes })),
        ),
        // A server that repeats the type, too, tears the text apart.
        ...['utf-16le', 'utf-16be', 'shift_jis', 'ebcdic', 'utf-7', 'x-user-defined'].map(
          (charset) =>
            step(`as_${charset.replaceAll('-', '_')}`, {
              ...allOf('/raw', { body: '{{secrets.NUMBER}} {{secrets.BODY}}' }),
              headers: { 'Content-Type': `text/plain; charset=${charset}` },
            }),
        ),
        step('too_large', allOf('/large', { max_response_bytes: 1000 })),
        step(
          'asks_zstd',
          allOf('/zstd', {
            headers: { 'Accept-Encoding': 'zstd', Authorization: '{{secrets.HEADER}}' },
          }),
        ),
      ]);
      // What was sent is what was meant, else nothing was tried here.
      const sent = world.seen.find(({ path }) => path === '/json')!;
      expect(sent.headers['authorization']).toBe(HEADER);
      expect(sent.url.searchParams.get('long')).toBe(BODY);
      expect((JSON.parse(sent.body.toString()) as JsonObject)['text']).toBe(`before ${BODY} after`);
      const output = (await detailOf(runs.at(-1)!, 'text_json')).output as JsonObject;
      expect(JSON.stringify(output)).toContain('[secret HEADER]');
      expect(JSON.stringify(output)).toContain('before [secret BODY] after');
      for (const charset of ['utf_16le', 'utf_16be', 'shift_jis']) {
        const { body } = (await detailOf(runs.at(-1)!, `as_${charset}`)).output as { body: string };
        const bytes = Buffer.from(body, 'utf16le');
        const torn = [body, bytes.toString('latin1'), bytes.swap16().toString('latin1')];
        expect(secretFormsIn(torn.join(' '), SOUGHT)).toEqual([]);
      }
      expect((await detailOf(runs.at(-1)!, 'text_zstd')).failure).toMatchObject({
        code: 'RESPONSE_INVALID',
      });
      for (const bytes of [1, 5, 9, 20, 100]) {
        const { failure } = await detailOf(runs.at(-1)!, `cut_${bytes}`);
        expect(failure!.detail).toBe(`POST ${world.origin} answered 400.`);
      }
    },
    LONG_MS,
  );

  test('by a redirect to another host, port or scheme, or to words of the server', async () => {
    const places = [
      `${elsewhere.origin}/port`,
      `http://localhost:${elsewhere.port}/name`,
      `http://localhost:${world.port}/same-port`,
      `http://[::1]:${world.port}/address`,
      `https://127.0.0.1:${world.port}/scheme`,
      `//127.0.0.1:${elsewhere.port}/relative`,
      `http://127.0.0.1:${world.port}@127.0.0.1:${elsewhere.port}/user`,
      `http://127.1:${elsewhere.port}/short`,
    ];
    const statuses = [301, 302, 303, 307, 308];
    const plan = places.flatMap((to, place) =>
      statuses.map((status) =>
        step(`to_${place}_${status}`, allOf('/to', { query: { to, status } })),
      ),
    );
    const twice = `${world.origin}/to?to=${encodeURIComponent(`${elsewhere.origin}/twice`)}`;
    const only = (more: JsonObject): JsonObject => ({
      url: `${world.origin}/to?to=${encodeURIComponent(elsewhere.origin)}`,
      method: 'POST',
      ...more,
    });
    const run = await attack([
      ...plan,
      step('twice', allOf('/to', { query: { to: twice } })),
      step('only_body', only({ body: '{{secrets.BODY}}' })),
      step('only_query', only({ query: { k: '{{secrets.BODY}}' } })),
      step('only_header', only({ headers: { k: '{{secrets.HEADER}}' } })),
      step('own_words', allOf('/to-own-words')),
      step('name', allOf('/to-name')),
      step('stays', allOf('/to', { query: { to: '/json' } })),
    ]);
    expect(elsewhere.seen).toEqual([]);
    const refused = [
      'to_0_301',
      'to_1_307',
      'to_2_308',
      'to_4_302',
      'twice',
      'only_body',
      'only_query',
      'only_header',
      'name',
    ];
    for (const id of refused) {
      const { failure } = await detailOf(run, id);
      expect({ id, code: failure?.code }).toEqual({ id, code: 'SECRET_HOST_NOT_ALLOWED' });
    }
    // To a place on the list it goes, with all of them.
    const stayed = world.seen.findLast(({ path }) => path === '/json')!;
    expect(stayed.body.toString()).toContain(NUMBER);
  });

  test('by a name on its list that leads elsewhere', async () => {
    const skill = createHttpCall({
      egress: createEgressGuard({
        allow: parseEgressAllow(''),
        resolve: () => Promise.resolve([{ address: '127.0.0.1' }]),
      }),
      prices: parseHttpPrices(''),
    });
    const hosts = ['http://api.example.org:8080'];
    const secrets = createCallSecrets([{ name: 'K', value: HEADER, hosts, token: 'token0' }], () =>
      Promise.resolve([]),
    );
    const result = await callSkill(
      skill,
      { url: 'http://api.example.org:8080/', headers: { k: 'token0' } },
      { secrets },
    );
    expect(result).toMatchObject({ ok: false, failure: { code: 'EGRESS_BLOCKED' } });
  });

  test('by errors of the connection', async () => {
    const breaking = createTcpServer((socket) => {
      socket.once('data', (data) => socket.end(`HTTP/1.1 ${data.toString('latin1')}`));
    });
    breaking.listen(0, '127.0.0.1');
    await once(breaking, 'listening');
    const broken = `127.0.0.1:${(breaking.address() as AddressInfo).port}`;
    // Where nobody listens.
    const nobody = '127.0.0.1:1';
    await put('ERRORS', HEADER, [
      `http://${broken}`,
      broken,
      `http://${nobody}`,
      'no-such-name.invalid',
    ]);
    await put('LINES', `${HEADER}\r\nX-Injected: 1`, [world.origin]);
    const headers = { k: '{{secrets.ERRORS}}' };
    const run = await attack([
      step('no_http', { url: `http://${broken}`, headers }),
      step('no_tls', { url: `https://${broken}`, headers }),
      step('nobody', { url: `http://${nobody}`, headers }),
      step('no_name', { url: 'https://no-such-name.invalid', headers }),
      step('no_header', { url: world.origin, headers: { k: '{{secrets.LINES}}' } }),
      step('no_latin', { url: world.origin, headers: { k: '{{secrets.BODY}}' } }),
      step('slow', { url: `http://${broken}`, headers, timeout_ms: 1 }),
    ]);
    breaking.close();
    const codes = await Promise.all(
      ['no_http', 'no_tls', 'nobody', 'no_name', 'no_header', 'no_latin'].map(
        async (id) => (await detailOf(run, id)).failure?.code,
      ),
    );
    expect(codes).toEqual([
      'RESPONSE_INVALID',
      'TLS_FAILED',
      'CONNECT_FAILED',
      'DNS_FAILED',
      'PARAMS_INVALID',
      'PARAMS_INVALID',
    ]);
    expect(world.seen.some(({ headers: sent }) => 'x-injected' in sent)).toBe(false);
  });

  test('by what other skills make of a response', async () => {
    const after = (id: string, skill: string, params: JsonObject): JsonObject => ({
      id,
      skill,
      params,
      depends_on: ['echo'],
      on_error: 'skip',
    });
    const text = 'It said {{steps.echo.output}}';
    await attack([
      step('echo', allOf('/json')),
      after('jq', 'json_transform', {
        data: '{{steps.echo.output}}',
        query:
          '[.body, (. | @json | @base64), (. | @json | @uri), (. | @json | explode), (.headers | keys)]',
      }),
      after('file', 'fs_write', { path: 'echo.json', content: text }),
      after('model', 'llm_invoke', { prompt: text }),
      after('hook', 'webhook_send', { url: elsewhere.origin, payload: { text } }),
      after('mail', 'email_send', { to: 'a@example.org', subject: 'echo', text }),
      step('again', allOf('/json', { body: { text } }), { depends_on: ['echo'] }),
      step('undo', allOf('/json'), {
        compensate: { skill: 'http_call', params: allOf('/fails') },
        fallback: { skill: 'http_call', params: allOf('/text') },
      }),
      step('end', allOf('/fails'), { on_error: 'fail', depends_on: ['undo', 'mail', 'model'] }),
    ]);
    expect((await detailOf(runs.at(-1)!, 'model')).failure).toBeUndefined();
    expect(provider.seen.length).toBeGreaterThan(0);
    expect(mail.received).toHaveLength(1);
    expect(elsewhere.seen.length).toBeGreaterThan(0);
    const received = [
      ...elsewhere.seen.map((seen) => textOf([seen.url.href, seen.headers, seen.body])),
      ...provider.seen.map((seen) => JSON.stringify(seen)),
      ...mail.received.map(({ raw }) => raw),
    ];
    expect(secretFormsIn(received.join('\n'), SOUGHT)).toEqual([]);
    const { rows } = await aos.pool.query<{ output: string }>(
      `SELECT output FROM steps WHERE id = 'jq' AND output IS NOT NULL`,
    );
    const decoded = rows.map(({ output }) =>
      output.replaceAll(/[A-Za-z0-9+/]{40,}=*/g, (each) => Buffer.from(each, 'base64').toString()),
    );
    expect(decoded.join('')).toContain('[secret ');
    expect(secretFormsIn(decoded.join('\n'), SOUGHT)).toEqual([]);
  });

  test('by what a server has kept, and gives back to a call without secrets', async () => {
    const after = { depends_on: ['keep'] };
    const to = `${world.origin}/kept`;
    const run = await attack([
      step('keep', allOf('/keep', { headers: { A: '{{secrets.HEADER}}' } })),
      step('kept', { url: to }, after),
      step('by_redirect', { url: `${elsewhere.origin}/to`, query: { to } }, after),
      step('fails', { url: `${world.origin}/kept-fails` }, after),
      { ...step('hook', { url: to, payload: {} }, after), skill: 'webhook_send' },
      {
        ...step('hook_fails', { url: `${world.origin}/kept-fails`, payload: {} }, after),
        skill: 'webhook_send',
      },
    ]);
    expect(kept).toContain(NUMBER);
    for (const id of ['kept', 'by_redirect', 'hook']) {
      const { output } = await detailOf(run, id);
      expect({ id, isMarked: JSON.stringify(output).includes('[secret NUMBER]') }).toEqual({
        id,
        isMarked: true,
      });
    }
  });

  test('by another tenant that names it, nor by an agent that may go elsewhere', async () => {
    const stranger = await aos.createKey('stranger');
    const plan = [step('a', allOf('/json'))];
    const theirs = await ask<Failure>('/api/v1/runs', { json: { plan }, key: stranger });
    expect(theirs).toMatchObject({ status: 422, body: { code: 'SECRET_NOT_FOUND' } });
    await put('HEADER', 'a value of the stranger', [elsewhere.origin], stranger);
    const named = [step('a', { url: elsewhere.origin, headers: { k: '{{secrets.HEADER}}' } })];
    const { body: run } = await ask<Run>('/api/v1/runs', { json: { plan: named }, key: stranger });
    for (let status = 'queued'; status === 'queued' || status === 'running';) {
      const path = `/api/v1/runs/${run.run_id}?wait=5s`;
      status = (await ask<Run>(path, { key: stranger })).body.status;
    }
    expect(elsewhere.seen.at(-1)!.headers['k']).toBe('a value of the stranger');

    const { body: agent } = await ask<JsonObject>('/api/v1/agents', {
      json: { name: 'roamer', allowed_hosts: [`127.0.0.1:${elsewhere.port}`] },
    });
    const agentId = agent['agent_id'] as string;
    const { body: bound } = await ask<JsonObject>('/api/v1/keys', {
      json: { name: 'bound', role: 'operator', agent_id: agentId },
    });
    const key = bound['key'] as string;
    const roam = [step('a', { url: '{{input}}', headers: { k: '{{secrets.HEADER}}' } })];
    for (const [input, code] of [
      [elsewhere.origin, 'SECRET_HOST_NOT_ALLOWED'],
      [world.origin, 'HOST_NOT_ALLOWED'],
    ] as const) {
      const { body } = await ask<Run>('/api/v1/runs', { json: { plan: roam, input }, key });
      const ended = await aos.ended(body.run_id);
      expect((await detailOf(ended, 'a')).failure).toMatchObject({ code });
      runs.push(ended);
    }
    expect(elsewhere.seen.some((seen) => textOf(seen.headers).includes(HEADER))).toBe(false);
  });

  test('by a guess of what stands for it, or a reference in what comes back', async () => {
    const guesses = ['{{secrets.HEADER}}', 'aosSecret0000n0e', '[secret HEADER]'];
    await attack(
      [
        step('a', allOf('/json', { body: { text: guesses.slice(1) } })),
        step('b', allOf('/raw', { body: '{{input}} {{steps.a.output.body}}' }), {
          depends_on: ['a'],
        }),
      ],
      { input: guesses, idempotency_key: 'guess' },
    );
    expect(world.seen.at(-1)!.body.toString()).toContain('{{secrets.HEADER}}');
    expect(
      textOf(world.seen.map(({ url, headers, body }) => [url.href, headers, body])),
    ).not.toMatch(/aosSecret[0-9a-f]{32}/);
  });

  test(
    'by anything that the API answers, the log, the metrics, the history, the database or the files',
    async () => {
      for (const { run_id: id } of runs) {
        const { body: run } = await ask<Run>(`/api/v1/runs/${id}`);
        await ask(`/api/v1/runs/${id}/ledger`);
        for (const { id: stepId } of run.steps!) {
          await ask(`/api/v1/runs/${id}/steps/${stepId}`);
          await ask(`/api/v1/runs/${id}/steps/${stepId}/output`);
        }
      }
      const [first] = runs;
      for (const path of [
        '/api/v1/runs?limit=200',
        '/api/v1/secrets',
        '/api/v1/secrets/HEADER',
        '/api/v1/audit?limit=200',
        '/api/v1/ledger/audit',
        '/api/v1/keys',
        '/api/v1/agents',
        '/api/v1/me',
        '/api/v1/account',
        '/api/v1/limits',
        '/api/v1/rbac/info',
        '/api/v1/runtime/capabilities',
        '/api/v1/runtime/plan-schema',
        '/api/v1/runtime/skills',
        '/api/v1/runtime/webhook-secret',
        '/openapi.json',
        '/docs/errors/SECRET_NOT_FOUND',
        '/health/ready',
        '/version',
      ])
        await ask(path);
      for (const query of ['last_step_outcome', 'what_did_i_try_already', 'remaining_budget_cents'])
        await ask('/api/v1/runtime/query', {
          json: { query_type: query, params: { run_id: first!.run_id } },
        });
      const plan = [step('a', allOf('/json'))];
      await ask('/api/v1/plans/validate', { json: { plan } });
      await ask('/api/v1/runtime/simulate', { json: { plan, budget_cents: 100 } });
      // A refused body is not repeated either.
      await ask('/api/v1/secrets/HEADER', {
        method: 'PUT',
        json: { value: `${HEADER}\0`, hosts: ['*'] },
      });
      await ask('/api/v1/secrets/HEADER', { method: 'PUT', json: { hosts: [], valeu: HEADER } });

      const histories = await Promise.all(
        runs.map(({ run_id: id }) => aos.client.workflow.getHandle(`${id}.1`).fetchHistory()),
      );
      const { rows: tables } = await aos.pool.query<{ name: string }>(
        `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`,
      );
      const dump: string[] = [];
      for (const { name } of tables) {
        const { rows } = await aos.pool.query<{ row: string }>(
          `SELECT t::text AS row FROM ${name} AS t`,
        );
        dump.push(`${name}: ${rows.map(({ row }) => row).join('\n')}`);
      }
      const files = await readdir(aos.workspaceDir, { recursive: true, withFileTypes: true });
      const written = await Promise.all(
        files
          .filter((file) => file.isFile())
          .map((file) => readFile(join(file.parentPath, file.name), 'utf8')),
      );
      const everything: Record<string, string> = {
        answers: answers.join('\n'),
        log: lines.join('\n'),
        metrics: await aos.deps.metrics.register.metrics(),
        history: textOf(histories),
        database: dump.join('\n'),
        files: written.join('\n'),
      };
      // That there is something to search is part of the claim.
      expect(everything['history']).toContain('executeStep');
      for (const place of ['answers', 'database', 'files'])
        expect({ place, isMarked: everything[place]!.includes('[secret HEADER]') }).toEqual({
          place,
          isMarked: true,
        });
      expect(lines.length).toBeGreaterThan(0);
      expect(everything['answers']).toContain('{{secrets.HEADER}}');
      for (const [place, text] of Object.entries(everything)) {
        expect({ place, found: secretFormsIn(text, SOUGHT) }).toEqual({ place, found: [] });
        expect({ place, tokens: text.match(/aosSecret[0-9a-f]{32}/) }).toEqual({
          place,
          tokens: null,
        });
      }
    },
    LONG_MS,
  );
});
