import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Run } from '../../src/contracts/run.ts';
import { at, expectFields } from '../support/fields.ts';
import type { Fields, Kind } from '../support/fields.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';

/** What clients of the earlier AOS send and read: the rows of its contract, one by one. */

const ALWAYS: Record<string, Kind> = {
  run_id: 'str',
  id: 'str',
  agent_id: 'str',
  goal: 'str',
  status: 'str',
  created_at: 'str',
  current_step: 'int',
  total_steps: 'int',
};
const ENDED: Record<string, Kind> = {
  ...ALWAYS,
  outcome: 'obj',
  completed_at: 'str',
  duration_ms: 'num',
  cost_cents: 'num',
};
const SUCCEEDED: Record<string, Kind> = {
  ...ENDED,
  'outcome.success': 'bool',
  'outcome.result': 'any',
  'outcome.data': 'any',
  'outcome.error': 'absent',
};
const FAILED: Record<string, Kind> = {
  ...ENDED,
  'outcome.success': 'bool',
  'outcome.error': 'obj',
  'outcome.error.code': 'str',
  'outcome.error.message': 'str',
  'outcome.error.category': 'str',
  'outcome.result': 'absent',
};

describe('a client of the earlier AOS', () => {
  let aos: Harness;
  let web: Server;
  let origin: string;
  const received: { method: string; url: string; body: string }[] = [];

  beforeAll(async () => {
    web = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8');
      request.on('data', (chunk: string) => (body += chunk));
      request.on('end', () => {
        received.push({ method: request.method!, url: request.url!, body });
        const status = Number(/^\/status\/(\d+)/.exec(request.url!)?.[1] ?? 200);
        response.writeHead(status, { 'Content-Type': 'application/json' });
        response.end(
          JSON.stringify({
            users: [
              { id: 1, name: 'Ada' },
              { id: 2, name: 'Bob' },
            ],
            price: 43210,
          }),
        );
      });
    });
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
    const { port } = web.address() as AddressInfo;
    origin = `http://127.0.0.1:${port}`;
    aos = await startHarness({ egressAllow: `127.0.0.1:${port}` });
  });
  afterAll(async () => {
    const violations = await aos.audit();
    await aos.stop();
    web.closeAllConnections();
    web.close();
    await once(web, 'close');
    expect(violations).toEqual([]);
  });

  const wanted = { agent_id: 'my-first-agent', goal: 'Find the users' };
  const get = (url: string) => ({
    skill: 'http_call',
    params: { method: 'GET', url: origin + url },
  });
  const jq = (query: string, more: Fields = {}) => ({
    skill: 'json_transform',
    params: { query, ...more },
  });

  test('reads a run object whose outcome is absent until the end', async () => {
    const idle = await startHarness({ worker: false, reconciler: false });
    const created = await idle.request<Run>('/api/v1/runs', {
      json: {
        ...wanted,
        plan: [jq('.', { data: 1 })],
        budget_cents: 100,
        priority: 'high',
        metadata: { a: 1 },
      },
    });
    expect([200, 201, 202]).toContain(created.status);
    const read = await idle.request<Run>(`/api/v1/runs/${created.body.run_id}`);
    expect(read.status).toBe(200);
    for (const body of [created.body, read.body]) {
      expectFields(body, {
        ...ALWAYS,
        outcome: 'absent',
        completed_at: 'absent',
        duration_ms: 'absent',
        failure: 'absent',
      });
      expect('outcome' in body).toBe(false);
      expect(body).toMatchObject({ ...wanted, status: 'queued', total_steps: 1 });
      expect(body.id).toBe(body.run_id);
      expect(body.run_id).not.toContain('/');
      expect(Date.parse(body.created_at)).not.toBeNaN();
      expect(body.warnings.map(({ pointer }) => pointer)).toEqual([
        '/priority',
        '/metadata',
        '/agent_id',
      ]);
    }
    await idle.stop();
  });

  test('reads the result of the last step when the run has succeeded', async () => {
    const run = await aos.run([jq('. + 1', { data: 41 })], wanted);
    expectFields(run, SUCCEEDED);
    expect(Run.parse(run)).toMatchObject({
      ...wanted,
      status: 'succeeded',
      current_step: 1,
      total_steps: 1,
      cost_cents: 0,
      outcome: { success: true, result: 42, data: 42 },
    });
    expect(Date.parse((run as Run & { completed_at: string }).completed_at)).toBeGreaterThanOrEqual(
      Date.parse(run.created_at),
    );
  });

  test.each<[string, () => unknown[], string, Fields]>([
    ['HTTP_4XX', () => [get('/status/404')], 'HTTP_4XX', { upstream_status: 404 }],
    ['HTTP_5XX', () => [get('/status/503')], 'HTTP_5XX', { upstream_status: 503 }],
    [
      'a blocked address',
      () => [{ skill: 'http_call', params: { url: 'http://127.0.0.1:1/' } }],
      'EGRESS_BLOCKED',
      {},
    ],
    ['a program that does not parse', () => [jq('.[', { data: 1 })], 'TRANSFORM_QUERY_INVALID', {}],
  ])('reads %s as a failed run, never as a failed request', async (_what, planOf, code, more) => {
    const run = await aos.run(planOf(), wanted);
    expectFields(run, FAILED);
    expect(run).toMatchObject({
      ...wanted,
      status: 'failed',
      outcome: { success: false, error: { code, ...more } },
    });
  });

  test.each<[string, () => unknown[], unknown]>([
    [
      'a step without an id, told by number',
      () => [jq('.', { data: { n: 7 } }), jq('.', { data: '{{steps[0].result.n}}' })],
      7,
    ],
    [
      'a number inside a text as plain text',
      () => [get('/'), jq('.price'), jq('.', { data: 'Current BTC price: ${{steps[1].result}}' })],
      'Current BTC price: $43210',
    ],
    [
      'a template deep inside a param',
      () => [jq('.', { data: 1 }), jq('.', { data: { a: ['{{steps[0].result}}'] } })],
      { a: [1] },
    ],
    [
      'the body of the http_call before as the input',
      () => [get('/'), jq('.users[0].name')],
      'Ada',
    ],
    [
      'the program in `jq`',
      () => [{ skill: 'json_transform', params: { jq: '.a', data: { a: 'b' } } }],
      'b',
    ],
    ['several outputs as a list', () => [get('/'), jq('.users[] | {id}')], [{ id: 1 }, { id: 2 }]],
    [
      'input_path',
      () => [get('/'), jq('.name', { input_path: '$.steps[0].result.body.users[1]' })],
      'Bob',
    ],
    [
      'input_path before `input` before `data`',
      () => [jq('.', { data: 1 }), jq('.', { input_path: '$.steps[0].result', input: 2, data: 3 })],
      1,
    ],
    ['`input` before `data`', () => [jq('.', { input: 2, data: 3 })], 2],
    ['null into a first step without data', () => [jq('.')], null],
    [
      'a description, which is ignored',
      () => [{ ...jq('.', { data: 5 }), description: 'Says five.' }],
      5,
    ],
    [
      'the value of a fallback',
      () => [{ ...get('/status/404'), fallback: jq('.', { data: 'plan B' }) }],
      'plan B',
    ],
  ])('has %s', async (_what, planOf, result) => {
    const run = await aos.run(planOf(), wanted);
    expectFields(run, SUCCEEDED);
    expect(run).toMatchObject({ status: 'succeeded', outcome: { success: true } });
    expect(at(run, 'outcome.result')).toEqual(result);
    expect(at(run, 'outcome.data')).toEqual(result);
  });

  test('gets of an http_call its status, parsed body and headers', async () => {
    const run = await aos.run([get('/')], wanted);
    expectFields(run, {
      'outcome.result.status_code': 'int',
      'outcome.result.body': 'obj',
      'outcome.result.headers': 'obj',
    });
    expect(at(run, 'outcome.result.body.price')).toBe(43210);
  });

  test.each([
    ['a 5xx', '/status/500', 2, 2],
    ['a 4xx', '/status/400', 3, 1],
  ])(
    'has %s tried as often as `params.retry` says, which counts all tries',
    async (_what, path, wish, tries) => {
      received.length = 0;
      const call = get(path);
      const run = await aos.run([
        {
          ...call,
          params: { ...call.params, retry: { max_attempts: wish, backoff_seconds: 0.01 } },
        },
      ]);
      expect(run).toMatchObject({ status: 'failed', steps: [{ tries }] });
      expect(received).toHaveLength(tries);
    },
  );

  test('has an object body sent as JSON, exactly once', async () => {
    received.length = 0;
    const body = { message: 'hello', list: [1, 2] };
    const run = await aos.run([
      {
        skill: 'http_call',
        params: { method: 'POST', url: `${origin}/hook`, body, timeout_seconds: 5 },
      },
    ]);
    expect(run.status).toBe('succeeded');
    expect(received).toEqual([{ method: 'POST', url: '/hook', body: JSON.stringify(body) }]);
  });

  test('gets the same result for the same plan and input', async () => {
    const plan = [jq('[.[] * 2] | add', { data: '{{input.list}}' })];
    const results = await Promise.all(
      [1, 2, 3].map(() => aos.run(plan, { input: { list: [1, 2, 3] } })),
    );
    expect(results.map((run) => at(run, 'outcome.result'))).toEqual([12, 12, 12]);
  });

  test.each<
    [string, string, RequestInit & { key?: string | null; json?: unknown }, number[], string]
  >([
    ['no key', '/api/v1/runs', { key: null }, [401], 'UNAUTHENTICATED'],
    ['a wrong key', '/api/v1/runs', { key: 'aos_wrong' }, [401], 'UNAUTHENTICATED'],
    ['an unknown route', '/api/v1/nowhere', {}, [404], 'NOT_FOUND'],
    ['an unknown run', '/api/v1/runs/run_unknown', {}, [404], 'RUN_NOT_FOUND'],
    ['a malformed run id', '/api/v1/runs/%00', {}, [404], 'RUN_NOT_FOUND'],
    [
      'a body that is not JSON',
      '/api/v1/runs',
      { method: 'POST', body: 'x' },
      [400, 422],
      'INVALID_JSON',
    ],
    [
      'neither plan nor goal',
      '/api/v1/runs',
      { json: { agent_id: 'a' } },
      [400, 422],
      'PLAN_REQUIRED',
    ],
    [
      'a goal of the wrong type',
      '/api/v1/runs',
      { json: { goal: 5, plan: [jq('.')] } },
      [400, 422],
      'INVALID_REQUEST',
    ],
    [
      'a budget of the wrong type',
      '/api/v1/runs',
      { json: { plan: [jq('.')], budget_cents: true } },
      [400, 422],
      'INVALID_REQUEST',
    ],
    [
      'an unknown skill',
      '/api/v1/runs',
      { json: { plan: [{ skill: 'nope', params: {} }] } },
      [400, 422],
      'SKILL_NOT_FOUND',
    ],
    [
      'a near miss',
      '/api/v1/runs',
      { json: { plan: [{ ...jq('.'), dependson: [] }] } },
      [400, 422],
      'UNKNOWN_KEY',
    ],
  ])('reads for %s a JSON object with `detail`', async (_what, path, init, statuses, carried) => {
    const { status, headers, body } = await aos.request<Fields>(path, init);
    expect(statuses).toContain(status);
    expect(headers.get('content-type')).toMatch(/^application\/(problem\+)?json/);
    expectFields(body, { detail: 'any', code: 'str', message: 'str' });
    expect(JSON.stringify(body)).toContain(`"${carried}"`);
  });

  test('may send any of three key headers, a tenant, and a content type on a GET', async () => {
    for (const headers of [
      { 'X-AOS-Key': aos.key },
      { 'X-API-Key': aos.key },
      { Authorization: `Bearer ${aos.key}` },
    ] as Record<string, string>[]) {
      const { status } = await aos.request('/api/v1/runs', {
        key: null,
        headers: { ...headers, 'Content-Type': 'application/json', 'X-Tenant-ID': 'somebody' },
      });
      expect(status).toBe(200);
    }
  });

  test('reads health without a key', async () => {
    const { status, body } = await aos.request<Fields>('/health', { key: null });
    expect(status).toBe(200);
    expectFields(body, { status: 'str', timestamp: 'str', version: 'str', service: 'str' });
    expect(body['status']).toBe('healthy');
    expect((await aos.request('/healthz', { key: null })).status).toBe(200);
  });
});
