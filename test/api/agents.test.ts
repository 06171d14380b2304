import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { AgentPage, AgentView } from '../../src/contracts/agent.ts';
import type { AuditPage } from '../../src/contracts/audit.ts';
import type { Failure } from '../../src/contracts/failures.ts';
import type { JsonObject } from '../../src/contracts/json.ts';
import type { CreatedKey } from '../../src/contracts/key.ts';
import { AGENTS_PER_TENANT_MAX } from '../../src/contracts/limits.ts';
import type { Role } from '../../src/contracts/roles.ts';
import type { Route } from '../../src/contracts/route.ts';
import { AGENT_ROUTES } from '../../src/contracts/routes/agents.ts';
import type { Run } from '../../src/contracts/run.ts';
import { startHarness } from '../support/harness.ts';
import type { Answer, Harness } from '../support/harness.ts';

const AGENTS = '/api/v1/agents';
/** What an agent's routes answer with: the agent, or why not. */
type Answered = Omit<AgentView, 'status'> & Omit<Failure, 'status'>;

const NO_AGENT = 'agent_00000000-0000-7000-8000-000000000000';
const ALL_SETTINGS = {
  name: 'scout',
  budget_cents: 120.5,
  budget_period: 'daily',
  allowed_skills: ['http_call', 'json_transform'],
  allowed_hosts: ['api.example.org', '*.example.com:8443'],
  max_step_cost_cents: 3,
  max_run_cost_cents: 20,
  max_concurrent_runs: 2,
  rate_limit_per_minute: 30,
  labels: { team: 'a' },
};

let aos: Harness;
beforeAll(async () => {
  aos = await startHarness({ worker: false, reconciler: false });
});
afterAll(async () => {
  expect(await aos.audit()).toEqual([]);
  await aos.stop();
});

const create = async (json: JsonObject = {}, key = aos.key): Promise<AgentView> => {
  const { status, body } = await aos.request(AGENTS, { json: { name: 'scout', ...json }, key });
  expect({ status, body }).toMatchObject({ status: 201 });
  return AgentView.strict().parse(body);
};
const LONG_AGO = '2020-01-01T00:00:00.000Z';
const createLongAgo = async (json: JsonObject): Promise<AgentView> => {
  const made = await create(json);
  await aos.pool.query('UPDATE agents SET updated_at = $2 WHERE id = $1', [made.id, LONG_AGO]);
  return { ...made, updated_at: LONG_AGO };
};
const read = (id: string, key = aos.key) => aos.request<Answered>(`${AGENTS}/${id}`, { key });
const patch = (id: string, json: JsonObject, key = aos.key) =>
  aos.request<Answered>(`${AGENTS}/${id}`, { method: 'PATCH', json, key });
const archive = (id: string, key = aos.key) =>
  aos.request<Answered>(`${AGENTS}/${id}`, { method: 'DELETE', key });
const list = async (query = '', key = aos.key): Promise<AgentPage> =>
  AgentPage.strict().parse((await aos.request(`${AGENTS}${query}`, { key })).body);
const submit = (json: JsonObject, key = aos.key) =>
  aos.request<Run & Omit<Failure, 'status'>>('/api/v1/runs', {
    json: { plan: [{ skill: 'json_transform', params: { query: '1' } }], ...json },
    key,
  });
const boundKey = async (agentId: string, role: Role = 'operator'): Promise<string> => {
  const { body } = await aos.request<CreatedKey>('/api/v1/keys', {
    json: { name: 'bound', role, agent_id: agentId },
  });
  return body.key;
};
const changesOf = async (agentId: string) => {
  const { body } = await aos.request<AuditPage>('/api/v1/audit?kind=change&limit=200');
  return body.data
    .filter(({ subject }) => subject === agentId)
    .map(({ operation, detail }) => ({ operation, detail }))
    .toReversed();
};
const refusal = ({ status, body }: Answer<Pick<Failure, 'code'>>) => ({ status, code: body.code });

