import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Run } from '../../../src/contracts/run.ts';
import { at, expectFields } from '../../support/fields.ts';
import type { Fields, Kind } from '../../support/fields.ts';
import { startHarness } from '../../support/harness.ts';
import type { Harness } from '../../support/harness.ts';

/** The routes of the earlier AOS: what its clients may send to each, and what they read of the answer. */

const SEVEN = [
  'http_call',
  'llm_invoke',
  'json_transform',
  'fs_read',
  'fs_write',
  'webhook_send',
  'email_send',
];
const jq = { skill: 'json_transform', params: { query: '. + 1', data: 41 } };

const READS: [path: string, fields: Record<string, Kind>][] = [
  ['/health', { status: 'str', timestamp: 'str', version: 'str', service: 'str' }],
  ['/healthz', {}],
  ['/version', { version: 'str' }],
  ['/skills', { skills: 'arr' }],
  ['/api/v1/runtime/skills', { count: 'int', skills: 'arr' }],
  ...SEVEN.map((id): [string, Record<string, Kind>] => [
    `/api/v1/runtime/skills/${id}`,
    {
      id: 'str',
      skill_id: 'str',
      name: 'str',
      version: 'str',
      description: 'str',
      'cost_model.base_cents': 'num',
      'cost_model.fixed_cents': 'num',
      'failure_modes.0.code': 'str',
      'failure_modes.0.category': 'str',
      'failure_modes.0.description': 'str',
      'failure_modes.0.retryable': 'bool',
      constraints: 'obj',
      params_schema: 'obj',
      return_schema: 'obj',
    },
  ]),
  [
    '/api/v1/runtime/capabilities',
    {
      skills: 'obj',
      skills_available: 'arr',
      'budget.total_cents': 'num',
      'budget.remaining_cents': 'num',
      budget_remaining_cents: 'num',
      rate_limits: 'any',
      permissions: 'arr',
    },
  ],
  ['/api/v1/runtime/capabilities?agent_id=my-first-agent&tenant_id=t', { agent_id: 'str' }],
  [
    '/api/v1/runtime/resource-contract/default',
    {
      resource_id: 'str',
      'budget.total_cents': 'num',
      'budget.remaining_cents': 'num',
      budget_cents: 'num',
      rate_limits: 'any',
      concurrency: 'obj',
      max_concurrency: 'num',
    },
  ],
  ['/agents', {}],
  ['/agents/:agent', { agent_id: 'str' }],
  ['/agents/:agent/runs?limit=5', {}],
  ['/agents/:agent/provenance?limit=5', {}],
  ['/agents/:agent/recall?query=anything&k=3', { entries: 'arr', total: 'int' }],
  ['/agents/:agent/runs/:run', { attempts: 'int', tool_calls: 'arr' }],
  ['/agents/my-first-agent/runs/:other', { attempts: 'int', tool_calls: 'arr' }],
  ['/api/v1/runs/:run', { outcome: 'obj', completed_at: 'str' }],
  ['/api/v1/recovery/stats', { total_candidates: 'num' }],
  ['/api/v1/recovery/candidates', {}],
  ['/api/v1/rbac/info', {}],
  ['/costsim/v2/status', {}],
];
const isPublic = (path: string): boolean => /^\/(health|version)/.test(path);

const WRITES: [path: string, json: Fields, statuses: number[], fields: Record<string, Kind>][] = [
  [
    '/api/v1/runtime/simulate',
    { plan: [jq], budget_cents: 100, agent_id: 'my-first-agent', tenant_id: 't' },
    [200],
    { feasible: 'bool', step_estimates: 'arr' },
  ],
  [
    '/api/v1/runtime/query',
    { query_type: 'allowed_skills', params: {}, agent_id: 'my-first-agent' },
    [200],
    { query_type: 'str', result: 'obj', supported_queries: 'arr' },
  ],
  [
    '/agents',
    { name: 'my-first-agent' },
    [201],
    { agent_id: 'str', name: 'str', status: 'str', created_at: 'str' },
  ],
  ['/agents/:agent/goals', { goal: 'ping', force_skill: 'http_call' }, [202], { run_id: 'str' }],
  [
    '/api/v1/runs',
    { agent_id: 'my-first-agent', goal: 'ping', plan: [jq], tenant_id: 't', x: 1 },
    [200, 201, 202],
    { run_id: 'str', id: 'str', agent_id: 'str', goal: 'str', status: 'str', created_at: 'str' },
  ],
];

