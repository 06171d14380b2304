import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { UpdatedAccount } from '../../src/contracts/account.ts';
import type { AgentView } from '../../src/contracts/agent.ts';
import type { Failure } from '../../src/contracts/failures.ts';
import type { Json, JsonObject } from '../../src/contracts/json.ts';
import type { CreatedKey } from '../../src/contracts/key.ts';
import type { Run as AnyRun } from '../../src/contracts/run.ts';
import { startHarness } from '../support/harness.ts';
import type { Answer, Harness } from '../support/harness.ts';
import { createScriptedSkill, succeed } from '../support/scripted-skill.ts';

const CENT = 1_000_000;
const QUICK: Json = [{ skill: 'json_transform', params: { query: '1' } }];
const GATED: Json = [{ skill: 'gate' }];

/** A run at whatever point. */
type Run = Omit<AnyRun, 'failure'> & { failure?: Failure };

/** A place in the world that counts who comes. */
interface Place {
  /** `127.0.0.1:port` */
  host: string;
  connections: number;
  paths: string[];
  /** What a path is answered with: a status, or where it redirects to. */
  answers: Record<string, number | string>;
  stop(): Promise<void>;
}

async function startPlace(): Promise<Place> {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    place.paths.push(path);
    const answer = place.answers[path] ?? 200;
    if (typeof answer === 'string') response.writeHead(302, { Location: answer });
    else response.writeHead(answer, { 'Content-Type': 'application/json' });
    response.end('{}');
  });
  server.on('connection', (socket: Socket) => {
    place.connections += 1;
    sockets.add(socket.on('error', () => undefined));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const place: Place = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: 0,
    paths: [],
    answers: {},
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return place;
}

let aos: Harness;
let [inside, outside]: Place[] = [];
let openGate: () => void = () => undefined;
let gate: Promise<void>;
const closeGate = (): void => {
  gate = new Promise((resolve) => {
    openGate = resolve;
  });
};
const gated = createScriptedSkill({
  id: 'gate',
  async call({ signal }) {
    await Promise.race([gate, once(signal, 'abort')]);
    return succeed('passed');
  },
});
const dear = createScriptedSkill({
  id: 'dear',
  worstMicroCents: 30 * CENT,
  call: () => succeed('bought', 20 * CENT),
});

beforeAll(async () => {
  closeGate();
  [inside, outside] = await Promise.all([startPlace(), startPlace()]);
  aos = await startHarness({ skills: [gated, dear], egressAllow: '127.0.0.1/32' });
});
afterEach(async () => {
  openGate();
  for (const run of waiting.splice(0)) await aos.ended(run);
  closeGate();
  dear.calls.length = 0;
  for (const place of [inside!, outside!])
    Object.assign(place, { connections: 0, paths: [], answers: {} });
});
afterAll(async () => {
  expect(await aos.audit()).toEqual([]);
  await aos.stop();
  await Promise.all([inside!.stop(), outside!.stop()]);
});

/** Runs that wait at the gate. */
const waiting: string[] = [];

async function createAgent(limits: JsonObject = {}, key = aos.key): Promise<string> {
  const json = { name: 'limited', ...limits };
  const { status, body } = await aos.request<AgentView>('/api/v1/agents', { json, key });
  expect({ status, body }).toMatchObject({ status: 201 });
  return body.agent_id;
}
type Answered = Run & Omit<Failure, 'status'>;
async function submit(json: JsonObject, key = aos.key): Promise<Answer<Answered>> {
  const answer = await aos.request<Answered>('/api/v1/runs', {
    json: { plan: QUICK, ...json },
    key,
  });
  if (answer.status === 202 && json['plan'] === GATED) waiting.push(answer.body.run_id);
  return answer;
}
async function run(agentId: string, plan: Json): Promise<Run> {
  const { status, body } = await submit({ agent_id: agentId, plan });
  expect({ status, body }).toMatchObject({ status: 202 });
  return aos.ended(body.run_id);
}
/** The refusal, whose text must name each of these. */
function expectRefusal(
  { status, body }: Answer<Answered>,
  wanted: { status: number; code: string; says: readonly string[]; limit?: object },
): void {
  expect({ status, code: body.code }).toEqual({ status: wanted.status, code: wanted.code });
  for (const fact of wanted.says) expect(body.detail).toContain(fact);
  expect(body.limit).toEqual(wanted.limit);
}

describe('a submission is refused', () => {
  const call = (url: string): JsonObject => ({ skill: 'http_call', params: { url } });
  const quick = { skill: 'json_transform', params: { query: '1' } };
  const NOT_ALLOWED = { status: 403, code: 'SKILL_NOT_ALLOWED' };
  const NO_HOST = { status: 403, code: 'HOST_NOT_ALLOWED' };
  const OF_AGENT = expect.stringMatching(/^agent\//);
  const skillLimit = (value: string[], asked: string) => ({ name: 'allowed_skills', value, asked });
  const hostLimit = (value: string[], asked: string) => ({ name: 'allowed_hosts', value, asked });
  const OVER = { status: 402, code: 'BUDGET_EXCEEDED' };

  test.each([
    {
      by: 'the whole budget of the agent',
      limits: { budget_cents: 10 },
      before: [{ plan: GATED, budget_cents: 8 }],
      asked: { budget_cents: 5 },
      refused: {
        ...OVER,
        says: ['agent/', '10 cents', '8 cents reserved', '5 cents'],
        limit: { name: 'budget_cents', account_id: OF_AGENT, value: 10, asked: 5 },
      },
    },
    {
      by: 'its daily budget',
      limits: { budget_cents: 10, budget_period: 'daily' },
      before: [{ plan: GATED, budget_cents: 10 }],
      asked: { budget_cents: 1 },
      refused: {
        ...OVER,
        says: ['/20', '10 cents reserved', 'up to 1 cents'],
        limit: { name: 'budget_cents', account_id: OF_AGENT, value: 10, asked: 1 },
      },
    },
    {
      by: 'its monthly budget',
      limits: { budget_cents: 10, budget_period: 'monthly' },
      before: [{ plan: GATED, budget_cents: 10 }],
      asked: { budget_cents: 1 },
      refused: {
        ...OVER,
        says: ['/20', '10 cents reserved', 'up to 1 cents'],
        limit: { name: 'budget_cents', account_id: OF_AGENT, value: 10, asked: 1 },
      },
    },
    {
      by: 'a skill that is not allowed',
      limits: { allowed_skills: ['http_call', 'fs_read'] },
      asked: { plan: [quick] },
      refused: {
        ...NOT_ALLOWED,
        says: ['/plan/0/skill', '`json_transform`', '`fs_read`'],
        limit: skillLimit(['http_call', 'fs_read'], 'json_transform'),
      },
    },
    {
      by: 'the same in a plan that is an object',
      limits: { allowed_skills: [] },
      asked: { plan: { steps: [quick] } },
      refused: {
        ...NOT_ALLOWED,
        says: ['/plan/steps/0/skill', '`json_transform`', 'none'],
        limit: skillLimit([], 'json_transform'),
      },
    },
    {
      by: 'a fallback that is not allowed',
      limits: { allowed_skills: ['json_transform'] },
      asked: { plan: { steps: [quick, { ...quick, fallback: call('https://a.org') }] } },
      refused: {
        ...NOT_ALLOWED,
        says: ['/plan/steps/1/fallback/skill', '`http_call`'],
        limit: skillLimit(['json_transform'], 'http_call'),
      },
    },
    {
      by: 'a compensation that is not allowed',
      limits: { allowed_skills: ['json_transform'] },
      asked: { plan: [{ ...quick, compensate: call('https://a.org') }] },
      refused: {
        ...NOT_ALLOWED,
        says: ['/plan/0/compensate/skill', '`http_call`'],
        limit: skillLimit(['json_transform'], 'http_call'),
      },
    },
    {
      by: 'a host that is not allowed',
      limits: { allowed_hosts: ['api.example.org'] },
      asked: { plan: { steps: [call('https://example.org/x')] } },
      refused: {
        ...NO_HOST,
        says: ['/plan/steps/0/params/url', '`example.org`', '`api.example.org`'],
        limit: hostLimit(['api.example.org'], 'example.org'),
      },
    },
    {
      by: 'a host of what undoes a step',
      limits: { allowed_hosts: ['*.example.org:443'] },
      asked: {
        plan: [{ ...call('https://a.example.org'), compensate: call('http://a.example.org') }],
      },
      refused: {
        ...NO_HOST,
        says: ['/plan/0/compensate/params/url', '`*.example.org:443`'],
        limit: hostLimit(['*.example.org:443'], 'a.example.org'),
      },
    },
    {
      by: 'the cap of one run',
      limits: { max_run_cost_cents: 7 },
      asked: { budget_cents: 7.5 },
      refused: {
        status: 402,
        code: 'RUN_CAP_EXCEEDED',
        says: ['max_run_cost_cents', '7 cents', '7.5'],
        limit: { name: 'max_run_cost_cents', value: 7, asked: 7.5 },
      },
    },
    {
      by: 'the open runs that it may have',
      limits: { max_concurrent_runs: 2 },
      before: [{ plan: GATED }, { plan: GATED }],
      asked: {},
      refused: {
        status: 409,
        code: 'CONCURRENT_RUNS_EXCEEDED',
        says: ['max_concurrent_runs', '2 open runs', 'has 2'],
        limit: { name: 'max_concurrent_runs', value: 2, asked: 3 },
      },
    },
    {
      by: 'the runs a minute that it may have',
      limits: { rate_limit_per_minute: 2 },
      before: [{}, {}],
      asked: {},
      refused: {
        status: 429,
        code: 'RATE_LIMITED',
        says: ['rate_limit_per_minute', '2 runs', 'used up'],
        limit: { name: 'rate_limit_per_minute', value: 2, asked: 3 },
      },
    },
  ])('by $by', async ({ limits, before = [], asked, refused }) => {
    const agent = { agent_id: await createAgent(limits) };
    for (const json of before) expect((await submit({ ...json, ...agent })).status).toBe(202);
    const answer = await submit({ ...asked, ...agent });
    expectRefusal(answer, refused);
    // Without the agent nothing is in the way.
    const free = await submit({ ...asked, plan: QUICK });
    expect(free.status).toBe(202);
  });

  test('by the rate with the time to come back', async () => {
    const agent = { agent_id: await createAgent({ rate_limit_per_minute: 1 }) };
    expect((await submit(agent)).status).toBe(202);
    const { headers, body } = await submit(agent);
    expect(Number(headers.get('retry-after'))).toBe(Math.ceil(body.retry_after_ms! / 1000));
    expect(body.retryable).toBe(true);
  });

  test('when the agent is archived', async () => {
    const id = await createAgent();
    await aos.request(`/api/v1/agents/${id}`, { method: 'DELETE' });
    const refused = { status: 409, code: 'AGENT_ARCHIVED', says: [id] };
    expectRefusal(await submit({ agent_id: id }), refused);
  });

  test('for another agent than the one that the key is bound to', async () => {
    const [mine, other] = [await createAgent(), await createAgent()];
    const made = await aos.request<CreatedKey>('/api/v1/keys', {
      json: { name: 'bound', role: 'operator', agent_id: mine },
    });
    const { key } = made.body;
    const refused = { status: 403, code: 'KEY_BOUND_TO_AGENT', says: [mine, other] };
    expectRefusal(await submit({ agent_id: other }, key), refused);
    expect((await submit({}, key)).body).toMatchObject({ agent_id: mine });
  });

  test('for no agent, or one that is not there, only where agents are required', async () => {
    const key = await aos.createKey('strict');
    const agent_id = await createAgent({}, key);
    const require = (agents_required: boolean) =>
      aos.request<UpdatedAccount>('/api/v1/account', {
        method: 'PATCH',
        json: { agents_required },
        key,
      });
    expect((await require(true)).status).toBe(200);
    const refused = { status: 422, code: 'AGENT_REQUIRED' };
    expectRefusal(await submit({}, key), { ...refused, says: ['agent_id'] });
    expectRefusal(await submit({ agent_id: 'mine' }, key), { ...refused, says: ['mine'] });
    expect((await submit({ agent_id }, key)).status).toBe(202);
    expect((await require(false)).status).toBe(200);
    const unknown = await submit({ agent_id: 'mine' }, key);
    expect(unknown).toMatchObject({ status: 202, body: { agent_id: 'mine' } });
    expect(unknown.body.warnings).toEqual([
      expect.objectContaining({ pointer: '/agent_id', code: 'AGENT_NOT_FOUND' }),
    ]);
  });
});

describe('the money of an agent', () => {
  test('is what its runs have cost, whoever submits them', async () => {
    const id = await createAgent({ budget_cents: 45 });
    const first = await run(id, [{ skill: 'dear' }]);
    expect(first).toMatchObject({ status: 'succeeded', cost_cents: 20, budget_cents: 45 });
    const { body } = await aos.request<AgentView>(`/api/v1/agents/${id}`);
    expect(body.budget).toMatchObject({ spent_cents: 20, reserved_cents: 0, remaining_cents: 25 });
    // The worst case of the next one is more than what is left.
    const second = await run(id, [{ skill: 'dear' }]);
    expect(second).toMatchObject({ status: 'failed', budget_cents: 25, cost_cents: 0 });
    expect(second.failure).toMatchObject({ code: 'BUDGET_EXCEEDED' });
    expect(dear.calls).toHaveLength(1);
    expectRefusal(await submit({ agent_id: id, budget_cents: 26 }), {
      status: 402,
      code: 'BUDGET_EXCEEDED',
      says: ['45 cents', '20 cents settled', 'up to 26 cents'],
      limit: { name: 'budget_cents', account_id: `agent/${id}`, value: 45, asked: 26 },
    });
  });

  test('is not given to a run beyond the cap of one', async () => {
    const id = await createAgent({ budget_cents: 100, max_run_cost_cents: 12 });
    expect((await submit({ agent_id: id })).body).toMatchObject({ budget_cents: 12 });
  });

  test.each([
    ['the step itself', { skill: 'dear' }],
    ['its fallback', { skill: 'fs_read', params: { path: 'no' }, fallback: { skill: 'dear' } }],
    [
      'what undoes it',
      { skill: 'fs_write', params: { path: 'a', content: '' }, compensate: { skill: 'dear' } },
    ],
  ])('is not spent on %s beyond the cap of one step', async (_what, step) => {
    const id = await createAgent({ max_step_cost_cents: 29 });
    const { status, failure, cost_cents: cost } = await run(id, [step]);
    expect({ status, cost, code: failure?.code }).toEqual({
      status: 'failed',
      cost: 0,
      code: 'BUDGET_EXCEEDED',
    });
    expect(failure!.limit).toEqual({ name: 'max_step_cost_cents', value: 29, asked: 30 });
    for (const fact of ["the agent's max_step_cost_cents", '29 cents', '30 cents'])
      expect(failure!.detail).toContain(fact);
    const lower = await run(id, [{ ...step, max_cost_cents: 28 }]);
    expect(lower.failure!.limit).toEqual({ name: 'max_cost_cents', value: 28, asked: 30 });
    expect(lower.failure!.detail).toContain('its max_cost_cents of 28 cents');
    const higher = await run(id, [{ ...step, max_cost_cents: 50 }]);
    expect(higher.failure!.limit).toEqual(failure!.limit);
    expect(dear.calls).toEqual([]);
    const allowed = await createAgent({ max_step_cost_cents: 30 });
    expect(await run(allowed, [{ skill: 'dear' }])).toMatchObject({ status: 'succeeded' });
  });
});

describe('the refusal of a budget', () => {
  const keyOf = async (json: JsonObject): Promise<CreatedKey> =>
    (await aos.request<CreatedKey>('/api/v1/keys', { json })).body;

  test('names it as it is set: of a key, of a tenant, of a run', async () => {
    const own = await keyOf({ name: 'spender', role: 'operator', budget_cents: 5 });
    expect((await submit({ budget_cents: 6 }, own.key)).body.limit).toEqual({
      name: 'budget_cents',
      account_id: `key/${own.id}`,
      value: 5,
      asked: 6,
    });
    const poor = await aos.createKey('poor', 4 * CENT);
    expect((await submit({ budget_cents: 6 }, poor)).body.limit).toEqual({
      name: 'limit_cents',
      account_id: 'tenant/poor',
      value: 4,
      asked: 6,
    });
    const ran = await aos.run([{ skill: 'dear' }], { budget_cents: 10 });
    expect(ran).toMatchObject({
      status: 'failed',
      failure: {
        limit: { name: 'budget_cents', account_id: `${ran.run_id}/1`, value: 10, asked: 30 },
      },
    });
  });
});

describe('the open runs of an agent', () => {
  test('are never more than it may have, and one that ends makes room', async () => {
    const agent = { agent_id: await createAgent({ max_concurrent_runs: 2 }) };
    const all = await Promise.all(
      Array.from({ length: 6 }, () => submit({ ...agent, plan: GATED })),
    );
    const accepted = all.filter(({ status }) => status === 202);
    expect(accepted).toHaveLength(2);
    for (const { body } of all.filter(({ status }) => status !== 202))
      expect(body.code).toBe('CONCURRENT_RUNS_EXCEEDED');
    const [first] = accepted;
    await aos.request(`/api/v1/runs/${first!.body.run_id}/cancel`, { json: {} });
    await aos.ended(first!.body.run_id);
    expect((await submit({ ...agent, plan: GATED })).status).toBe(202);
    expect((await submit({ ...agent, plan: GATED })).status).toBe(409);
  });

  test('are counted within the tenant, whatever others call their agents', async () => {
    const agent = { agent_id: await createAgent({ max_concurrent_runs: 1 }) };
    const key = await aos.createKey('namesake');
    const { status, body } = await submit({ ...agent, plan: GATED }, key);
    expect(status).toBe(202);
    expect((await submit(agent)).status).toBe(202);
    waiting.length = 0;
    openGate();
    const run = await aos.request<Run>(`/api/v1/runs/${body.run_id}?wait=60s`, { key });
    expect(run.body.status).toBe('succeeded');
  });

  test('go on when it is archived', async () => {
    const id = await createAgent();
    const { body } = await submit({ agent_id: id, plan: GATED });
    await aos.request(`/api/v1/agents/${id}`, { method: 'DELETE' });
    openGate();
    expect(await aos.ended(body.run_id)).toMatchObject({ status: 'succeeded' });
  });
});

describe('the hosts of an agent', () => {
  const templated = (place: Place, skill = 'http_call'): JsonObject => ({
    skill,
    params: {
      url: `http://{{input.host}}/there`,
      ...(skill === 'webhook_send' && { payload: {} }),
    },
    retry: { max_attempts: 3, backoff_ms: 1 },
    id: `to_${place.host.split(':')[1]}`,
  });
  async function runTo(plan: Json, place: Place): Promise<Run> {
    const agent_id = await createAgent({ allowed_hosts: [inside!.host] });
    const { status, body } = await submit({ agent_id, plan, input: { host: place.host } });
    expect({ status, body }).toMatchObject({ status: 202 });
    return aos.ended(body.run_id);
  }
  const expectKeptIn = (failure: Failure | undefined): void => {
    expect(failure).toMatchObject({ code: 'HOST_NOT_ALLOWED', retryable: false });
    for (const { host } of [inside!, outside!]) expect(failure!.detail).toContain(`\`${host}\``);
    expect(failure!.limit).toEqual({
      name: 'allowed_hosts',
      value: [inside!.host],
      asked: outside!.host,
    });
    expect(outside!.connections).toBe(0);
  };

  test.each(['http_call', 'webhook_send'])('hold for %s when it is called', async (skill) => {
    const run = await runTo([templated(outside!, skill)], outside!);
    expect(run.status).toBe('failed');
    expectKeptIn(run.failure);
    expect(run.steps).toEqual([expect.objectContaining({ status: 'failed', tries: 1 })]);
    expect(await runTo([templated(inside!, skill)], inside!)).toMatchObject({
      status: 'succeeded',
    });
    expect(inside!.paths).toEqual(['/there']);
  });

  test('hold for each redirect', async () => {
    inside!.answers = { '/there': '/nearer', '/nearer': `http://${outside!.host}/out` };
    const run = await runTo([templated(inside!)], inside!);
    expect(run.status).toBe('failed');
    expectKeptIn(run.failure);
    expect(inside!.paths).toEqual(['/there', '/nearer']);
  });

  test('hold for a redirect after a try that failed', async () => {
    let tries = 0;
    inside!.answers = new Proxy<Place['answers']>(
      {},
      {
        get: () => ((tries += 1) === 1 ? 503 : `http://${outside!.host}/out`),
      },
    );
    expectKeptIn((await runTo([templated(inside!)], inside!)).failure);
    expect(tries).toBe(2);
  });

  test('hold for a fallback', async () => {
    const step = { id: 'step', skill: 'fs_read', params: { path: 'no' }, fallback: fallbackTo() };
    const run = await runTo([step], outside!);
    expect(run.status).toBe('failed');
    expectKeptIn(run.failure);
  });

  test('hold for a compensation', async () => {
    const run = await runTo(
      [
        { id: 'done', ...(QUICK as [JsonObject])[0], compensate: fallbackTo() },
        { id: 'fails', skill: 'fs_read', params: { path: 'no' } },
      ],
      outside!,
    );
    expect(run.status).toBe('failed');
    expect(JSON.stringify(run)).toContain('HOST_NOT_ALLOWED');
    expect(outside!.connections).toBe(0);
  });
  const fallbackTo = (): JsonObject => ({
    skill: 'http_call',
    params: { url: 'http://{{input.host}}/there' },
  });

  test('that are changed hold for the runs after that', async () => {
    const agent_id = await createAgent({ allowed_hosts: [outside!.host] });
    const plan = [{ skill: 'gate' }, { ...templated(outside!) }];
    const first = await submit({ agent_id, plan, input: { host: outside!.host } });
    const json = { allowed_hosts: [inside!.host] };
    await aos.request(`/api/v1/agents/${agent_id}`, { method: 'PATCH', json });
    openGate();
    expect(await aos.ended(first.body.run_id)).toMatchObject({ status: 'succeeded' });
    outside!.connections = 0;
    const second = await submit({ agent_id, plan, input: { host: outside!.host } });
    const kept: Run = await aos.ended(second.body.run_id);
    expectKeptIn(kept.failure);
  });
});