describe('a new agent', () => {
  test('needs a name alone, and has no limits then', async () => {
    const { status, headers, body } = await aos.request<AgentView>(AGENTS, {
      json: { name: 'plain' },
    });
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`${AGENTS}/${body.agent_id}`);
    expect(AgentView.strict().parse(body)).toEqual({
      agent_id: expect.stringMatching(/^agent_[0-9a-f-]{36}$/),
      id: body.agent_id,
      name: 'plain',
      status: 'active',
      budget_cents: null,
      budget_period: 'total',
      budget: expect.objectContaining({ level: 'agent', limited: false, spent_cents: 0 }),
      thresholds: [50, 80, 100].map((percent) => ({
        percent,
        reached: false,
        reached_at: null,
        run_id: null,
      })),
      allowed_skills: null,
      allowed_hosts: null,
      max_step_cost_cents: null,
      max_run_cost_cents: null,
      max_concurrent_runs: null,
      rate_limit_per_minute: null,
      open_runs: 0,
      labels: {},
      created_at: expect.any(String),
      updated_at: body.created_at,
      archived_at: null,
      warnings: [],
    });
  });

  test('keeps every setting, and is read as it was made', async () => {
    const { warnings, ...made } = await create(ALL_SETTINGS);
    expect(made).toMatchObject(ALL_SETTINGS);
    expect(made.budget).toMatchObject({ total_cents: 120.5, limited: true, period: 'daily' });
    expect(warnings).toEqual([]);
    expect((await read(made.id)).body).toEqual(made);
    expect((await list('?limit=1')).data).toEqual([made]);
    expect(await changesOf(made.id)).toEqual([{ operation: 'createAgent', detail: ALL_SETTINGS }]);
  });

  test('is made under its older path too, whose names may repeat', async () => {
    const json = { name: 'sdk-agent' };
    const [first, second] = [
      await aos.request<AgentView>('/agents', { json }),
      await aos.request<AgentView>('/agents', { json }),
    ];
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(first.body).toMatchObject({ name: 'sdk-agent', status: 'active' });
    expect(second.body.agent_id).not.toBe(first.body.agent_id);
    const shown = await aos.request<AgentView>(`/agents/${first.body.agent_id}`);
    expect(shown).toMatchObject({ status: 200, body: { agent_id: first.body.agent_id } });
    expect((await aos.request('/agents')).status).toBe(200);
    expect((await aos.request('/agents', { key: 'aos_wrong' })).status).toBe(401);
  });

  test('is told of all its mistakes at once', async () => {
    const { status, body } = await aos.request<Failure>(AGENTS, {
      json: {
        name: '',
        allowed_skills: ['json_transform', 'json_transform', 'http_cal', 'plan_goal'],
        allowed_hosts: ['https://example.org'],
        budget_cent: 1,
      },
    });
    expect({ status, code: body.code }).toEqual({ status: 422, code: 'INVALID_REQUEST' });
    expect(body.errors).toEqual([
      expect.objectContaining({ pointer: '/budget_cent', code: 'UNKNOWN_KEY' }),
      expect.objectContaining({ pointer: '/name' }),
      expect.objectContaining({ pointer: '/allowed_hosts/0' }),
      {
        pointer: '/allowed_skills/2',
        code: 'SKILL_NOT_FOUND',
        message: 'there is no skill `http_cal`, did you mean `http_call`?',
      },
      expect.objectContaining({ pointer: '/allowed_skills/3', code: 'SKILL_NOT_FOUND' }),
    ]);
  });

  test.each([
    ['no name', {}],
    ['a NUL in the name', { name: 'a\0b' }],
    ['half a surrogate pair', { name: '\ud800' }],
    ['a budget below 0', { name: 'a', budget_cents: -1 }],
    ['a NUL in a skill', { name: 'a', allowed_skills: ['http_call\0'] }],
    ['skills that are no list', { name: 'a', allowed_skills: { length: 1 } }],
    ['more skills than it may have', { name: 'a', allowed_skills: Array(10_000).fill('x') }],
  ])('is refused with %s', async (_what, json) => {
    expect(refusal(await aos.request<Failure>(AGENTS, { json }))).toEqual({
      status: 422,
      code: 'INVALID_REQUEST',
    });
  });

  test('is made once for an idempotency key, wherever that stands', async () => {
    const json = { name: 'once', idempotency_key: 'agent-once' };
    const first = await aos.request<AgentView>(AGENTS, { json });
    const again = await aos.request<AgentView>(AGENTS, {
      json,
      headers: { 'Idempotency-Key': 'agent-once' },
    });
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(again).toMatchObject({ status: 201, body: first.body });
    expect(await changesOf(first.body.id)).toHaveLength(1);
    const other = await aos.request<Failure>(AGENTS, { json: { ...json, name: 'other' } });
    expect(refusal(other)).toEqual({ status: 422, code: 'IDEMPOTENCY_KEY_REUSED' });
  });

  test('of twins with one idempotency key is one', async () => {
    const json = { name: 'twin', idempotency_key: 'agent-twins' };
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => aos.request<AgentView>(AGENTS, { json })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  });

  test('is refused where the tenant has as many as it may, until one is archived', async () => {
    const key = await aos.createKey('crowded');
    const one = await create({}, key);
    await aos.pool.query(
      `INSERT INTO agents (id, tenant_id, name)
       SELECT 'agent_' || gen_random_uuid(), 'crowded', 'x' FROM generate_series(2, $1)`,
      [AGENTS_PER_TENANT_MAX - 1],
    );
    const answers = await Promise.all(
      [1, 2, 3].map(() => aos.request<Failure>(AGENTS, { json: { name: 'last' }, key })),
    );
    const refused = answers.filter(({ status }) => status !== 201);
    expect(refused).toHaveLength(2);
    for (const { status, body } of refused) {
      expect({ status, code: body.code }).toEqual({ status: 409, code: 'AGENTS_EXCEEDED' });
      expect(body.detail).toContain(String(AGENTS_PER_TENANT_MAX));
      expect(body.limit).toEqual({
        name: 'agents_per_tenant_max',
        value: AGENTS_PER_TENANT_MAX,
        asked: AGENTS_PER_TENANT_MAX + 1,
      });
    }
    expect((await archive(one.id, key)).status).toBe(200);
    await create({}, key);
  });
});

