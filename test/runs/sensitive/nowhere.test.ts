import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { AuditPage } from '../../../src/contracts/audit.ts';
import type { Failure, Problem } from '../../../src/contracts/failures.ts';
import { OUTPUT_INLINE_BYTES_MAX } from '../../../src/contracts/limits.ts';
import type { Run } from '../../../src/contracts/run.ts';
import { createCipher } from '../../../src/secrets/cipher.ts';
import { findInTables, readHistories } from '../../support/find-text.ts';
import { startHarness } from '../../support/harness.ts';
import type { Harness } from '../../support/harness.ts';
import { fill, idsOfNothing, WALK } from '../../support/route-walk.ts';
import { createScriptedSkill, succeed } from '../../support/scripted-skill.ts';

const VALUE = 'zyxsesame9417';
/** Values that are meant to be found: without sealing, all that is searched here would find them. */
const OPEN_VALUE = 'zyxpoppy5281';
const BIG_BYTES = 1024 * 1024;
const RUNS = '/api/v1/runs';

const bodyOf = (path: string): string | undefined => {
  if (path === '/value') return JSON.stringify({ token: VALUE, [`key_${VALUE}`]: 1 });
  if (path === '/open') return JSON.stringify({ token: OPEN_VALUE });
  return path === '/big'
    ? JSON.stringify({ token: VALUE, much: VALUE.repeat(BIG_BYTES / VALUE.length) })
    : undefined;
};

