import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Capabilities, ResourceContract } from '../../src/contracts/capabilities.ts';
import type { Failure } from '../../src/contracts/failures.ts';
import type { CreatedKey } from '../../src/contracts/key.ts';
import { ROUTES } from '../../src/contracts/routes.ts';
import { RUNTIME_ROUTES } from '../../src/contracts/routes/runtime.ts';
import type { SkillView } from '../../src/contracts/skill.ts';
import { createMeasuredSkills } from '../../src/capabilities/measured-skills.ts';
import { insertAgentRow } from '../support/agent-row.ts';
import type { Answer, Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';

const PATH = '/api/v1/runtime/capabilities';
const CONTRACT = '/api/v1/runtime/resource-contract';
const CENT = 1_000_000;
const SEVEN = [
  'email_send',
  'fs_read',
  'fs_write',
  'http_call',
  'json_transform',
  'llm_invoke',
  'webhook_send',
];

let aos: Harness;
beforeAll(async () => {
  aos = await startHarness({ ratePerMinute: 1000 });
});
afterAll(() => aos.stop());

const read = async (query = '', key?: string): Promise<Capabilities> => {
  const { status, body } = await aos.request(PATH + query, { ...(key && { key }) });
  expect({ status, body }).toMatchObject({ status: 200 });
  return Capabilities.strict().parse(body);
};
const readContract = async (id: string, key?: string): Promise<ResourceContract> => {
  const { status, body } = await aos.request(`${CONTRACT}/${id}`, { ...(key && { key }) });
  expect({ status, body }).toMatchObject({ status: 200 });
  return ResourceContract.strict().parse(body);
};
const boundKey = async (agentId: string, more: Record<string, unknown> = {}): Promise<string> => {
  const json = { name: 'bound', role: 'operator', agent_id: agentId, ...more };
  return (await aos.request<CreatedKey>('/api/v1/keys', { json })).body.key;
};

describe('GET /api/v1/runtime/capabilities', () => {
  test('answers what clients of the earlier AOS read, within their bounds, on a fresh install', async () => {
    const body = await read('', await aos.createKey('fresh'));
    expect(Object.keys(body.skills).toSorted()).toEqual(SEVEN);
    for (const skill of Object.values(body.skills)) {
      expect(skill.cost_estimate_cents).toBeLessThanOrEqual(50);
      expect(skill.avg_latency_ms).toBeLessThanOrEqual(5000);
      expect(skill.rate_limit_remaining).toBeGreaterThanOrEqual(10);
      expect(skill).toMatchObject({ observed: null, latency_basis: 'contract' });
      expect(skill.known_failure_patterns.length).toBeGreaterThan(0);
    }
    expect(body).toMatchObject({
      agent_id: null,
      skills: { http_call: { available: true, obstacles: [] } },
      budget: { limited: false, total_cents: 9_000_000_000, remaining_cents: 9_000_000_000 },
      budget_remaining_cents: 9_000_000_000,
      concurrency: { level: 'tenant', limited: false, open: 0 },
      refusal: null,
      warnings: [],
    });
    expect(body.skills_available).toContain('http_call');
  });

  test('says what a skill lacks, and which settings would give it that', async () => {
    const { skills, skills_unavailable: unavailable } = await read();
    expect(unavailable.toSorted()).toEqual(['email_send', 'llm_invoke']);
    expect(skills['email_send']).toMatchObject({
      available: false,
      code: 'PROVIDER_NOT_CONFIGURED',
      fix: expect.stringContaining('SMTP_URL'),
    });
    expect(skills['llm_invoke']).toMatchObject({
      available: false,
      code: 'PROVIDER_NOT_CONFIGURED',
      fix: expect.stringMatching(/OPENAI_API_KEY|AOS_LLM_BASE_URL/),
    });
  });

  test('names every obstacle of a skill: the agent’s and the installation’s', async () => {
    const agentId = await insertAgentRow(aos.pool, { allowed_skills: ['http_call', 'fs_read'] });
    const { skills, skills_available: available, agent_id } = await read(`?agent_id=${agentId}`);
    expect(agent_id).toBe(agentId);
    expect(available.toSorted()).toEqual(['fs_read', 'http_call']);
    expect(skills['fs_write']).toMatchObject({ available: false, code: 'SKILL_NOT_ALLOWED' });
    expect(skills['email_send']!.obstacles.map(({ code }) => code)).toEqual([
      'SKILL_NOT_ALLOWED',
      'PROVIDER_NOT_CONFIGURED',
    ]);
  });

  test("answers the agent's money of its period, rate, and runs at once", async () => {
    const agentId = await insertAgentRow(aos.pool, {
      budget_micro_cents: 700 * CENT,
      budget_period: 'daily',
      max_concurrent_runs: 3,
      rate_limit_per_minute: 40,
    });
    const submit = () =>
      aos.run([{ skill: 'json_transform', params: { query: '1', data: 1 } }], {
        agent_id: agentId,
        budget_cents: 100,
      });
    const [run] = [await submit(), await submit()];
    await aos.pool.query(`UPDATE runs SET completed_at = NULL WHERE id = $1`, [run.id]);
    await aos.pool.query(
      `UPDATE accounts SET settled_micro_cents = $2 WHERE id LIKE 'agent/' || $1 || '/%'`,
      [agentId, 50 * CENT],
    );
    const before = await read(`?agent_id=${agentId}`);
    expect(before).toMatchObject({
      budget: { level: 'agent', limited: true, total_cents: 700, period: 'daily' },
      budget_remaining_cents: 650,
      concurrency: { level: 'agent', limited: true, limit: 3, open: 1, remaining: 2 },
    });
    expect(before.budgets.map(({ level }) => level)).toEqual(['agent', 'tenant']);
    expect(before.budget.account_id).toMatch(/\/\d{4}-\d\d-\d\d$/);
    expect(before.rate_limits).toMatchObject([
      { level: 'key', counts: 'requests', limit_per_minute: 1000 },
      { level: 'agent', counts: 'submissions', limit_per_minute: 40, remaining: 38 },
    ]);
    expect(before.skills['http_call']!.rate_limit_remaining).toBe(38);
    // To look takes nothing.
    expect((await read(`?agent_id=${agentId}`)).rate_limits[1]).toMatchObject({ remaining: 38 });
    await aos.pool.query(`UPDATE runs SET completed_at = created_at WHERE id = $1`, [run.id]);
  });

  test('tells the remaining rate that its own headers tell', async () => {
    const { headers, body } = await aos.request<Capabilities>(PATH);
    const remaining = Number(headers.get('X-RateLimit-Remaining'));
    expect(body.rate_limits[0]!.remaining).toBe(remaining);
    expect(body.skills['fs_read']!.rate_limit_remaining).toBe(remaining);
  });

  test('answers for an agent that is not there, with a warning', async () => {
    await aos.createKey('neighbour');
    const other = await insertAgentRow(aos.pool, { tenant_id: 'neighbour', allowed_skills: [] });
    for (const id of ['my-first-agent', "agent_' OR 1=1 --", other]) {
      const body = await read(`?agent_id=${encodeURIComponent(id)}&tenant_id=neighbour`);
      expect(body).toMatchObject({
        agent_id: id,
        warnings: [{ code: 'AGENT_NOT_FOUND', pointer: '?agent_id' }],
        skills: { http_call: { available: true } },
        budgets: [{ account_id: 'tenant/default' }],
      });
    }
  });

  test.each(['?agent_id=a&agent_id=b', '?agent_id=', '?agent_id=a%00b', '?agentid=a'])(
    'refuses %s',
    async (query) => {
      const { status, body } = await aos.request<Failure>(PATH + query);
      expect({ status, code: body.code }).toEqual({ status: 422, code: 'INVALID_REQUEST' });
    },
  );

  test('is of its own agent alone for a key that is bound', async () => {
    const agentId = await insertAgentRow(aos.pool, { allowed_skills: ['fs_read'] });
    const key = await boundKey(agentId, { budget_cents: 30 });
    const own = await read('', key);
    expect(own).toMatchObject({ agent_id: agentId, skills_available: ['fs_read'] });
    expect(own.budgets.map(({ level }) => level)).toEqual(['agent', 'key', 'tenant']);
    expect(own.budget).toMatchObject({ level: 'key', total_cents: 30 });
    const refused = await aos.request<Failure>(`${PATH}?agent_id=other`, { key });
    expect(refused).toMatchObject({ status: 403, body: { code: 'KEY_BOUND_TO_AGENT' } });
  });

  test('has no skill available where no run would be taken', async () => {
    const archived = await insertAgentRow(aos.pool, { status: 'archived' });
    expect(await read(`?agent_id=${archived}`)).toMatchObject({
      skills_available: [],
      refusal: { code: 'AGENT_ARCHIVED' },
      skills: { http_call: { available: false, code: 'AGENT_ARCHIVED' } },
    });
    const key = await aos.createKey('strict');
    await aos.pool.query(`UPDATE tenants SET agents_required = true WHERE id = 'strict'`);
    expect(await read('', key)).toMatchObject({ refusal: { code: 'AGENT_REQUIRED' } });
  });

  test('has no skill available while as many runs of the agent are open as may be at once', async () => {
    const agentId = await insertAgentRow(aos.pool, { max_concurrent_runs: 1 });
    const run = await aos.run([{ skill: 'json_transform', params: { query: '1', data: 1 } }], {
      agent_id: agentId,
    });
    expect(await read(`?agent_id=${agentId}`)).toMatchObject({ refusal: null });
    await aos.pool.query(`UPDATE runs SET completed_at = NULL WHERE id = $1`, [run.id]);
    const full = await read(`?agent_id=${agentId}`);
    const obstacle = {
      code: 'CONCURRENT_RUNS_EXCEEDED',
      reason: `Agent ${agentId} may have 1 open runs at once (max_concurrent_runs), and has 1.`,
      fix: expect.stringContaining('max_concurrent_runs'),
    };
    expect(full).toMatchObject({
      skills_available: [],
      refusal: obstacle,
      skills: { http_call: { available: false, ...obstacle, obstacles: [obstacle] } },
    });
    await aos.pool.query(`UPDATE runs SET completed_at = created_at WHERE id = $1`, [run.id]);
  });

  test('has no skill available while the submissions of the agent’s minute are used up', async () => {
    const agentId = await insertAgentRow(aos.pool, { rate_limit_per_minute: 2 });
    const plan = [{ skill: 'json_transform', params: { query: '1', data: 1 } }];
    const submit = () =>
      aos.request<Failure>('/api/v1/runs', { json: { plan, agent_id: agentId } });
    expect((await submit()).status).toBe(202);
    expect(await read(`?agent_id=${agentId}`)).toMatchObject({ refusal: null });
    expect((await submit()).status).toBe(202);
    const full = await read(`?agent_id=${agentId}`);
    const obstacle = {
      code: 'RATE_LIMITED',
      reason: expect.stringContaining(
        `Agent ${agentId} may submit 2 runs a minute (rate_limit_per_minute), and they are used up.`,
      ),
      fix: expect.stringMatching(/^Wait \d+ ms, or have an admin raise the rate_limit_per_minute/),
      retry_after_ms: expect.any(Number),
    };
    expect(full).toMatchObject({
      skills_available: [],
      refusal: obstacle,
      skills: { http_call: { available: false, ...obstacle, obstacles: [obstacle] } },
    });
    const { retry_after_ms: waitMs, fix } = full.refusal!;
    expect(waitMs).toBeGreaterThan(0);
    expect(waitMs).toBeLessThanOrEqual(60_000);
    expect(waitMs).toBe(full.rate_limits.find(({ level }) => level === 'agent')!.resets_in_ms);
    expect(fix).toContain(`Wait ${waitMs} ms`);
    // As a submission is refused.
    const refused = await submit();
    expect(refused).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } });
    const [said] = full.refusal!.reason.split(' The next minute');
    expect(refused.body.detail).toContain(said);
    // What is in the way of the agent is in nobody else's.
    expect(await read()).toMatchObject({ refusal: null });
  });

  test('has no skill available for a key that may not submit', async () => {
    const viewer = await aos.createKey('default', null, 'viewer');
    const obstacle = {
      code: 'FORBIDDEN',
      reason: 'POST /api/v1/runs takes a key of the role operator; the role of this key is viewer.',
      fix: expect.stringContaining('role'),
    };
    expect(await read('', viewer)).toMatchObject({
      skills_available: [],
      refusal: obstacle,
      skills: { http_call: { available: false, ...obstacle, obstacles: [obstacle] } },
    });
    const operator = await aos.createKey('default', null, 'operator');
    expect(await read('', operator)).toMatchObject({ skills: { http_call: { available: true } } });
  });

  test('lacks what costs, and that alone, where a level has nothing left', async () => {
    const agentId = await insertAgentRow(aos.pool, {
      budget_micro_cents: 0,
      budget_period: 'daily',
    });
    const budgetObstacles = async (query: string, key?: string) => {
      const { skills, refusal } = await read(query, key);
      expect({ refusal, free: skills['http_call'] }).toMatchObject({
        refusal: null,
        free: { available: true, obstacles: [] },
      });
      return skills['llm_invoke']!.obstacles.filter(({ code }) => code === 'BUDGET_EXCEEDED');
    };
    expect(await budgetObstacles('')).toEqual([]);
    expect(await budgetObstacles(`?agent_id=${agentId}`)).toEqual([
      {
        code: 'BUDGET_EXCEEDED',
        reason: expect.stringMatching(
          /daily budget of the agent: account agent\/.* limit of 0 cents \(budget_cents\), 0 spent/,
        ),
        fix: expect.stringMatching(/raise the budget_cents of the agent, or wait until \d{4}-/),
      },
    ]);
    expect(await budgetObstacles('', await aos.createKey('penniless', 0))).toMatchObject([
      {
        reason: expect.stringContaining('account tenant/penniless has a limit of 0 cents'),
        fix: 'Have an admin raise the limit_cents of the tenant.',
      },
    ]);
    const spent = await boundKey(await insertAgentRow(aos.pool), { budget_cents: 0 });
    expect(await budgetObstacles('', spent)).toMatchObject([
      {
        reason: expect.stringContaining('budget of the key: account key/'),
        fix: 'Have an admin make a key with a larger budget_cents.',
      },
    ]);
  });

  test('lacks what reaches out for an agent that may reach no host', async () => {
    const agentId = await insertAgentRow(aos.pool, { allowed_hosts: [] });
    const { skills, skills_available: available } = await read(`?agent_id=${agentId}`);
    expect(available.toSorted()).toEqual(['fs_read', 'fs_write', 'json_transform']);
    for (const id of ['http_call', 'webhook_send'])
      expect(skills[id]).toMatchObject({
        available: false,
        code: 'HOST_NOT_ALLOWED',
        reason: `The agent may reach no host, which ${id} has to. Its allowed_hosts are: none.`,
        fix: expect.stringContaining('allowed_hosts'),
      });
    const some = await insertAgentRow(aos.pool, { allowed_hosts: ['example.org'] });
    expect(await read(`?agent_id=${some}`)).toMatchObject({
      skills: { http_call: { available: true }, webhook_send: { available: true } },
    });
  });

  test("lists the operations that the key's role may do", async () => {
    const viewer = await read('', await aos.createKey('default', null, 'viewer'));
    expect(viewer.permissions).toContain('getCapabilities');
    expect(viewer.permissions).not.toContain('submitRun');
    const admin = await read();
    expect(admin.permissions.toSorted()).toEqual(Object.keys(ROUTES).toSorted());
  });

  test("observes the tenant's own newest calls, inside chains and outside", async () => {
    const key = await aos.createKey('busy');
    const submit = async (plan: unknown): Promise<void> => {
      const { body } = await aos.request<{ id: string }>('/api/v1/runs', { key, json: { plan } });
      await aos.request(`/api/v1/runs/${body.id}?wait=30s`, { key });
    };
    await submit([
      { skill: 'fs_write', params: { path: 'a.txt', content: 'a' } },
      { skill: 'json_transform', params: { query: '1', data: 1 } },
      { skill: 'fs_read', params: { path: 'a.txt' } },
    ]);
    await submit([{ skill: 'fs_read', params: { path: '"code":"TIMEOUT"' } }]);
    const { skills } = await read('', key);
    expect(skills['fs_read']).toMatchObject({
      latency_basis: 'observed',
      observed: { sample_size: 2, failure_rate: 0.5 },
    });
    const { observed, avg_latency_ms } = skills['fs_read']!;
    expect(avg_latency_ms).toBe(observed!.avg_latency_ms);
    expect(observed!.p95_latency_ms).toBeGreaterThanOrEqual(observed!.p50_latency_ms);
    const counts = Object.fromEntries(
      skills['fs_read']!.known_failure_patterns.map((each) => [each.code, each.observed_count]),
    );
    expect(counts).toMatchObject({ FS_NOT_FOUND: 1, TIMEOUT: 0 });
    expect(skills['json_transform']!.observed).toMatchObject({ sample_size: 1, failure_rate: 0 });
    expect(skills['http_call']!.observed).toBeNull();
    // Another tenant's calls are not its.
    expect((await read('', await aos.createKey('idle'))).skills['fs_read']!.observed).toBeNull();
  });

  test('reads the observations of a tenant once for many requests', async () => {
    let statements = 0;
    const pool = Object.create(aos.pool) as Harness['pool'];
    pool.query = ((...args: Parameters<Harness['pool']['query']>) => {
      statements += 1;
      return aos.pool.query(...args);
    }) as Harness['pool']['query'];
    const measured = createMeasuredSkills({ pool, skills: aos.deps.skills });
    await Promise.all([measured('default'), measured('default'), measured('default')]);
    await measured('default');
    expect(statements).toBe(1);
  });
});