describe('a list of agents', () => {
  test('has pages, newest first, by status and labels', async () => {
    const key = await aos.createKey('lists');
    const made = [];
    for (const team of ['a', 'b', 'a', 'b', 'a']) {
      made.unshift((await create({ labels: { team, env: 'live' } }, key)).id);
    }
    expect((await archive(made[0]!, key)).status).toBe(200);
    const ids = ({ data }: AgentPage) => data.map(({ id }) => id);
    expect(ids(await list('', key))).toEqual(made);
    expect(ids(await list('?status=archived', key))).toEqual([made[0]]);
    expect(ids(await list('?label=team=a&label=env=live&status=active', key))).toEqual([
      made[2],
      made[4],
    ]);
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: AgentPage = await list(`?limit=2${cursor && `&cursor=${cursor}`}`, key);
      seen.push(...ids(page));
      expect(page.has_more).toBe(page.next_cursor !== null);
      cursor = page.next_cursor;
    }
    expect(seen).toEqual(made);
  });

  test.each(['?status=gone', '?label=x', '?stattus=active', '?limit=0'])(
    'refuses %s',
    async (query) => {
      const answer = await aos.request<Failure>(`${AGENTS}${query}`);
      expect(refusal(answer)).toEqual({ status: 422, code: 'INVALID_REQUEST' });
    },
  );

  test('refuses a cursor that it did not make', async () => {
    const answer = await aos.request<Failure>(`${AGENTS}?cursor=x`);
    expect(refusal(answer)).toEqual({ status: 400, code: 'CURSOR_INVALID' });
  });
});

