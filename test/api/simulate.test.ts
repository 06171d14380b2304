import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Capabilities } from '../../src/contracts/capabilities.ts';
import type { Failure } from '../../src/contracts/failures.ts';
import type { CreatedKey } from '../../src/contracts/key.ts';
import { PLAN_ROUTES } from '../../src/contracts/routes/plans.ts';
import { Simulation } from '../../src/contracts/simulation.ts';
import { insertAgentRow } from '../support/agent-row.ts';
import type { Answer, Harness, HarnessOptions } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';

const PATH = '/api/v1/runtime/simulate';
const CENT = 1_000_000;
const SEVEN = [
  'http_call',
  'llm_invoke',
  'json_transform',
  'fs_read',
  'fs_write',
  'webhook_send',
  'email_send',
];

type Fields = Record<string, unknown>;
const step = (skill: string, params: Fields = {}, more: Fields = {}): Fields => ({
  skill,
  params,
  ...more,
});
const get = step('http_call', { url: 'https://api.example.com/users' });
const ask = step('llm_invoke', { prompt: 'Summarise the news.' });
const hook = step('webhook_send', { url: 'https://hooks.slack.com/services/T0/B0/x' });
const path = '$.steps[0].result.body';

async function startIdle(options: HarnessOptions = {}): Promise<Harness> {
  return startHarness({ worker: false, reconciler: false, ...options });
}

const simulateAt =
  (aos: () => Harness) =>
  async (json: unknown, key?: string): Promise<Simulation> => {
    const { status, body } = await aos().request(PATH, { json, ...(key && { key }) });
    expect({ status, body }).toMatchObject({ status: 200 });
    return Simulation.strict().parse(body);
  };