describe('GET /api/v1/runtime/resource-contract/{id}', () => {
  test('answers for any name, as of the key', async () => {
    const key = await aos.createKey('limited', 250 * CENT);
    for (const id of [
      'default',
      'agent_',
      encodeURIComponent("' OR 1=1 --"),
      '%00',
      '%F0%9F%98%80',
    ]) {
      const body = await readContract(id, key);
      expect(body).toMatchObject({
        resource_id: decodeURIComponent(id),
        agent_id: null,
        budget: { total_cents: 250, remaining_cents: 250 },
        budget_cents: 250,
        concurrency: { level: 'tenant', limited: false, limit: null },
        warnings: [],
      });
      expect(body.max_concurrency).toBeGreaterThanOrEqual(1);
      expect(body.rate_limits).toHaveLength(1);
    }
  });

  test('answers of an agent, when the id is that of one of the tenant', async () => {
    const agentId = await insertAgentRow(aos.pool, {
      budget_micro_cents: 5 * CENT,
      max_concurrent_runs: 2,
      max_run_cost_micro_cents: 3 * CENT,
    });
    expect(await readContract(agentId)).toMatchObject({
      agent_id: agentId,
      budget_cents: 5,
      max_concurrency: 2,
      max_run_cost_cents: 3,
      max_step_cost_cents: null,
    });
    const stranger = await aos.createKey('stranger');
    expect(await readContract(agentId, stranger)).toMatchObject({
      agent_id: null,
      budget: { level: 'tenant', account_id: 'tenant/stranger' },
      warnings: [{ code: 'AGENT_NOT_FOUND' }],
    });
  });

  test('is of its own agent alone for a key that is bound', async () => {
    const own = await insertAgentRow(aos.pool, { max_concurrent_runs: 4 });
    const key = await boundKey(own);
    expect(await readContract('default', key)).toMatchObject({ agent_id: own, max_concurrency: 4 });
    const other = await insertAgentRow(aos.pool);
    const refused = await aos.request<Failure>(`${CONTRACT}/${other}`, { key });
    expect(refused).toMatchObject({ status: 403, body: { code: 'KEY_BOUND_TO_AGENT' } });
  });
});