describe('a change of an agent', () => {
  test('changes what it names and nothing else, and is recorded', async () => {
    const made = await createLongAgo(ALL_SETTINGS);
    const { status, body } = await patch(made.id, {
      name: 'scout',
      max_concurrent_runs: null,
      labels: { team: 'b' },
      colour: 'red',
    });
    expect(status).toBe(200);
    expect(body).toEqual({
      ...made,
      max_concurrent_runs: null,
      labels: { team: 'b' },
      updated_at: expect.any(String),
      warnings: [expect.objectContaining({ pointer: '/colour', code: 'KEY_IGNORED' })],
    });
    expect(body.updated_at).not.toBe(LONG_AGO);
    expect((await changesOf(made.id)).slice(1)).toEqual([
      {
        operation: 'updateAgent',
        detail: { max_concurrent_runs: null, labels: { team: 'b' } },
      },
    ]);
  });

  test.each([
    ['nothing', {}],
    ['what is so already', ALL_SETTINGS],
    ['the same money in other words', { budget_cents: 120.5000000001 }],
  ])('to %s leaves no trace', async (_what, json) => {
    const made = await createLongAgo(ALL_SETTINGS);
    expect(await patch(made.id, json)).toMatchObject({ status: 200, body: made });
    expect(await changesOf(made.id)).toHaveLength(1);
  });

  test('changes what of its budget a run may take, at once', async () => {
    const { id } = await create({ budget_cents: 10 });
    expect((await submit({ agent_id: id, budget_cents: 8 })).status).toBe(202);
    expect((await submit({ agent_id: id, budget_cents: 5 })).body).toMatchObject({
      code: 'BUDGET_EXCEEDED',
    });
    const raised = await patch(id, { budget_cents: 15 });
    expect(raised.body).toMatchObject({ budget_cents: 15, open_runs: 1 });
    expect(raised.body.budget).toMatchObject({ total_cents: 15, reserved_cents: 8 });
    expect((await submit({ agent_id: id, budget_cents: 5 })).status).toBe(202);
    const below = await patch(id, { name: 'renamed', budget_cents: 12 });
    expect(refusal(below)).toEqual({ status: 409, code: 'LIMIT_BELOW_SPENT' });
    expect(below.body.detail).toMatch(/12 cents .*13 cents/s);
    expect((await read(id)).body).toMatchObject({ name: 'scout', budget_cents: 15 });
    const free = await patch(id, { budget_cents: null });
    expect(free.body.budget).toMatchObject({ limited: false, reserved_cents: 13 });
    expect((await submit({ agent_id: id, budget_cents: 500 })).status).toBe(202);
    expect((await changesOf(id)).map(({ detail }) => detail)).toEqual([
      expect.anything(),
      { budget_cents: 15 },
      { budget_cents: null },
    ]);
  });

  test('to another period begins that with its whole budget, and finds the old one again', async () => {
    const { id } = await create({ budget_cents: 10 });
    expect((await submit({ agent_id: id, budget_cents: 10 })).status).toBe(202);
    const monthly = await patch(id, { budget_period: 'monthly' });
    expect(monthly.body.budget).toMatchObject({ remaining_cents: 10, period: 'monthly' });
    expect((await submit({ agent_id: id, budget_cents: 4 })).status).toBe(202);
    const total = await patch(id, { budget_period: 'total', budget_cents: 12 });
    expect(total.body.budget).toMatchObject({ total_cents: 12, remaining_cents: 2 });
    const again = await patch(id, { budget_period: 'monthly' });
    expect(again.body.budget).toMatchObject({ total_cents: 12, remaining_cents: 8 });
  });

  test('that is wrong tells all that is wrong, and changes nothing', async () => {
    const made = await create(ALL_SETTINGS);
    const { body } = await patch(made.id, { name: 'x', allowed_skills: ['fs_red'], labels: 7 });
    expect(body.errors).toEqual([
      expect.objectContaining({ pointer: '/labels' }),
      expect.objectContaining({ pointer: '/allowed_skills/0', code: 'SKILL_NOT_FOUND' }),
    ]);
    expect((await read(made.id)).body).toMatchObject({ name: 'scout' });
  });

  test('and another at the same time are both made', async () => {
    const { id } = await create({ budget_cents: 10 });
    const changes = [{ name: 'new' }, { budget_cents: 20 }, { labels: { a: 'b' } }];
    await Promise.all(changes.map((json) => patch(id, json)));
    expect((await read(id)).body).toMatchObject(Object.assign({}, ...changes));
    expect(await changesOf(id)).toHaveLength(4);
  });
});