describe('POST /api/v1/runtime/simulate', () => {
  let aos: Harness;
  beforeAll(async () => {
    aos = await startIdle();
  });
  afterAll(() => aos.stop());
  const simulate = simulateAt(() => aos);
  const post = (json: unknown, key?: string): Promise<Answer<Failure>> =>
    aos.request<Failure>(PATH, { json, ...(key && { key }) });

  test('has an example in its documented shape', () => {
    const { answers, bodyExample } = PLAN_ROUTES.simulatePlan;
    expect(Simulation.strict().parse(answers[200].example)).toEqual(answers[200].example);
    return simulate(bodyExample);
  });

  test('answers every field of the contract, with its type', async () => {
    const body = await simulate({ plan: [get, ask], budget_cents: 100 });
    expect(body).toMatchObject({
      feasible: true,
      status: 'feasible',
      basis: 'contract',
      budget_cents: 100,
      budget_sufficient: true,
      estimated_cost_cents: 5,
      estimated_duration_ms: 3300,
      budget_remaining_cents: 95,
      step_estimates: [
        { step_index: 0, step_id: 'step_0', skill_id: 'http_call', estimated_cost_cents: 0 },
        { step_index: 1, step_id: 'step_1', skill_id: 'llm_invoke', estimated_cost_cents: 5 },
      ],
      steps: [
        { index: 0, skill: 'http_call', estimated_cost_cents: 0, feasible: true },
        { index: 1, skill: 'llm_invoke', estimated_cost_cents: 5, feasible: true },
      ],
      alternatives: [],
    });
    expect('reason' in body).toBe(false);
    expect(body.step_simulations[0]!.failure_modes).toContain('TIMEOUT');
  });

  test('says that a call without a provider is priced by its contract, and will fail', async () => {
    const body = await simulate({ plan: [ask, ask, ask] });
    const lacks = body.warnings.filter(({ code }) => code === 'PROVIDER_NOT_CONFIGURED');
    expect(lacks).toEqual([
      expect.objectContaining({
        pointer: '/plan/0/skill',
        message: expect.stringContaining('5 cents of its contract'),
      }),
    ]);
    expect(body.permission_gaps.map((gap) => gap.step_index)).toEqual([0, 1, 2]);
    expect(body).toMatchObject({ feasible: true, success_probability: 0 });
    expect(body.step_estimates[0]).not.toHaveProperty('worst_case_cost_cents');
  });

  test.each([1, 3])('gives every http_call %i times the risk of a time-out', async (iterations) => {
    const { risks } = await simulate({ plan: [ask, { ...get, iterations }] });
    const timeout = risks.find((risk) => risk.step_index === 1 && risk.risk_type === 'TIMEOUT');
    expect(timeout).toMatchObject({ step_id: 'step_1', probability: 0.01 * iterations });
  });

  test('never tells a probability over 1', async () => {
    const { risks, success_probability: success } = await simulate({
      plan: [{ ...get, iterations: 10_000 }],
    });
    expect(Math.max(...risks.map(({ probability }) => probability))).toBe(1);
    expect(success).toBe(0);
  });

  test.each<[string, unknown[], number[]]>([
    ['a call, a transform by jq', [get, step('json_transform', { jq: '.users' })], [1000, 100]],
    ['all four in a row', [get, step('json_transform', { query: '.' }), ask, hook], [1000, 100]],
    ['three models', [ask, ask, ask], [1000, 100]],
    ['one model', [ask], [1000, 100]],
    ['one call', [get], [1000, 100]],
    ['one transform', [step('json_transform', { data: { a: 1 }, query: '.a' })], [1000, 100]],
    ['a transform with `query` alone', [step('json_transform', { query: '.' })], [1000, 100]],
    ['a transform with `jq` alone', [step('json_transform', { jq: '.' })], [1000, 100]],
    ['a transform of `data: {}` alone', [step('json_transform', { data: {} })], [1000, 100]],
    ['a call and `data: {}`', [get, step('json_transform', { data: {} })], [1000, 100]],
    ['a webhook without a payload', [hook], [1000, 100]],
    [
      'a call, a transform, a webhook without a payload',
      [get, step('json_transform', { query: '.' }), hook],
      [100],
    ],
    [
      'input, then input_path',
      [
        step('json_transform', { input: { a: 1 }, query: '.' }),
        step('json_transform', { input_path: '$.steps[0].result', query: '.a' }),
      ],
      [50, 100],
    ],
    [
      'a call, input_path, a POST',
      [
        get,
        step('json_transform', { query: '.', input_path: path }),
        step('http_call', { method: 'POST', url: 'https://webhook.site/x', body: { a: 1 } }),
      ],
      [50, 100],
    ],
  ])('finds feasible: %s', async (_what, plan, budgets) => {
    for (const budget of budgets) {
      const body = await simulate({ plan, budget_cents: budget });
      expect(body).toMatchObject({ feasible: true, status: 'feasible', problems: [] });
      expect(body.step_estimates).toHaveLength(plan.length);
      expect(body.steps.every(({ feasible }) => feasible)).toBe(true);
    }
  });

  test('costs of calls to hosts without a price: nothing', async () => {
    const plan = [get, step('json_transform', { query: '.' }), hook];
    const body = await simulate({ plan, budget_cents: 0 });
    expect(body).toMatchObject({ feasible: true, estimated_cost_cents: 0, budget_cents: 0 });
  });

  test('tells what a run would still have to be given', async () => {
    const { warnings } = await simulate({ plan: [step('json_transform', { data: {} })] });
    expect(warnings).toEqual([
      expect.objectContaining({ code: 'PARAMS_INVALID', pointer: '/plan/0/params' }),
    ]);
  });

  test.each([
    step('fs_read', { path: 'a.txt' }),
    step('fs_write', { path: 'a.txt', content: 'x' }),
    step('webhook_send', { url: 'https://example.com/hook', payload: { a: 1 } }),
    step('email_send', { to: 'a@example.com', subject: 'Hello', body: 'World' }),
  ])('estimates %j', async (each) => {
    const body = await simulate({ plan: [each] });
    expect(body).toMatchObject({ feasible: true, estimated_cost_cents: 0 });
    expect(body.step_estimates).toHaveLength(1);
  });

  test.each(SEVEN)('answers for %s with no params at all', async (skill) => {
    const body = await simulate({ plan: [{ skill, params: {} }] });
    expect(body.step_estimates).toMatchObject([{ skill_id: skill }]);
    expect(body.feasible).toBe(body.reason === undefined);
  });

  test('does not find an unknown skill feasible, and says why', async () => {
    const body = await simulate({ plan: [get, step('htpp_call', { url: 'https://a.example' })] });
    expect(body).toMatchObject({
      feasible: false,
      status: 'plan_invalid',
      success_probability: 0,
      reason: expect.stringContaining('did you mean `http_call`'),
      problems: [{ code: 'SKILL_NOT_FOUND', pointer: '/plan/1/skill' }],
      permission_gaps: [],
      steps: [{ feasible: true }, { feasible: false }],
    });
    expect(body.step_estimates[1]).toMatchObject({ skill_id: 'htpp_call', step_index: 1 });
  });

  test('does not know skills that AOS keeps for itself', async () => {
    const body = await simulate({ plan: [step('plan_goal')] });
    expect(body.problems).toMatchObject([{ code: 'SKILL_NOT_FOUND' }]);
  });

  test.each([
    ['a list', []],
    ['an object', { steps: [] }],
  ])('answers an empty plan, as %s', async (_form, plan) => {
    expect(await simulate({ plan })).toMatchObject({
      feasible: true,
      estimated_cost_cents: 0,
      estimated_duration_ms: 0,
      success_probability: 1,
      step_estimates: [],
    });
  });

  test('takes 100 steps', async () => {
    const body = await simulate({ plan: Array<unknown>(100).fill(ask), budget_cents: 10 });
    expect(body.step_estimates.map((each) => each.step_index)).toEqual([...Array(100).keys()]);
    expect(body).toMatchObject({
      feasible: false,
      status: 'budget_insufficient',
      budget_sufficient: false,
      estimated_cost_cents: 500,
      budget_remaining_cents: -490,
      reason: expect.stringContaining('500 cents'),
      alternatives: [{ action: 'raise_budget', budget_cents: 500 }],
    });
    expect(
      await simulate({ plan: Array<unknown>(100).fill(ask), budget_cents: 500 }),
    ).toMatchObject({ feasible: true, budget_remaining_cents: 0 });
  });

  test('says of too many steps that they are too many, and estimates as many as may be', async () => {
    const body = await simulate({ plan: Array<unknown>(501).fill(get) });
    expect(body).toMatchObject({
      feasible: false,
      status: 'plan_invalid',
      problems: [{ code: 'TOO_MANY_STEPS' }],
    });
    expect(body.step_estimates).toHaveLength(500);
  });

  test.each([
    [1, 5, 3000],
    [3, 15, 9000],
    [10_000, 50_000, 30_000_000],
  ])('counts %i iterations exactly', async (iterations, cost, duration) => {
    const body = await simulate({ plan: [{ ...ask, iterations }], budget_cents: 50_000 });
    expect(body).toMatchObject({ estimated_cost_cents: cost, estimated_duration_ms: duration });
    expect(body.warnings.some(({ code }) => code === 'ITERATIONS_ESTIMATED')).toBe(iterations > 1);
  });

  test.each([0, -1, 1.5, 10_001, '3', null, true, [], {}])(
    'refuses %j iterations inside the answer',
    async (iterations) => {
      expect(await simulate({ plan: [{ ...ask, iterations }] })).toMatchObject({
        status: 'plan_invalid',
        estimated_cost_cents: 5,
        problems: [{ pointer: '/plan/0/iterations', code: 'INVALID_TYPE' }],
      });
    },
  );

  test('passes over no misspelt `iterations`', async () => {
    const { problems } = await simulate({ plan: [{ ...ask, iteration: 3 }] });
    expect(problems).toMatchObject([{ pointer: '/plan/0/iteration', code: 'UNKNOWN_KEY' }]);
  });

  test('takes the longest path through a graph', async () => {
    const plan = {
      steps: [
        { id: 'a', ...get },
        { id: 'b', ...ask, depends_on: ['a'] },
        { id: 'c', ...get, iterations: 4, depends_on: ['a'] },
        { id: 'd', ...get, depends_on: ['b', 'c'] },
      ],
    };
    expect(await simulate({ plan })).toMatchObject({
      feasible: true,
      estimated_duration_ms: 300 + 3000 + 300,
    });
  });

  test('does not guess which of two outputs flows into a step', async () => {
    const plan = [
      { id: 'a', ...get },
      { id: 'b', ...get },
      { ...hook, depends_on: ['a', 'b'] },
    ];
    expect(await simulate({ plan })).toMatchObject({
      status: 'plan_invalid',
      problems: [{ code: 'PREVIOUS_AMBIGUOUS', pointer: '/plan/2/params' }],
    });
  });

  test('answers the same again, wherever hosts lead', async () => {
    const json = { plan: [get, ask, step('http_call', { url: 'https://nowhere.invalid' })] };
    expect(await simulate(json)).toEqual(await simulate(json));
  });

  test.each<[string, unknown]>([
    ['absent', {}],
    ['null', { plan: null }],
    ['a text', { plan: 'http_call' }],
    ['a number', { plan: 5 }],
    ['an object without steps', { plan: {} }],
    ['an object whose steps are none', { plan: { steps: 'x' } }],
  ])('refuses a plan that is %s', async (_what, json) => {
    expect(await post(json)).toMatchObject({
      status: 422,
      body: { code: 'INVALID_REQUEST', errors: [{ pointer: '/plan' }] },
    });
  });

  test.each([-1, '5', null, true, 9_000_000_001])('refuses a budget of %j', async (budget) => {
    const { status, body } = await post({ plan: [], budget_cents: budget });
    expect({ status, errors: body.errors }).toMatchObject({
      status: 422,
      errors: [{ pointer: '/budget_cents' }],
    });
  });

  test('takes 1000 cents when no budget is named', async () => {
    expect(await simulate({ plan: [] })).toMatchObject({ budget_cents: 1000 });
  });

  test.each<[string, Fields]>([
    ['an unknown agent', { agent_id: 'my-first-agent' }],
    ['an agent named as an attack', { agent_id: "agent_' OR 1=1 --" }],
  ])('answers for %s, with a warning', async (_what, more) => {
    const { warnings, feasible } = await simulate({ plan: [get], ...more });
    expect({ feasible, warnings }).toMatchObject({
      feasible: true,
      warnings: [{ code: 'AGENT_NOT_FOUND', pointer: '/agent_id' }],
    });
  });

  test.each([{ tenant_id: 'another' }, { tenant_id: 7 }, { agent_id: null }])(
    'passes over %j',
    async (more) => {
      expect(await simulate({ plan: [get], ...more })).toMatchObject({ warnings: [] });
    },
  );

  test('warns of request fields that it does not know', async () => {
    const { warnings } = await simulate({ plan: [get], priority: 'high' });
    expect(warnings).toMatchObject([{ pointer: '/priority', code: 'KEY_IGNORED' }]);
  });

  test('changes nothing', async () => {
    const count = async (): Promise<unknown> =>
      (
        await aos.pool.query(
          'SELECT (SELECT count(*) FROM runs) AS runs, (SELECT count(*) FROM audit_entries) AS audit',
        )
      ).rows[0];
    const before = await count();
    await simulate({ plan: [get] });
    expect(await count()).toEqual(before);
  });

  test('is for operators and admins', async () => {
    const as = async (role: 'viewer' | 'operator'): Promise<number> =>
      (await post({ plan: [] }, await aos.createKey('default', null, role))).status;
    expect([await as('viewer'), await as('operator')]).toEqual([403, 200]);
  });

  describe('obeys an agent', () => {
    const agentOf = (fields: Parameters<typeof insertAgentRow>[1]): Promise<string> =>
      insertAgentRow(aos.pool, fields);

    test('that may not use a skill, at all three places of a step', async () => {
      const agent_id = await agentOf({ allowed_skills: ['json_transform'] });
      const plan = [
        get,
        step('json_transform', { query: '.' }, { fallback: get, compensate: hook }),
      ];
      const body = await simulate({ plan, agent_id });
      expect(body).toMatchObject({ feasible: false, status: 'not_permitted', agent_id });
      expect(body.permission_gaps.map(({ pointer }) => pointer)).toEqual([
        '/plan/0/skill',
        '/plan/1/fallback/skill',
        '/plan/1/compensate/skill',
      ]);
      expect(body.permission_gaps.map((gap) => gap.step_index)).toEqual([0, 1, 1]);
      expect(body.reason).toContain('http_call');
    });

    test('whose unknown skill is a mistake, and no matter of permission', async () => {
      const agent_id = await agentOf({ allowed_skills: ['json_transform'] });
      const body = await simulate({ plan: [step('htpp_call')], agent_id });
      expect(body).toMatchObject({ status: 'plan_invalid', permission_gaps: [] });
    });

    test('that may not reach a host', async () => {
      const agent_id = await agentOf({ allowed_hosts: ['api.example.com'] });
      expect(await simulate({ plan: { steps: [get, hook] }, agent_id })).toMatchObject({
        status: 'not_permitted',
        permission_gaps: [{ pointer: '/plan/steps/1/params/url', code: 'HOST_NOT_ALLOWED' }],
        steps: [{ feasible: true }, { feasible: false }],
      });
    });

    test('by its caps', async () => {
      const agent_id = await agentOf({
        max_step_cost_micro_cents: 4 * CENT,
        max_run_cost_micro_cents: 8 * CENT,
      });
      const body = await simulate({ plan: [ask, ask], agent_id });
      expect(body).toMatchObject({ feasible: false, status: 'limit_exceeded' });
      expect(body.reason).toContain('may cost 8 (max_run_cost_cents)');
      expect(body.reason).toContain("more than the agent's max_step_cost_cents of 4");
      expect(body.bounds.slice(2)).toEqual([
        {
          name: 'max_run_cost_cents',
          level: 'agent',
          limited: true,
          limit_cents: 8,
          sufficient: false,
        },
        {
          name: 'max_step_cost_cents',
          level: 'agent',
          limited: true,
          limit_cents: 4,
          sufficient: false,
        },
      ]);
      expect(body.warnings).toContainEqual(
        expect.objectContaining({ code: 'BUDGET_TOO_LARGE', pointer: '/budget_cents' }),
      );
    });

    test('by what is left of its budget', async () => {
      const agent_id = await agentOf({ budget_micro_cents: 7 * CENT, budget_period: 'daily' });
      const body = await simulate({ plan: [ask, ask], agent_id, budget_cents: 10 });
      expect(body).toMatchObject({
        feasible: false,
        status: 'budget_insufficient',
        budget_sufficient: true,
        reason: 'The plan costs 10 cents, and the agent has 7 left.',
        alternatives: [],
        bounds: [
          { name: 'remaining_budget', level: 'agent', limit_cents: 7, sufficient: false },
          { name: 'remaining_budget', level: 'tenant', limited: false, sufficient: true },
        ],
      });
      // To raise the budget alone would not do.
      expect(await simulate({ plan: [ask, ask], agent_id, budget_cents: 8 })).toMatchObject({
        reason: expect.stringContaining('its budget is 8. The plan costs 10 cents, and the agent'),
        alternatives: [],
      });
      expect(await simulate({ plan: [ask], agent_id, budget_cents: 5 })).toMatchObject({
        feasible: true,
        warnings: [{ code: 'PROVIDER_NOT_CONFIGURED' }],
      });
    });

    /** Of a submission, which words what simulate and capabilities say too. */
    const refusalOf = async (json: Fields, key = aos.key): Promise<string> =>
      (await aos.request<Failure>('/api/v1/runs', { json, key })).body.detail;
    const obstacleOf = async (query: string, key = aos.key): Promise<string | undefined> =>
      (await aos.request<Capabilities>(`/api/v1/runtime/capabilities${query}`, { key })).body
        .refusal?.reason;

    test('that is archived, in the words of a submission', async () => {
      const agent_id = await agentOf({ status: 'archived' });
      const { status, reason } = await simulate({ plan: [get], agent_id });
      expect(status).toBe('not_permitted');
      expect(reason).toBe(await refusalOf({ plan: [get], agent_id }));
      expect(reason).toBe(await obstacleOf(`?agent_id=${agent_id}`));
    });

    test('of its own tenant alone', async () => {
      await aos.createKey('neighbour');
      const agent_id = await agentOf({ tenant_id: 'neighbour', allowed_skills: [] });
      expect(await simulate({ plan: [get], agent_id })).toMatchObject({
        feasible: true,
        warnings: [{ code: 'AGENT_NOT_FOUND' }],
      });
    });

    test('that its key is bound to', async () => {
      const agent_id = await agentOf({ allowed_skills: ['fs_read'] });
      const { body } = await aos.request<CreatedKey>('/api/v1/keys', {
        json: { name: 'bound', role: 'operator', agent_id },
      });
      const own = await simulate({ plan: [get] }, body.key);
      expect(own).toMatchObject({ status: 'not_permitted', agent_id });
      for (const other of ['agent_unknown', await agentOf({})]) {
        const refused = await post({ plan: [get], agent_id: other }, body.key);
        expect(refused).toMatchObject({ status: 403, body: { code: 'KEY_BOUND_TO_AGENT' } });
      }
    });

    test('where the tenant takes only runs of its agents', async () => {
      const key = await aos.createKey('strict');
      await aos.pool.query(`UPDATE tenants SET agents_required = true WHERE id = 'strict'`);
      for (const more of [{}, { agent_id: 'nobody' }] as { agent_id?: string }[]) {
        const body = await simulate({ plan: [get], ...more }, key);
        expect(body).toMatchObject({ status: 'not_permitted' });
        expect(body.reason).toContain('only runs of its agents');
        expect(body.reason).toBe(await refusalOf({ plan: [get], ...more }, key));
        const query = more.agent_id === undefined ? '' : `?agent_id=${more.agent_id}`;
        expect(body.reason).toBe(await obstacleOf(query, key));
      }
    });
  });

  test("obeys the tenant's own limit, and a step's", async () => {
    const key = await aos.createKey('poor', 12 * CENT);
    const body = await simulate({ plan: [ask, ask, ask], budget_cents: 15 }, key);
    expect(body).toMatchObject({
      status: 'budget_insufficient',
      reason: 'The plan costs 15 cents, and the tenant has 12 left.',
    });
    const capped = await simulate({ plan: [{ ...ask, max_cost_cents: 1 }] });
    expect(capped).toMatchObject({ status: 'limit_exceeded', steps: [{ feasible: false }] });
  });
});