describe('GET /api/v1/runtime/skills', () => {
  const skill = (id: string): Promise<Answer<SkillView & Failure>> =>
    aos.request<SkillView & Failure>(`/api/v1/runtime/skills/${id}`);

  test.each<[string, boolean, boolean, boolean, boolean]>([
    // read-only, destructive, idempotent, open world
    ['http_call', false, true, false, true],
    ['llm_invoke', true, false, true, true],
    ['json_transform', true, false, true, false],
    ['fs_read', true, false, true, false],
    ['fs_write', false, true, true, false],
    ['webhook_send', false, true, false, true],
    ['email_send', false, false, false, true],
  ])('hints at what %s does', async (id, readOnly, destructive, idempotent, openWorld) => {
    const { body } = await skill(id);
    expect(body.annotations).toMatchObject({
      readOnlyHint: readOnly,
      destructiveHint: destructive,
      idempotentHint: idempotent,
      openWorldHint: openWorld,
    });
  });

  test.each(SEVEN)('shows %s in the shape of the reference', async (id) => {
    const { status, body } = await skill(id);
    const shape = RUNTIME_ROUTES.getSkill.answers[200].schema.strict();
    expect({ status, ids: [body.id, body.skill_id] }).toEqual({ status: 200, ids: [id, id] });
    const view = shape.parse(body);
    expect(view.failure_modes.length).toBeGreaterThan(0);
    expect(view.constraints).toEqual(view.limits);
    expect(view.params_schema).toMatchObject({ type: 'object' });
  });

  test('says which skill was probably meant', async () => {
    const { status, body } = await skill('htpp_call');
    expect({ status, code: body.code }).toEqual({ status: 404, code: 'SKILL_NOT_FOUND' });
    expect(body.detail).toContain('did you mean `http_call`?');
    expect((await skill('%00')).status).toBe(404);
  });
});