describe('an archived agent', () => {
  test('can be read, takes no change and no run, and is archived once', async () => {
    const { id } = await create();
    const open = await submit({ agent_id: id });
    const first = await archive(id);
    expect(first).toMatchObject({
      status: 200,
      body: { status: 'archived', archived_at: expect.any(String), open_runs: 1 },
    });
    expect(AgentView.strict().parse(first.body)).toEqual(first.body);
    expect(await archive(id)).toMatchObject({ status: 200, body: first.body });
    expect((await read(id)).body).toEqual(first.body);
    expect(refusal(await patch(id, { name: 'back' }))).toEqual({
      status: 409,
      code: 'AGENT_ARCHIVED',
    });
    expect((await submit({ agent_id: id })).body).toMatchObject({ code: 'AGENT_ARCHIVED' });
    const run = await aos.request<JsonObject>(`/api/v1/runs/${open.body.run_id}`);
    expect(run.body).toMatchObject({ status: 'queued' });
    expect((await changesOf(id)).map(({ operation }) => operation)).toEqual([
      'createAgent',
      'archiveAgent',
    ]);
  });
});

describe('what is not there', () => {
  test.each([NO_AGENT, 'agent_1', 'run_00000000-0000-7000-8000-000000000000', "'%20OR%201=1"])(
    'is 404 for %s',
    async (id) => {
      for (const answer of [await read(id), await patch(id, { name: 'x' }), await archive(id)])
        expect(refusal(answer)).toEqual({ status: 404, code: 'AGENT_NOT_FOUND' });
    },
  );

  test("is another tenant's agent, for every route", async () => {
    const { id } = await create();
    const key = await aos.createKey('elsewhere');
    for (const answer of [
      await read(id, key),
      await patch(id, { name: 'x' }, key),
      await archive(id, key),
    ])
      expect(refusal(answer)).toEqual({ status: 404, code: 'AGENT_NOT_FOUND' });
    expect((await list('', key)).data).toEqual([]);
    expect((await read(id)).body).toMatchObject({ name: 'scout', status: 'active' });
  });

  test.each<Role>(['viewer', 'operator'])('is a change by a key of the role %s', async (role) => {
    const { id } = await create();
    const key = await aos.createKey('default', null, role);
    const made = await aos.request<Failure>(AGENTS, { json: { name: 'x' }, key });
    for (const answer of [made, await patch(id, { name: 'x' }, key), await archive(id, key)])
      expect(refusal(answer)).toEqual({ status: 403, code: 'FORBIDDEN' });
    expect((await read(id, key)).status).toBe(200);
  });
});