describe('a simulation where calls have prices', () => {
  let aos: Harness;
  beforeAll(async () => {
    aos = await startIdle({
      httpPrices: 'api.example.com=2,hooks.slack.com=0.1',
      llm: { OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' },
    });
  });
  afterAll(() => aos.stop());
  const simulate = simulateAt(() => aos);

  test('takes the price of the host, whatever else is not known yet', async () => {
    const referring = step('http_call', {
      url: 'https://api.example.com/items/{{input.id}}',
    });
    const body = await simulate({ plan: [get, referring, hook, { ...hook, iterations: 3 }] });
    expect(body.step_estimates.map((each) => each.estimated_cost_cents)).toEqual([2, 2, 0.1, 0.3]);
    expect(body.step_estimates.map((each) => each.worst_case_cost_cents)).toEqual([
      2,
      undefined,
      0.1,
      0.3,
    ]);
    expect(body.estimated_cost_cents).toBe(4.4);
  });

  test('takes the worst case of a prompt that is whole, else no less than the contract says', async () => {
    const whole = await simulate({ plan: [ask] });
    const [skill] = [aos.deps.skills.get('llm_invoke')!];
    const worst = skill.worstCaseMicroCents({ prompt: 'Summarise the news.' }) / CENT;
    expect(worst).toBeGreaterThan(0);
    expect(whole).toMatchObject({ estimated_cost_cents: worst, warnings: [], permission_gaps: [] });
    expect(whole.success_probability).toBeGreaterThan(0.8);
    const open = await simulate({
      plan: [get, step('llm_invoke', { prompt: '{{steps[0].output.body}}' })],
    });
    const base = skill.contract.cost.base_micro_cents / CENT;
    expect(open.step_estimates[1]!.estimated_cost_cents).toBe(base);
  });
});