/** A server that gives values, and takes what is sent to it. */
async function startSource(): Promise<{ server: Server; target: string; taken: string[] }> {
  const taken: string[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      if (request.method === 'POST') taken.push(text);
      const body = bodyOf(request.url ?? '');
      const status = request.url === '/refuses' ? 403 : 200;
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(body ?? JSON.stringify({ echoed: text }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const target = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { server, target, taken };
}

describe('a sensitive value', () => {
  const log: string[] = [];
  const tried = new Set<string>();
  const leaky = createScriptedSkill({
    id: 'leaky',
    call: ({ params, effectKey }) => {
      const value = JSON.stringify(params['value']);
      if (tried.has(effectKey)) return succeed(`yes: ${value}`);
      tried.add(effectKey);
      const failure = { code: 'HTTP_5XX', message: `no: ${value}`, upstream_status: 503 } as const;
      return { ok: false, failure, usage: { cost_micro_cents: 0 } };
    },
  });
  const crashing = createScriptedSkill({
    id: 'crashing',
    call: ({ params }) => {
      throw new Error(`cannot take ${JSON.stringify(params)}`);
    },
  });
  let aos: Harness;
  let source: Awaited<ReturnType<typeof startSource>>;
  let viewer: string;
  let operator: string;
  let agentId: string;

  beforeAll(async () => {
    source = await startSource();
    aos = await startHarness({
      egressAllow: source.target,
      skills: [leaky, crashing],
      onLog: (line) => log.push(line),
    });
    viewer = await aos.createKey('default', null, 'viewer');
    operator = await aos.createKey('default', null, 'operator');
    const made = await aos.request<{ agent_id: string }>('/agents', { json: { name: 'reader' } });
    agentId = made.body.agent_id;
  });
  afterAll(async () => {
    const violations = await aos.audit();
    await aos.stop();
    source.server.close();
    source.server.closeAllConnections();
    expect(violations).toEqual([]);
  });

  const http = (id: string, path: string, more: object = {}) => ({
    id,
    skill: 'http_call',
    params: { url: `http://${source.target}${path}` },
    ...more,
  });
  const jq = (id: string, query: string, data?: string, more: object = {}) => ({
    id,
    skill: 'json_transform',
    params: { query, ...(data !== undefined && { data }) },
    ...more,
  });
  const send = (payload: unknown) => ({
    id: 'c',
    skill: 'webhook_send',
    params: { url: `http://${source.target}/hook`, payload },
  });
  const runOf = (plan: unknown): Promise<Run> =>
    aos.run(plan, { agent_id: agentId, goal: 'fetch the word' });
  const plan = (path: string, sensitive: boolean) => [
    http('a', path, { sensitive }),
    jq('b', '{token, size: (.much // "" | length), much}', '{{steps.a.output.body}}'),
    send({ word: '{{steps.b.output.token}}' }),
  ];

  /** Everything that a key of this role is answered with about a run. */
  async function readAll(run: Run, key: string): Promise<{ path: string; text: string }[]> {
    const { key: row } = await aos.submitterOf('default');
    const ids = { ...idsOfNothing(), run_id: run.run_id, agent_id: agentId, key_id: row.id };
    const paths = WALK.filter(({ route }) => route.method === 'GET').map(({ path }) =>
      fill(path, ids),
    );
    const steps = (run.steps ?? []).flatMap(({ id }) => [
      `${RUNS}/${run.run_id}/steps/${id}`,
      `${RUNS}/${run.run_id}/steps/${id}/output`,
    ]);
    const recalls = ['', '?query=word', `?query=${VALUE}`].map(
      (query) => `/agents/${agentId}/recall${query}`,
    );
    const answers = [];
    for (const path of new Set([...paths, ...steps, ...recalls])) {
      const response = await fetch(aos.url + path, {
        headers: { 'X-API-Key': key, Accept: 'application/json' },
      });
      const headers = JSON.stringify([...response.headers]);
      answers.push({ path, text: headers + (await response.text()) });
    }
    for (const query_type of ['last_step_outcome', 'what_did_i_try_already']) {
      const response = await fetch(`${aos.url}/api/v1/runtime/query`, {
        method: 'POST',
        headers: { 'X-API-Key': key },
        body: JSON.stringify({ query_type, run_id: run.run_id }),
      });
      answers.push({ path: query_type, text: await response.text() });
    }
    return answers;
  }
  const pathsWith = (answers: { path: string; text: string }[], value: string): string[] =>
    answers.filter(({ text }) => text.includes(value)).map(({ path }) => path);

  /** Nobody who reads answers, tables, histories or the log comes upon the value. */
  async function expectNowhere(run: Run): Promise<void> {
    expect(pathsWith(await readAll(run, viewer), VALUE)).toEqual([]);
    expect(await findInTables(aos, VALUE)).toEqual([]);
    const history = await readHistories(aos, run.run_id);
    expect(history).toContain('executeStep');
    expect(history).not.toContain(VALUE);
    expect(log.join('\n')).not.toContain(VALUE);
  }

  test('that is not said to be one is found by everything that looks for it here', async () => {
    const run = await runOf(plan('/open', false));
    expect(run).toMatchObject({ status: 'succeeded', warnings: [] });
    expect(JSON.stringify(run)).not.toContain('sensitive');
    const paths = pathsWith(await readAll(run, viewer), OPEN_VALUE);
    const of = `${RUNS}/${run.run_id}`;
    expect(paths).toEqual(
      expect.arrayContaining([
        `${of}/steps/a`,
        `${of}/steps/b`,
        `${of}/steps/a/output`,
        `/agents/${agentId}/runs/${run.run_id}`,
        `/agents/${agentId}/recall`,
        of,
        'last_step_outcome',
      ]),
    );
    expect(await findInTables(aos, OPEN_VALUE)).toEqual(['runs.memory', 'steps.output']);
  });

  test('flows through chains and calls to where it is sent, and is nowhere to be seen', async () => {
    const run = await runOf(plan('/value', true));
    expect(run).toMatchObject({
      status: 'succeeded',
      output: null,
      sensitive: true,
      output_bytes: expect.any(Number),
      outcome: { success: true, result: null, data: null, sensitive: true },
      steps: [
        { id: 'a', sensitive: true, output_bytes: expect.any(Number) },
        { id: 'b', sensitive: true },
        { id: 'c', sensitive: true },
      ],
      warnings: [
        { code: 'SENSITIVE_BY_READING', pointer: '/plan/1' },
        { code: 'SENSITIVE_BY_READING', pointer: '/plan/2' },
      ],
    });
    expect(source.taken.at(-1)).toBe(JSON.stringify({ word: VALUE }));
    await expectNowhere(run);
  });

  test('is shown by its size, with the plan beside it, wherever its output would stand', async () => {
    const run = await runOf(plan('/value', true));
    const detail = await aos.step(run.run_id, 'a');
    const withheld = { sensitive: true, output_bytes: expect.any(Number) };
    expect(detail).toMatchObject({ ...withheld, params: { url: `http://${source.target}/value` } });
    expect(detail).not.toHaveProperty('output');
    expect(detail).not.toHaveProperty('result');
    const { body: ofAgent } = await aos.request(`/agents/${agentId}/runs/${run.run_id}`);
    const call = { ...withheld, result_preview: null };
    expect(ofAgent).toMatchObject({ output: null, ...withheld, tool_calls: [call, call, call] });
    const { body: recalled } = await aos.request(`/agents/${agentId}/recall?k=1`);
    const content = 'fetch the word\n';
    expect(recalled).toMatchObject({ entries: [{ id: run.run_id, content, sensitive: true }] });
    const { body: asked } = await aos.request<{ result: { outcome: object } }>(
      '/api/v1/runtime/query',
      { json: { query_type: 'last_step_outcome', run_id: run.run_id } },
    );
    expect(asked.result.outcome).toMatchObject({ ok: true, step_id: 'c', ...withheld });
    expect(asked.result.outcome).not.toHaveProperty('output');
  });

  test('is told before the run too, by the check and by the simulation', async () => {
    const checked = { json: { plan: plan('/value', true) }, key: operator };
    for (const path of ['/api/v1/plans/validate', '/api/v1/runtime/simulate']) {
      const { body } = await aos.request<{ warnings: Problem[] }>(path, checked);
      expect(body.warnings.filter(({ code }) => code === 'SENSITIVE_BY_READING')).toEqual([
        {
          pointer: '/plan/1',
          code: 'SENSITIVE_BY_READING',
          message:
            'step `b` reads the output of `a`, which is sensitive, so its own output is sensitive too.',
        },
        expect.objectContaining({ pointer: '/plan/2', message: expect.stringContaining('`b`') }),
      ]);
    }
  });

  test('of a mebibyte is sealed whole, in chains too', async () => {
    const run = await runOf([...plan('/big', true), jq('d', '.much', '{{steps.b.output}}')]);
    expect(run).toMatchObject({ status: 'succeeded', output: null, sensitive: true });
    for (const step of [0, 1, 3])
      expect(run.steps![step]!.output_bytes).toBeGreaterThan(OUTPUT_INLINE_BYTES_MAX);
    await expectNowhere(run);
    const { body } = await aos.request<string>(`${RUNS}/${run.run_id}/steps/d/output`);
    expect(body).toBe(VALUE.repeat(BIG_BYTES / VALUE.length));
    const { rows } = await aos.pool.query('SELECT 1 FROM artifacts');
    expect(rows).toEqual([]);
  });

  test('is downloaded by an operator and an admin, is not kept by caches, and each time is recorded', async () => {
    const run = await runOf([http('a', '/value', { sensitive: true }), jq('b', '.token')]);
    const path = `${RUNS}/${run.run_id}/steps/b/output`;
    for (const key of [operator, aos.key]) {
      const { status, headers, body } = await aos.request(path, { key });
      expect({ status, body }).toEqual({ status: 200, body: VALUE });
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('etag')).toBeNull();
    }
    const refused = await aos.request<Failure>(path, { key: viewer });
    expect(refused).toMatchObject({ status: 403, body: { code: 'OUTPUT_SENSITIVE' } });
    const { body } = await aos.request<AuditPage>(
      '/api/v1/audit?operation=getStepOutput&kind=change',
    );
    const ofRun = body.data.filter(({ subject }) => subject === run.run_id);
    expect(ofRun.map(({ detail }) => detail)).toEqual([
      { step_id: 'b', read: 'sensitive output' },
      { step_id: 'b', read: 'sensitive output' },
    ]);
    expect(new Set(ofRun.map(({ key_id }) => key_id)).size).toBe(2);
  });

  test('is not there before its step has ended well', async () => {
    const run = await runOf([http('a', '/refuses', { sensitive: true })]);
    const path = `${RUNS}/${run.run_id}/steps/a/output`;
    expect(await aos.request(path)).toMatchObject({
      status: 404,
      body: { code: 'OUTPUT_NOT_FOUND' },
    });
    expect(await aos.request(path, { key: viewer })).toMatchObject({ status: 403 });
  });

  test.each<[string, string, () => object[]]>([
    [
      'a server that quotes it',
      'HTTP_4XX',
      () => [
        {
          ...send('{{steps.a.output.body}}'),
          params: { url: `http://${source.target}/refuses`, payload: '{{steps.a.output.body}}' },
        },
      ],
    ],
    ['a program that does', 'TRANSFORM_FAILED', () => [jq('b', '.token | tonumber')]],
    [
      'a path that is not there',
      'REFERENCE_MISSING',
      () => [jq('b', '.', '{{steps.a.output.body.nothing}}')],
    ],
    [
      'params of a wrong form',
      'PARAMS_INVALID',
      () => [{ id: 'b', skill: 'http_call', params: { url: '{{steps.a.output.body.token}}' } }],
    ],
    [
      'a host that is none',
      'DNS_FAILED',
      () => [
        {
          id: 'b',
          skill: 'http_call',
          params: { url: 'http://{{steps.a.output.body.token}}.invalid/' },
          retry: { max_attempts: 1 },
        },
      ],
    ],
    [
      'a skill that crashes',
      'SKILL_CRASHED',
      () => [{ id: 'b', skill: 'crashing', params: { value: '{{steps.a.output}}' } }],
    ],
    [
      'a skill that says no, and its fallback',
      'SKILL_CRASHED',
      () => [
        {
          id: 'b',
          skill: 'leaky',
          retry: { max_attempts: 1 },
          params: { value: '{{previous.output}}' },
          fallback: { skill: 'crashing', params: { value: '{{previous.output}}' } },
        },
      ],
    ],
  ])('is not quoted in a failure: %s', async (_what, code, steps) => {
    const run = await runOf([http('a', '/value', { sensitive: true }), ...steps()]);
    expect(run).toMatchObject({ status: 'failed', failure: { code } });
    expect(run.status === 'failed' && run.failure.message).toContain('is sensitive');
    await expectNowhere(run);
  });

  test('keeps to its facts when it is tried again, and when what it has done is undone', async () => {
    const again = await runOf(
      [
        http('a', '/value', { sensitive: true }),
        {
          id: 'b',
          skill: 'leaky',
          retry: { max_attempts: 2, backoff_ms: 1 },
          params: { value: '{{steps.a.output}}' },
          compensate: { skill: 'crashing', params: { value: '{{steps.b.output}}' } },
        },
        http('d', '/refuses', { depends_on: ['b'] }),
      ].map((step, n, all) => ({ depends_on: n === 0 ? [] : [all[n - 1]!.id], ...step })),
    );
    expect(again).toMatchObject({
      status: 'failed',
      not_undone: [{ step_id: 'b', failure: { code: 'SKILL_CRASHED' } }],
    });
    expect((await aos.step(again.run_id, 'b')).try_list).toMatchObject([
      { status: 'failed', failure: { code: 'HTTP_5XX', upstream_status: 503 } },
      { status: 'succeeded' },
      { role: 'compensate', status: 'failed' },
    ]);
    await expectNowhere(again);
  });
});

describe('a sealed value under another AOS_SECRETS_KEY', () => {
  const other = createCipher('another key of secrets, which is long enough');
  let aos: Harness;
  let own: Harness['deps']['cipher'];
  const turning = createScriptedSkill({
    id: 'turning',
    call: () => {
      aos.deps.cipher = other;
      return succeed('turned');
    },
  });
  const giving = createScriptedSkill({ id: 'giving', call: () => succeed({ word: VALUE }) });

  beforeAll(async () => {
    aos = await startHarness({ skills: [turning, giving] });
    own = aos.deps.cipher;
  });
  afterAll(() => aos.stop());

  test.each([
    ['a call', { id: 'r', skill: 'giving', params: { value: '{{steps.a.output.word}}' } }],
    [
      'a chain',
      { id: 'r', skill: 'json_transform', params: { query: '.', data: '{{steps.a.output}}' } },
    ],
    [
      'a condition',
      { id: 'r', skill: 'giving', when: { ref: 'steps.a.output.word', op: 'exists' } },
    ],
  ])('ends %s that reads it, with what to do', async (_what, reader) => {
    aos.deps.cipher = own;
    const run = await aos.run([
      { id: 'a', skill: 'giving', sensitive: true },
      { id: 'turn', skill: 'turning' },
      reader,
    ]);
    expect(run).toMatchObject({
      status: 'failed',
      failure: {
        code: 'SECRETS_KEY_WRONG',
        step_id: 'r',
        retryable: false,
        message: expect.stringContaining('step a'),
        recovery: [{ action: 'ask_operator', why: expect.stringContaining('AOS_SECRETS_KEY') }],
      },
    });
    expect((await aos.step(run.run_id, 'r')).tries).toBe(1);
    expect(await aos.request(`${RUNS}/${run.run_id}/steps/a/output`)).toMatchObject({
      status: 200,
    });
  });

  test('is refused to who downloads it, and the reading is not recorded', async () => {
    aos.deps.cipher = other;
    const run = await aos.run([{ id: 'a', skill: 'giving', sensitive: true }]);
    expect(run.status).toBe('succeeded');
    const answer = await aos.request(`${RUNS}/${run.run_id}/steps/a/output`);
    expect(answer).toMatchObject({ status: 500, body: { code: 'SECRETS_KEY_WRONG' } });
    const { body } = await aos.request<AuditPage>('/api/v1/audit?operation=getStepOutput');
    expect(body.data.filter(({ subject }) => subject === run.run_id)).toEqual([]);
  });

  test('and what was sealed for another step stays shut', async () => {
    aos.deps.cipher = own;
    const run = await aos.run([
      { id: 'a', skill: 'giving', sensitive: true },
      { id: 'b', skill: 'giving', sensitive: true },
    ]);
    await aos.pool.query(
      `UPDATE steps SET sealed = (SELECT sealed FROM steps WHERE run_id = $1 AND id = 'a') WHERE run_id = $1 AND id = 'b'`,
      [run.run_id],
    );
    const answer = await aos.request(`${RUNS}/${run.run_id}/steps/b/output`);
    expect(answer).toMatchObject({ status: 500, body: { code: 'SECRETS_KEY_WRONG' } });
  });
});