describe('a key that is bound to an agent', () => {
  test('sees that agent and its runs, and no others', async () => {
    const [mine, other] = [await create(), await create()];
    const key = await boundKey(mine.id);
    const [ofMine, ofOther, ofTenant] = [
      await submit({}, key),
      await submit({ agent_id: other.id }),
      await submit({}),
    ];
    expect(ofMine.body).toMatchObject({ agent_id: mine.id });
    expect((await list('', key)).data.map(({ id }) => id)).toEqual([mine.id]);
    expect((await list('?status=archived', key)).data).toEqual([]);
    expect((await read(mine.id, key)).status).toBe(200);
    const forbidden = { status: 403, code: 'KEY_BOUND_TO_AGENT' };
    expect(refusal(await read(other.id, key))).toEqual(forbidden);
    expect((await read(NO_AGENT, key)).status).toBe(404);

    const runs = await aos.request<{ data: JsonObject[] }>('/api/v1/runs', { key });
    expect(runs.body.data.map((run) => run['run_id'])).toEqual([ofMine.body.run_id]);
    const named = await aos.request<Failure>(`/api/v1/runs?agent_id=${other.id}`, { key });
    expect(refusal(named)).toEqual(forbidden);
    for (const { body } of [ofOther, ofTenant]) {
      const run = `/api/v1/runs/${body.run_id}`;
      for (const path of ['', '/ledger', '/steps/step_0', '/steps/step_0/output'])
        expect(refusal(await aos.request<Failure>(`${run}${path}`, { key }))).toEqual(forbidden);
      const cancel = await aos.request<Failure>(`${run}/cancel`, { json: {}, key });
      expect(refusal(cancel)).toEqual(forbidden);
    }
    const own = await aos.request(`/api/v1/runs/${ofMine.body.run_id}`, { key });
    expect(own.status).toBe(200);
  });

  test('gets no run of another agent by an idempotency key', async () => {
    const [mine, other] = [await create(), await create()];
    const [key, otherKey] = [await boundKey(mine.id), await boundKey(other.id)];
    const json = { idempotency_key: 'shared' };
    const first = await submit(json, key);
    expect((await submit(json, key)).body.run_id).toBe(first.body.run_id);
    expect((await submit({ ...json, agent_id: mine.id })).body.run_id).toBe(first.body.run_id);
    expect(refusal(await submit(json, otherKey))).toEqual({
      status: 422,
      code: 'IDEMPOTENCY_KEY_REUSED',
    });
    expect(refusal(await submit({ ...json, agent_id: mine.id }, otherKey))).toEqual({
      status: 403,
      code: 'KEY_BOUND_TO_AGENT',
    });
  });
});

describe('a list of runs', () => {
  test('can be of one agent, known or not, and pages within it', async () => {
    const { id } = await create();
    const made: unknown[] = [];
    for (const agentId of [id, 'not-one-of-ours', id, id]) {
      const { body } = await submit({ agent_id: agentId });
      if (agentId === id) made.unshift(body.run_id);
    }
    type Page = { data: JsonObject[]; next_cursor: string | null };
    const page = async (query: string): Promise<Page> =>
      (await aos.request<Page>(`/api/v1/runs?${query}`)).body;
    const ids = ({ data }: Page) => data.map((run) => run['run_id']);
    expect(ids(await page(`agent_id=${id}`))).toEqual(made);
    expect(ids(await page('agent_id=not-one-of-ours'))).toHaveLength(1);
    expect(ids(await page(`agent_id=${id}&status=succeeded`))).toEqual([]);
    const first = await page(`agent_id=${id}&limit=2`);
    const second = await page(`agent_id=${id}&limit=2&cursor=${first.next_cursor}`);
    expect([...ids(first), ...ids(second)]).toEqual(made);
    const hostile = await aos.request<Failure>('/api/v1/runs?agent_id=a%00b');
    expect(hostile.status).toBe(422);
  });
});

test.each(Object.entries<Route>(AGENT_ROUTES))(
  'the examples of %s are what it takes and gives',
  (_name, { body, bodyExample, answers }) => {
    const strict = (body ?? z.object({})).strict();
    expect(strict.safeParse(bodyExample ?? {}).error).toBeUndefined();
    for (const { schema, example } of Object.values(answers)) {
      expect(z.json().safeParse(example).success).toBe(true);
      expect(schema?.safeParse(example).error).toBeUndefined();
    }
  },
);
