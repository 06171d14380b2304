import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { FAILURE_CODES } from '../../src/contracts/failure-codes.ts';
import { Failure } from '../../src/contracts/failures.ts';
import type { Run } from '../../src/contracts/run.ts';
import type { Answer, Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';
import { converse } from '../support/raw-http.ts';

const RUNS = '/api/v1/runs';
const MIB = 1024 * 1024;
const plan = [{ skill: 'json_transform', params: { data: 1, query: '.' } }];
const ABSENT = 'run_00000000-0000-7000-8000-000000000000';

describe('any request', () => {
  let aos: Harness;
  beforeAll(async () => {
    aos = await startHarness({ worker: false, reconciler: false });
  });
  afterAll(async () => {
    await aos.stop();
  });

  const head = (
    method: string,
    path: string,
    headers: Record<string, string | number> = {},
  ): string =>
    [
      `${method} ${path} HTTP/1.1`,
      ...Object.entries({ Host: 'aos', 'X-API-Key': aos.key, ...headers }).map(
        ([name, value]) => `${name}: ${value}`,
      ),
      '\r\n',
    ].join('\r\n');
  const post = (
    body: NonNullable<RequestInit['body']>,
    headers: Record<string, string> = {},
  ): Promise<Answer<Failure>> => aos.request<Failure>(RUNS, { method: 'POST', body, headers });

  describe('with a body', () => {
    test('of exactly 2 MiB is read', async () => {
      const text = (fill: string) => JSON.stringify({ plan, input: fill });
      const body = text('x'.repeat(2 * MIB - Buffer.byteLength(text(''))));
      expect(Buffer.byteLength(body)).toBe(2 * MIB);
      expect((await post(body)).status).toBe(202);
    });

    test('of 3 MiB is refused, and its connection takes the next request', async () => {
      const body = Buffer.alloc(3 * MIB, 'x');
      const [refused, next] = await converse(aos.url, [
        Buffer.concat([Buffer.from(head('POST', RUNS, { 'Content-Length': body.length })), body]),
        head('GET', RUNS),
      ]);
      expect(refused!.status).toBe(413);
      expect(refused!.headers.get('content-type')).toContain('application/problem+json');
      expect(JSON.parse(refused!.body)).toMatchObject({
        code: 'BODY_TOO_LARGE',
        status: 413,
        limit: { name: 'request_body_bytes_max', value: 2 * MIB, asked: 3 * MIB },
      });
      expect(next!.status).toBe(200);
    });

    test('of 3 MiB in chunks of unknown number is refused alike', async () => {
      const chunk = Buffer.concat([
        Buffer.from('100000\r\n'),
        Buffer.alloc(MIB, 'x'),
        Buffer.from('\r\n'),
      ]);
      const [refused, next] = await converse(aos.url, [
        Buffer.concat([
          Buffer.from(head('POST', RUNS, { 'Transfer-Encoding': 'chunked' })),
          chunk,
          chunk,
          chunk,
          Buffer.from('0\r\n\r\n'),
        ]),
        head('GET', '/health'),
      ]);
      expect([refused!.status, next!.status]).toEqual([413, 200]);
      // As much as had come when it was refused.
      const { limit } = JSON.parse(refused!.body) as Failure;
      expect(limit!.asked).toBeGreaterThan(2 * MIB);
      expect(limit!.asked).toBeLessThanOrEqual(3 * MIB);
    });

    test('of 40 MiB learns why before all of it is sent, and its connection is usable behind it', async () => {
      const body = Buffer.alloc(40 * MIB, 'x');
      const [refused, next] = await converse(aos.url, [
        Buffer.concat([Buffer.from(head('POST', RUNS, { 'Content-Length': body.length })), body]),
        head('GET', '/health'),
      ]);
      expect([refused!.status, next!.status]).toEqual([413, 200]);
      expect(await post(body)).toMatchObject({ status: 413, body: { code: 'BODY_TOO_LARGE' } });
    });

    test.each<[string, NonNullable<RequestInit['body']>]>([
      ['that is no JSON', 'plan: nothing'],
      ['of white space', ' \n'],
      ['cut off in the middle', '{"plan": ['],
      ['with a second value behind the first', '{} {}'],
      ['of invalid UTF-8', Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d])],
      ['of UTF-16', Buffer.from('{"plan":[]}', 'utf16le')],
      ['that is NaN', 'NaN'],
    ])('%s is refused as no JSON', async (_what, body) => {
      expect(await post(body)).toMatchObject({
        status: 400,
        body: { code: 'INVALID_JSON', status: 400 },
      });
    });

    test.each<[string, string]>([
      ['a list', '[]'],
      ['a string', '"plan"'],
      ['a number', '42'],
      ['null', 'null'],
      ['false', 'false'],
    ])('that is %s instead of an object is refused', async (_what, body) => {
      for (const path of [RUNS, `${RUNS}/${ABSENT}/cancel`]) {
        expect(await aos.request<Failure>(path, { method: 'POST', body })).toMatchObject({
          status: 422,
          body: {
            code: 'INVALID_REQUEST',
            errors: [{ pointer: '', message: 'must be an object' }],
          },
        });
      }
    });

    test('that is empty counts as an empty object', async () => {
      expect(await aos.request<Failure>(RUNS, { method: 'POST' })).toMatchObject({
        status: 422,
        body: { code: 'PLAN_REQUIRED' },
      });
    });

    test.each([
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/json; charset=utf-16',
      'nonsense',
    ])('is read as JSON under the content type %s', async (type) => {
      expect((await post(JSON.stringify({ plan }), { 'Content-Type': type })).status).toBe(202);
    });

    test('that says a key twice is refused, wherever it does', async () => {
      for (const [text, pointer] of [
        [
          `{"budget_cents": 1, "plan": ${JSON.stringify(plan)}, "budget_cents": 2}`,
          '/budget_cents',
        ],
        [
          '{"plan": [{"skill": "fs_read", "params": {"path": "a", "p\\u0061th": "b"}}]}',
          '/plan/0/params/path',
        ],
        ['{"input": {"any": [{}, {"thing": 1, "thing": 1}]}}', '/input/any/1/thing'],
      ] as const) {
        expect(await post(text)).toMatchObject({
          status: 400,
          body: { code: 'INVALID_JSON', errors: [{ pointer, code: 'DUPLICATE_KEY' }] },
        });
      }
    });

    test('on a GET is not looked at', async () => {
      const [answer] = await converse(aos.url, [
        `${head('GET', RUNS, { 'Content-Type': 'application/json', 'Content-Length': 3 })}{{{`,
      ]);
      expect(answer!.status).toBe(200);
    });

    test('that ends in the middle harms nobody, and is no failure of AOS', async () => {
      const failures: string[] = [];
      const { error } = aos.deps.logger;
      aos.deps.logger.error = (event) => void failures.push(event);
      try {
        const socket = connect(Number(new URL(aos.url).port), '127.0.0.1');
        await once(socket, 'connect');
        socket.write(`${head('POST', RUNS, { 'Content-Length': 1000 })}{"plan": [`);
        // An answer on another connection shows that the server has read what came before it.
        expect((await aos.request('/health')).status).toBe(200);
        socket.destroy();
        await once(socket, 'close');
        for (let n = 0; n < 5; n += 1) expect((await aos.request(RUNS)).status).toBe(200);
        expect(failures).toEqual([]);
      } finally {
        aos.deps.logger.error = error;
      }
    });
  });

  describe('for something that is not there', () => {
    const BAD_IDS = [
      'nope',
      'run_',
      '%00',
      'run_%00',
      '%E0%A4%A',
      '%',
      '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
      '%2F',
      '..%5c',
      `${ABSENT}'`,
      `${ABSENT}%20`,
      `${ABSENT}%0a`,
      ABSENT.toUpperCase(),
      encodeURIComponent("' OR 1=1 --"),
      '1',
      '-1',
      '%F0%9F%98%80',
      'undefined',
      '__proto__',
      'x'.repeat(8_000),
    ];

    test.each([
      ['a run', (id: string) => `${RUNS}/${id}`],
      ['a ledger', (id: string) => `${RUNS}/${id}/ledger`],
      ['a step of a run', (id: string) => `${RUNS}/${id}/steps/a`],
      ['an output', (id: string) => `${RUNS}/${id}/steps/a/output`],
      ['a skill', (id: string) => `/api/v1/runtime/skills/${id}`],
      ['a failure code', (id: string) => `/docs/errors/${id}`],
    ])('by the malformed id of %s answers 404', async (_what, pathOf) => {
      for (const id of BAD_IDS) {
        const [answer] = await converse(aos.url, [head('GET', pathOf(id))]);
        expect({ id, status: answer!.status }).toEqual({ id, status: 404 });
        expect(Failure.parse(JSON.parse(answer!.body)).status).toBe(404);
      }
    });

    test('by the malformed id of a step answers 404, and so does a cancel', async () => {
      const { run_id } = await aos.submit(plan);
      for (const id of [...BAD_IDS, 'step_1', 'constructor']) {
        const [step, output, cancel] = await converse(aos.url, [
          head('GET', `${RUNS}/${run_id}/steps/${id}`),
          head('GET', `${RUNS}/${run_id}/steps/${id}/output`),
          head('POST', `${RUNS}/${id}/cancel`, { 'Content-Length': 0 }),
        ]);
        expect({ id, statuses: [step!.status, output!.status, cancel!.status] }).toEqual({
          id,
          statuses: [404, 404, 404],
        });
      }
    });

    test.each([
      '/',
      '/api',
      '/api/v1',
      '/api/v2/runs',
      '/api/v1/run',
      '/api/v1/runs/../../secret',
      '/../../etc/passwd',
      '//evil.example/api/v1/runs',
      '/%',
      '/%00',
      '/api/v1/runs%2f',
      '/API/V1/RUNS/x/y/z/w',
      '/?a=%',
    ])('by the route %s answers 404', async (path) => {
      for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS', 'PROPFIND']) {
        const [answer] = await converse(aos.url, [head(method, path, { 'Content-Length': 0 })]);
        expect({ method, status: answer!.status }).toEqual({ method, status: 404 });
        expect(Failure.parse(JSON.parse(answer!.body)).code).toBe('NOT_FOUND');
      }
    });
  });

  describe('with a method that the route has not', () => {
    test.each([
      ['DELETE', RUNS, 'POST, HEAD, GET'],
      ['PUT', `${RUNS}/${ABSENT}`, 'HEAD, GET'],
      ['GET', `${RUNS}/${ABSENT}/cancel`, 'POST'],
      ['PATCH', '/api/v1/ledger/audit', 'HEAD, GET'],
      ['POST', '/health', 'HEAD, GET'],
      ['OPTIONS', RUNS, 'POST, HEAD, GET'],
      ['PROPFIND', RUNS, 'POST, HEAD, GET'],
      ['TRACE', RUNS, 'POST, HEAD, GET'],
    ])('%s %s answers 405 and what is allowed', async (method, path, allowed) => {
      const [answer] = await converse(aos.url, [head(method, path, { 'Content-Length': 0 })]);
      expect(answer!.status).toBe(405);
      expect(answer!.headers.get('allow')!.split(', ').sort()).toEqual(allowed.split(', ').sort());
      expect(Failure.parse(JSON.parse(answer!.body)).code).toBe('METHOD_NOT_ALLOWED');
    });

    test('but HEAD answers like GET, without the body', async () => {
      const { run_id } = await aos.submit(plan);
      for (const path of ['/health', RUNS, `${RUNS}/${run_id}`, `${RUNS}/${ABSENT}`, '/nowhere']) {
        const get = await fetch(aos.url + path, { headers: { 'X-API-Key': aos.key } });
        const { status, headers } = await fetch(aos.url + path, {
          method: 'HEAD',
          headers: { 'X-API-Key': aos.key },
        });
        await get.arrayBuffer();
        expect(status).toBe(get.status);
        expect(headers.get('content-type')).toBe(get.headers.get('content-type'));
      }
    });
  });

  test('that is no HTTP, lacks a host or expects too much gets a failure object too', async () => {
    const tries: [string, number][] = [
      ['NONSENSE\r\n\r\n', 400],
      ['GET /health HTTP/9.9\r\n\r\n', 400],
      [`GET /health HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
      ['POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: nine\r\n\r\n', 400],
      [
        'POST /health HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
        400,
      ],
      ['DELETE /health HTTP/1.1\r\nConnection: close\r\n\r\n', 405],
      ['DELETE /health HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\n\r\n', 405],
    ];
    for (const [text, status] of tries) {
      const [answer] = await converse(aos.url, [text]);
      expect({ text, status: answer!.status }).toEqual({ text, status });
      expect(Failure.parse(JSON.parse(answer!.body))).toMatchObject({
        status,
        request_id: expect.stringMatching(/^req_/),
        recovery: [{ action: 'fix_request' }],
      });
      expect(answer!.headers.get('content-type')).toContain('application/problem+json');
    }
  });

  test('that fails answers one object whose type leads to the page of its code', async () => {
    const { run_id } = await aos.submit(plan);
    await aos.pool.query(
      `UPDATE runs SET status = 'succeeded', completed_at = now() WHERE id = $1`,
      [run_id],
    );
    await aos.submit(plan, { idempotency_key: 'taken' });
    const poor = await aos.createKey('poor', 0);
    const failing: [number, string, string, Parameters<Harness['request']>[1]][] = [
      [400, 'INVALID_JSON', RUNS, { method: 'POST', body: '{' }],
      [400, 'CURSOR_INVALID', `${RUNS}?cursor=x`, {}],
      [401, 'UNAUTHENTICATED', RUNS, { key: null }],
      [402, 'BUDGET_EXCEEDED', RUNS, { json: { plan }, key: poor }],
      [404, 'NOT_FOUND', '/nowhere', {}],
      [404, 'RUN_NOT_FOUND', `${RUNS}/${ABSENT}`, {}],
      [404, 'STEP_NOT_FOUND', `${RUNS}/${run_id}/steps/other`, {}],
      [404, 'OUTPUT_NOT_FOUND', `${RUNS}/${run_id}/steps/step_0/output`, {}],
      [404, 'SKILL_NOT_FOUND', '/api/v1/runtime/skills/nothing', {}],
      [405, 'METHOD_NOT_ALLOWED', RUNS, { method: 'DELETE' }],
      [409, 'RUN_CLOSED', `${RUNS}/${run_id}/cancel`, { method: 'POST' }],
      [413, 'BODY_TOO_LARGE', RUNS, { method: 'POST', body: Buffer.alloc(2 * MIB + 1, ' ') }],
      [422, 'INVALID_REQUEST', RUNS, { json: { plan, goal: 1 } }],
      [422, 'PLAN_REQUIRED', RUNS, { json: {} }],
      [422, 'PLAN_INVALID', RUNS, { json: { plan: [] } }],
      [422, 'SKILL_NOT_FOUND', RUNS, { json: { plan: [{ skill: 'nothing' }] } }],
      [422, 'NOT_AVAILABLE_YET', RUNS, { json: { plan: [{ skill: 'wait' }] } }],
      [
        422,
        'IDEMPOTENCY_KEY_REUSED',
        RUNS,
        { json: { plan, idempotency_key: 'taken', goal: 'other' } },
      ],
    ];
    for (const [status, code, path, init] of failing) {
      const answer = await aos.request(path, init);
      const failure = Failure.parse(answer.body);
      expect({ path, status: answer.status, code: failure.code }).toEqual({ path, status, code });
      expect(answer.headers.get('content-type')).toBe('application/problem+json');
      expect(failure.status).toBe(status);
      expect(failure.detail).not.toBe('');
      expect(failure.message).toBe(failure.detail);
      expect(failure.request_id).toMatch(/^req_[0-9a-f-]{36}$/);
      expect(answer.headers.get('x-request-id')).toBe(failure.request_id);
      expect(failure.recovery[0]!.why).not.toBe('');
      expect(failure.type).toBe(`/docs/errors/${code}`);
      const page = await aos.request<{ code: string; fix: string }>(failure.type, { key: null });
      expect(page).toMatchObject({
        status: 200,
        body: { code, title: failure.title, category: failure.category },
      });
    }
  });

  test('for the page of any code is answered, without a key', async () => {
    for (const [code, entry] of Object.entries(FAILURE_CODES)) {
      expect(await aos.request(`/docs/errors/${code}`, { key: null })).toMatchObject({
        status: 200,
        body: { code, title: entry.title, fix: entry.fix, http_status: entry.httpStatus },
      });
    }
  });

  test('gets a JSON body, never an empty one and never a redirect', async () => {
    const { run_id } = await aos.submit(plan);
    const asked: [string, RequestInit & { json?: unknown }][] = [
      [RUNS, {}],
      [RUNS, { json: { plan } }],
      [`${RUNS}/`, {}],
      [`${RUNS}/${run_id}`, { headers: { 'If-None-Match': '"1"' } }],
      [
        `${RUNS}/${run_id}`,
        { headers: { 'If-None-Match': '*', 'If-Modified-Since': new Date().toUTCString() } },
      ],
      [`${RUNS}/${run_id}/`, {}],
      [`${RUNS}/${run_id}/ledger`, {}],
      [`${RUNS}/${run_id}/steps/step_0`, {}],
      [`${RUNS}/${run_id}/cancel`, { method: 'POST' }],
      ['/api/v1/ledger/audit', {}],
      ['/api/v1/runtime/skills', {}],
      ['/api/v1/runtime/skills/fs_read', {}],
      ['/health', {}],
      ['/healthz', {}],
      ['/version', {}],
      ['/docs/errors/INTERNAL', {}],
      ['/openapi.json', {}],
      ['/', {}],
    ];
    for (const [path, { json, ...init }] of asked) {
      const response = await fetch(aos.url + path, {
        redirect: 'manual',
        ...init,
        ...(json !== undefined && { method: 'POST', body: JSON.stringify(json) }),
        headers: { 'X-API-Key': aos.key, ...(init.headers as Record<string, string>) },
      });
      const text = await response.text();
      expect({ path, isRedirect: response.status >= 300 && response.status < 400 }).toEqual({
        path,
        isRedirect: false,
      });
      expect(response.status).not.toBe(204);
      expect(response.headers.get('content-type')).toMatch(/^application\/(problem\+)?json/);
      expect(response.headers.get('content-length')).toBe(String(Buffer.byteLength(text)));
      expect(JSON.parse(text)).toEqual(expect.objectContaining({}));
    }
  });

  test('under a tenant of its choosing keeps the tenant of its key', async () => {
    const { run_id } = await aos.submit(plan);
    await aos.createKey('elsewhere');
    const { status, body } = await aos.request<Run>(`${RUNS}/${run_id}`, {
      headers: { 'X-Tenant-ID': 'elsewhere' },
    });
    expect({ status, id: body.run_id }).toEqual({ status: 200, id: run_id });
  });
});