describe('a client of the earlier AOS', () => {
  let aos: Harness;
  let ids: Record<string, string>;
  beforeAll(async () => {
    aos = await startHarness();
    const agent = await aos.request<Fields>('/agents', { json: { name: 'my-first-agent' } });
    const agentId = agent.body['agent_id'] as string;
    const goal = 'Find the answer';
    const run = await aos.run([jq], { agent_id: agentId, goal });
    const other = await aos.run([jq], { agent_id: 'my-first-agent', goal });
    ids = { ':agent': agentId, ':run': run.run_id, ':other': other.run_id };
  });
  afterAll(async () => {
    expect(await aos.audit()).toEqual([]);
    await aos.stop();
  });

  const real = (path: string): string => path.replaceAll(/:\w+/g, (name) => ids[name]!);
  /** As both clients send: a content type on every request, and no redirect followed. */
  const ask = (path: string, init: Parameters<Harness['request']>[1] = {}) =>
    aos.request<Fields>(real(path), {
      redirect: 'manual',
      ...init,
      headers: { 'Content-Type': 'application/json', ...(init.headers as Record<string, string>) },
    });

  test.each(READS)('reads %s', async (path, fields) => {
    const { status, headers, body } = await ask(path);
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    expectFields(body, fields);
  });

  test.each(READS.map(([path]) => path))(
    'needs a key for %s, unless it is public',
    async (path) => {
      for (const init of [{ key: null }, { key: null, headers: { 'X-AOS-Key': 'wrong' } }]) {
        const { status, headers, body } = await ask(path, init);
        expect(status).toBe(isPublic(path) ? 200 : 401);
        expect(headers.get('content-type')).toMatch(/^application\/(problem\+)?json/);
        expectFields(body, { detail: isPublic(path) ? 'absent' : 'any' });
      }
    },
  );

  test.each(WRITES)('sends to %s', async (path, json, statuses, fields) => {
    const { status, headers, body } = await ask(path, { json });
    expect(statuses).toContain(status);
    expect(headers.get('content-type')).toMatch(/^application\/json/);
    expectFields(body, fields);
    if ('run_id' in body) await aos.ended(body['run_id'] as string);
  });

  test.each(WRITES)(
    'is told with a JSON object what is wrong with a body for %s',
    async (path, json) => {
      const [needed] = Object.keys(json) as [string];
      for (const body of [
        'no json',
        '[]',
        JSON.stringify({ ...json, [needed]: true, goal: 5 }),
        ...(path === '/api/v1/runs' ? ['{"agent_id":"a"}'] : ['{}']),
      ]) {
        const answer = await ask(path, { method: 'POST', body });
        expect([400, 422]).toContain(answer.status);
        expectFields(answer.body, { detail: 'any', code: 'str', message: 'str' });
      }
    },
  );

  test('sees by its role what it may do, before its body is looked at', async () => {
    const viewer = await aos.createKey('default', null, 'viewer');
    const operator = await aos.createKey('default', null, 'operator');
    const attempts: [key: string, path: string, isAllowed: boolean][] = [
      [viewer, '/api/v1/runtime/simulate', false],
      [viewer, '/agents', false],
      [viewer, '/api/v1/runs', false],
      [viewer, '/agents/:agent/goals', false],
      [viewer, '/api/v1/runtime/query', true],
      [operator, '/api/v1/runtime/simulate', true],
      [operator, '/agents', false],
      [operator, '/api/v1/runs', true],
      [operator, '/agents/:agent/goals', true],
      [aos.key, '/agents', true],
    ];
    for (const [key, path, isAllowed] of attempts) {
      const [, json] = WRITES.find(([each]) => each === path)!;
      const { status, body } = await ask(path, { key, json });
      const garbled = await ask(path, { key, method: 'POST', body: 'x' });
      const statuses = [status < 300, status, garbled.status];
      expect({ path, statuses }).toEqual({
        path,
        statuses: isAllowed ? [true, status, 400] : [false, 403, 403],
      });
      expectFields(body, { detail: isAllowed ? 'absent' : 'any' });
      if ('run_id' in body) await aos.ended(body['run_id'] as string);
    }
    for (const [path] of READS) expect((await ask(path, { key: viewer })).status).toBe(200);
  });

  test('is never redirected, and never answered with an empty body', async () => {
    for (const path of [
      '/',
      '/skills/',
      '/agents/',
      '//agents',
      '/Agents',
      '/api/v1/runs/',
      '/docs/',
    ])
      for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']) {
        const { status, body } = await ask(path, { method });
        expect(status < 300 || status >= 400).toBe(true);
        expect(status).not.toBe(204);
        expectFields(body, { detail: status < 300 ? 'absent' : 'any' });
      }
  });

  test.each(['unknown', '%00', '%20', '..', "'%20OR%201=1", 'x'.repeat(500), '%F0%9F%98%80'])(
    'gets 404 for the id %s, wherever it stands',
    async (id) => {
      const paths = [
        `/agents/${id}`,
        `/agents/${id}/runs/:run`,
        `/agents/:agent/runs/${id}`,
        `/agents/${id}/runs`,
        `/agents/${id}/recall?query=x`,
        `/agents/${id}/provenance`,
        `/api/v1/runs/${id}`,
        `/api/v1/runtime/skills/${id}`,
      ].filter((path) => id !== '..' || path.startsWith('/api/v1/runs/'));
      for (const path of paths) {
        const { status, body } = await ask(path);
        expect({ path, status }).toEqual({ path, status: 404 });
        expectFields(body, { detail: 'any', code: 'str' });
      }
      if (id === '..') return;
      const goal = await ask(`/agents/${id}/goals`, { json: { goal: 'ping' } });
      expect(goal).toMatchObject({ status: 404, body: { code: 'AGENT_NOT_FOUND' } });
    },
  );

  test('reads of an unknown skill SKILL_NOT_FOUND', async () => {
    const { status, body } = await ask('/api/v1/runtime/skills/nope');
    expect({ status, text: JSON.stringify(body) }).toMatchObject({
      status: 404,
      text: expect.stringContaining('"SKILL_NOT_FOUND"'),
    });
  });

  test('may name a tenant, which changes nothing', async () => {
    const stranger = await aos.createKey('stranger');
    for (const [key, tenant, status] of [
      [aos.key, 'stranger', 200],
      [stranger, 'default', 404],
    ] as const) {
      const answer = await ask('/api/v1/runs/:run', { key, headers: { 'X-Tenant-ID': tenant } });
      expect(answer.status).toBe(status);
    }
  });

  test('makes agents whose names may repeat, and reads them', async () => {
    const json = { name: 'twin' };
    const [one, other] = [await ask('/agents', { json }), await ask('/agents', { json })];
    for (const { status, body } of [one, other]) {
      expect(status).toBe(201);
      expect(body).toMatchObject({ name: 'twin', status: 'active' });
      expect(Date.parse(body['created_at'] as string)).not.toBeNaN();
      const read = await ask(`/agents/${body['agent_id'] as string}`);
      expect(read.body).toMatchObject({ agent_id: body['agent_id'], name: 'twin' });
    }
    expect(one.body['agent_id']).not.toBe(other.body['agent_id']);
    expect(JSON.stringify((await ask('/agents')).body)).toContain(one.body['agent_id'] as string);
  });

  test('gives a goal, which is queued once for a key and ends in one of two words', async () => {
    const json = { goal: 'Count to three', idempotency_key: 'only-once' };
    const made = await ask('/agents/:agent/goals', { json });
    const again = await ask('/agents/:agent/goals', { json });
    expect(made).toMatchObject({ status: 202, body: { status: 'queued' } });
    expect(again).toMatchObject({
      status: 202,
      body: { status: 'queued', run_id: made.body['run_id'] },
    });
    const runId = made.body['run_id'] as string;
    await aos.ended(runId);
    for (const path of [`/agents/:agent/runs/${runId}`, `/api/v1/runs/${runId}`]) {
      const { body } = await ask(path);
      expect(body).toMatchObject({ run_id: runId, goal: json.goal, status: 'failed' });
      expectFields(body, { 'outcome.error.code': 'str', 'outcome.error.message': 'str' });
      expect(at(body, 'outcome.success')).toBe(false);
    }
  });

  test('has a run without a plan planned from its goal', async () => {
    const json = { agent_id: 'my-first-agent', goal: 'Say hello' };
    const { status, body } = await ask('/api/v1/runs', { json });
    expect(status).toBe(202);
    const run: Run = await aos.ended(body['run_id'] as string);
    expect(run).toMatchObject({
      ...json,
      status: 'failed',
      outcome: { error: { code: 'PLANNER_UNAVAILABLE' } },
    });
  });

  test('reads the plan and the calls of a run that has succeeded', async () => {
    const { body } = await ask('/agents/:agent/runs/:run');
    expect(body).toMatchObject({
      status: 'succeeded',
      plan: [jq],
      tool_calls: [{ skill: 'json_transform', ok: true }],
    });
  });

  test('asks for capabilities of the seven skills, each within its bounds', async () => {
    const { body } = await ask('/api/v1/runtime/capabilities');
    const skills = body['skills'] as Record<string, Fields>;
    for (const id of SEVEN) {
      expectFields(skills[id], {
        available: 'bool',
        cost_estimate_cents: 'num',
        avg_latency_ms: 'num',
        rate_limit_remaining: 'num',
        known_failure_patterns: 'arr',
      });
      expect(skills[id]!['cost_estimate_cents']).toBeLessThanOrEqual(50);
      expect(skills[id]!['avg_latency_ms']).toBeLessThanOrEqual(5000);
      expect(skills[id]!['rate_limit_remaining']).toBeGreaterThanOrEqual(10);
    }
    expect(skills['http_call']!['available']).toBe(true);
    expect(body['skills_available']).toContain('http_call');
    expect(body['budget_remaining_cents']).toBe(at(body, 'budget.remaining_cents'));
    expect(body['agent_id']).toBeNull();
  });
});
