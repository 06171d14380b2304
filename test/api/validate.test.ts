import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Failure, Problem } from '../../src/contracts/failures.ts';
import type { Json } from '../../src/contracts/json.ts';
import type { CreatedKey } from '../../src/contracts/key.ts';
import { STEPS_PER_PLAN_MAX } from '../../src/contracts/limits.ts';
import { Validation } from '../../src/contracts/validation.ts';
import { PROBLEM_CODES } from '../../src/domain/plan/problem-codes.ts';
import { withFix } from '../../src/validation/fixes.ts';
import { insertAgentRow } from '../support/agent-row.ts';
import type { Answer, Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';

const PATH = '/api/v1/plans/validate';
const CENT = 1_000_000;
type Body = Record<string, unknown>;

let aos: Harness;
beforeAll(async () => {
  aos = await startHarness({
    worker: false,
    reconciler: false,
    httpPrices: 'api.example.com=2',
  });
});
afterAll(() => aos.stop());

const post = (json: unknown, key?: string): Promise<Answer<Failure>> =>
  aos.request<Failure>(PATH, { json, ...(key && { key }) });
const validate = async (json: unknown, key?: string): Promise<Validation> => {
  const { status, body } = await post(json, key);
  expect({ status, body }).toMatchObject({ status: 200 });
  return Validation.strict().parse(body);
};

const get = { skill: 'http_call', params: { url: 'https://api.example.com/items' } };
const jq = { skill: 'json_transform', params: { query: '.', data: 1 } };
const hook = { skill: 'webhook_send', params: { url: 'https://example.org' } };
const deep = (levels: number): Json => (levels === 0 ? 1 : [deep(levels - 1)]);
const call = (skill: string, params: unknown, more: Body = {}): Body => ({
  skill,
  params,
  ...more,
});

/** Plans that are wrong, each in its way. */
const WRONG: Record<string, unknown> = {
  null: null,
  'a text': 'http_call',
  'an object without steps': {},
  'no steps': [],
  'steps that are none': { steps: 5 },
  'a step that is none': [get, 7],
  'a step without a skill': [{ params: {} }],
  'a misspelt key': [{ ...get, dependson: [] }],
  'a misspelt key of the plan': { steps: [get], deadlinems: 5000 },
  'a misspelt param': [call('http_call', { urll: 'https://example.org' })],
  'a misspelt key in retry': [{ ...get, retry: { max_atempts: 2 } }],
  'an unknown skill': [call('htpp_call', {})],
  'two unknown skills': [call('htpp_call', {}), call('x', {})],
  'a skill of AOS itself': [call('plan_goal', { goal: 'x' })],
  'a skill of a later version': [call('approve', {})],
  'a key of a later version': [{ ...get, ask: {} }],
  'a later word of on_error': [{ ...get, on_error: 'ask' }],
  'a later word of on_budget': { steps: [get], on_budget: 'wait' },
  'a secret': [call('http_call', { url: 'https://x.org/{{secrets.KEY}}' })],
  'a wrong type of a param': [call('http_call', { url: 5 })],
  'a missing param': [call('http_call', {})],
  'no params': [call('fs_read', undefined)],
  'params that are a list': [call('fs_read', [])],
  'both query and jq': [call('json_transform', { query: '.', jq: '.' })],
  'an address that is none': [call('email_send', { to: 'nobody', subject: 's', text: 't' })],
  'an id that is none': [{ ...get, id: 'a b' }],
  'an id twice': [
    { ...get, id: 'a' },
    { ...get, id: 'a' },
  ],
  'an unknown dependency': [
    { ...get, id: 'fetch' },
    { ...jq, depends_on: ['fetsh'] },
  ],
  'a circle': [
    { ...get, id: 'a', depends_on: ['b'] },
    { ...get, id: 'b', depends_on: ['a'] },
  ],
  'a step that waits for itself': [{ ...get, id: 'a', depends_on: ['a'] }],
  'a malformed reference': [get, call('json_transform', { query: '.', data: '{{steps.}}' })],
  'an unknown step': [
    { ...get, id: 'fetch' },
    call('json_transform', { query: '.', data: '{{steps.fetsh.output}}' }),
  ],
  'a step after': [call('json_transform', { query: '.', data: '{{steps[1].output}}' }), get],
  'no one step before': [
    get,
    { ...get, depends_on: [] },
    { ...hook, depends_on: ['step_0', 'step_1'] },
  ],
  'a path that is none': [get, call('json_transform', { query: '.', input_path: 'steps[0]' })],
  'a condition without a value': [get, { ...jq, when: { ref: 'previous.output', op: 'eq' } }],
  'a condition on a word': [get, { ...jq, when: { ref: 'output', op: 'exists' } }],
  'a condition on what is unknown': [get, { ...jq, when: { ref: 'steps.x.output', op: 'exists' } }],
  'a fallback that is not there': [{ ...get, on_error: 'fallback' }],
  'a wrong fallback': [{ ...get, fallback: call('fs_read', { path: 1 }) }],
  'a wrong compensation': [{ ...get, compensate: call('nothing', {}) }],
  'a time-out over the skill’s': [{ ...jq, timeout_ms: 3_600_000 }],
  'a deadline too long': { steps: [get], deadline_ms: 1e13 },
  'too many tries': [{ ...get, retry: { max_attempts: 101 } }],
  'a policy that waits': [
    call('http_call', { ...get.params, retry: { max_attempts: '{{input.n}}' } }),
  ],
  'a NUL': [call('fs_read', { path: 'a\0b' })],
  'half a pair': [call('fs_read', { path: 1, note: '\ud800' })],
  'a hostile key': JSON.parse('[{"skill":"fs_read","params":{"__proto__":{"path":"a"}}}]'),
  'too many steps': Array.from({ length: STEPS_PER_PLAN_MAX + 1 }, () => jq),
  'too much': [call('json_transform', { query: '.', data: 'x'.repeat(1_200_000) })],
  'too many problems': Array.from({ length: 150 }, () => call('x', {})),
};

const places = (problems: readonly Problem[] | undefined): string[] =>
  (problems ?? []).map(({ code, pointer, message }) => `${code} ${pointer} ${message}`);

/** Compares what validation says of a body with what its submission comes to. */
async function expectAlike(
  body: Body,
  key?: string,
): Promise<{ validation: Validation; submitted: Answer<Failure> }> {
  const validation = await validate(body, key);
  const submitted = await aos.request<Failure>('/api/v1/runs', { json: body, ...(key && { key }) });
  expect({ valid: validation.valid, status: submitted.status }).toEqual({
    valid: submitted.status === 202,
    status: submitted.status,
  });
  return { validation, submitted };
}

describe('POST /api/v1/plans/validate', () => {
  test.each(Object.entries(WRONG))('refuses %s as its submission does', async (_what, plan) => {
    const body = { plan, input: { a: 1 } };
    const { validation, submitted } = await expectAlike(body);
    expect(validation.valid).toBe(false);
    expect(places(validation.problems)).toEqual(places(submitted.body.errors));
    expect(validation.worst_case).toBeNull();
    for (const { fix } of validation.problems) expect(fix.length).toBeGreaterThan(10);
  });

  test('refuses a body that nests too deep as its submission does', async () => {
    const json = { plan: [call('json_transform', { query: '.', data: deep(70) })] };
    const both = await Promise.all([post(json), aos.request<Failure>('/api/v1/runs', { json })]);
    expect(both.map(({ body }) => body.code)).toEqual(['INVALID_JSON', 'INVALID_JSON']);
  });

  test('takes what its submission takes, with the same warnings', async () => {
    const plan = {
      steps: [
        { ...get, priority: 1 },
        { ...jq, depends_on: ['step_0', 'step_0'] },
      ],
    };
    const { validation, submitted } = await expectAlike({
      plan,
      colour: 'red',
      agent_id: 'nobody',
    });
    const { warnings } = submitted.body as unknown as { warnings: Problem[] };
    expect(places(validation.warnings)).toEqual(places(warnings));
    expect(warnings.length).toBeGreaterThanOrEqual(4);
  });

  test('says what a misspelt word was meant to be, and so does a submission', async () => {
    const plan = [
      call('htpp_call', {}),
      { ...get, dependson: [] },
      { ...get, id: 'fetch' },
      call(
        'json_transform',
        { query: '.', data: '{{steps.fetsh.output}}' },
        { depends_on: ['fecth'] },
      ),
    ];
    const { validation, submitted } = await expectAlike({ plan });
    const meant = validation.problems.map((each) => [each.pointer, each.did_you_mean, each.fix]);
    expect(meant).toEqual(
      expect.arrayContaining([
        ['/plan/0/skill', 'http_call', 'Write `http_call`.'],
        ['/plan/1/dependson', 'depends_on', 'Write `depends_on`.'],
        ['/plan/3/params/data', 'fetch', 'Write `fetch`.'],
        ['/plan/3/depends_on/0', 'fetch', 'Write `fetch`.'],
      ]),
    );
    expect(submitted.body.errors!.map((each) => each.did_you_mean)).toContain('http_call');
  });

  test.each([...PROBLEM_CODES, 'SKILL_NOT_ALLOWED', 'HOST_NOT_ALLOWED', 'RUN_CAP_EXCEEDED'])(
    'has a fix for %s',
    (code) => {
      expect(withFix({ pointer: '', code, message: '' }).fix).toMatch(/^[A-Z].*\.$/);
    },
  );

  test('counts every try of every call for the worst case', async () => {
    const fallback = call('http_call', { ...get.params, retry: { max_attempts: 2 } });
    const plan = [
      { ...get, retry: { max_attempts: 4 }, fallback, compensate: fallback },
      call('http_call', { url: 'https://api.example.com/{{input.id}}' }),
      jq,
    ];
    const { worst_case: worst, step_count, budget_cents } = await validate({ plan });
    expect({ step_count, budget_cents }).toEqual({ step_count: 3, budget_cents: 1000 });
    expect(worst).toMatchObject({
      cost_cents: 4 * 2 + 2 * 2 + 2 * 2 + 3 * 2,
      is_complete: false,
      steps: [
        { step_id: 'step_0', call_cents: 2, tries_max: 4, cost_cents: 16, is_complete: true },
        { step_id: 'step_1', call_cents: 2, tries_max: 3, is_complete: false },
        { cost_cents: 0, is_complete: true },
      ],
    });
  });

  test('warns of calls that lack a part of the installation', async () => {
    const plan = { steps: [{ ...jq, fallback: call('llm_invoke', { prompt: 'Hi' }) }] };
    expect(await validate({ plan })).toMatchObject({
      valid: true,
      warnings: [{ code: 'PROVIDER_NOT_CONFIGURED', pointer: '/plan/steps/0/fallback/skill' }],
    });
  });

  test.each<[string, unknown, string]>([
    ['no plan', {}, '/plan'],
    ['a wrong budget', { plan: [jq], budget_cents: -1 }, '/budget_cents'],
    ['a wrong agent', { plan: [jq], agent_id: 5 }, '/agent_id'],
    ['a misspelt field', { plan: [jq], budgetcents: 1 }, '/budgetcents'],
    ['a body that is none', [], ''],
  ])('refuses a body with %s', async (_what, json, pointer) => {
    const { status, body } = await post(json);
    expect({ status, code: body.code }).toEqual({ status: 422, code: 'INVALID_REQUEST' });
    expect(body.errors!.map((each) => each.pointer)).toContain(pointer);
  });

  test('is for viewers too, and changes nothing', async () => {
    const viewer = await aos.createKey('default', null, 'viewer');
    const count = async (): Promise<unknown> =>
      (
        await aos.pool.query(
          `SELECT (SELECT count(*) FROM runs) AS runs, (SELECT count(*) FROM accounts) AS accounts,
             (SELECT count(*) FROM audit_entries WHERE kind = 'change') AS changes`,
        )
      ).rows[0];
    const agent_id = await insertAgentRow(aos.pool, { budget_micro_cents: 5 * CENT });
    const before = await count();
    expect(await validate({ plan: [jq], agent_id }, viewer)).toMatchObject({ valid: true });
    expect(await count()).toEqual(before);
  });
});

describe('validation for an agent', () => {
  const codesOf = ({ problems }: Validation): string[] => problems.map(({ code }) => code);

  test('refuses what the agent may not do, at all places of a step', async () => {
    const agent_id = await insertAgentRow(aos.pool, {
      allowed_skills: ['http_call', 'json_transform'],
      allowed_hosts: ['example.org'],
    });
    const plan = {
      steps: [
        { ...jq, fallback: get },
        { ...get, compensate: hook },
      ],
    };
    const { validation, submitted } = await expectAlike({ plan, agent_id });
    expect(submitted.status).toBe(403);
    expect(places(validation.problems)).toEqual(places(submitted.body.errors));
    expect(codesOf(validation).toSorted()).toEqual([
      'HOST_NOT_ALLOWED',
      'HOST_NOT_ALLOWED',
      'SKILL_NOT_ALLOWED',
    ]);
    expect(validation.problems[0]!.fix).toContain('have an admin allow this one');
  });

  test.each<[string, string, Parameters<typeof insertAgentRow>[1], Body, string]>([
    ['is archived', 'AGENT_ARCHIVED', { status: 'archived' }, {}, '/agent_id'],
    [
      'may not spend so much at once',
      'RUN_CAP_EXCEEDED',
      { max_run_cost_micro_cents: 5 * CENT },
      { budget_cents: 6 },
      '/budget_cents',
    ],
    [
      'has less left',
      'BUDGET_EXCEEDED',
      { budget_micro_cents: 5 * CENT, budget_period: 'monthly' },
      { budget_cents: 6 },
      '/budget_cents',
    ],
    [
      'has a micro-cent less',
      'BUDGET_EXCEEDED',
      { budget_micro_cents: 5 * CENT },
      { budget_cents: 5.000001 },
      '/budget_cents',
    ],
    ['has nothing', 'BUDGET_EXCEEDED', { budget_micro_cents: 0 }, {}, '/budget_cents'],
  ])('refuses one that %s', async (_what, code, fields, more, pointer) => {
    const agent_id = await insertAgentRow(aos.pool, fields);
    const { validation, submitted } = await expectAlike({ plan: [jq], agent_id, ...more });
    expect(submitted.body.code).toBe(code);
    expect(validation.problems).toMatchObject([{ code, pointer, message: submitted.body.detail }]);
  });

  test('refuses one that has as many runs as it may', async () => {
    const agent_id = await insertAgentRow(aos.pool, { max_concurrent_runs: 1 });
    expect((await expectAlike({ plan: [jq], agent_id })).validation.valid).toBe(true);
    const { validation, submitted } = await expectAlike({ plan: [jq], agent_id });
    expect(submitted.body.code).toBe('CONCURRENT_RUNS_EXCEEDED');
    expect(validation.problems).toMatchObject([
      { code: 'CONCURRENT_RUNS_EXCEEDED', message: submitted.body.detail },
    ]);
  });

  test('tells everything at once, where a submission tells the first', async () => {
    const agent_id = await insertAgentRow(aos.pool, { max_run_cost_micro_cents: CENT });
    const validation = await validate({ plan: [call('x', {})], agent_id, budget_cents: 5 });
    expect(codesOf(validation)).toEqual(['SKILL_NOT_FOUND', 'RUN_CAP_EXCEEDED']);
  });

  test.each<[string, Parameters<typeof insertAgentRow>[1], Body]>([
    ['fits exactly', { budget_micro_cents: 5 * CENT }, { budget_cents: 5 }],
    ['takes what is left', { budget_micro_cents: 5 * CENT }, {}],
    ['asks for nothing', { budget_micro_cents: 0 }, { budget_cents: 0 }],
    ['takes its cap', { max_run_cost_micro_cents: 3 * CENT }, {}],
  ])('takes a budget that %s', async (_what, fields, more) => {
    const agent_id = await insertAgentRow(aos.pool, fields);
    const { validation, submitted } = await expectAlike({ plan: [jq], agent_id, ...more });
    const { budget_cents } = submitted.body as unknown as { budget_cents: number };
    expect(validation.budget_cents).toBe(budget_cents);
  });

  test('goes by the money of the key and the tenant', async () => {
    const key = await aos.createKey('poor', 12 * CENT);
    const { validation } = await expectAlike({ plan: [jq], budget_cents: 13 }, key);
    expect(validation.problems).toMatchObject([{ code: 'BUDGET_EXCEEDED' }]);
    await expectAlike({ plan: [jq], budget_cents: 12 }, key);
    await expectAlike({ plan: [jq], budget_cents: 1 }, key);
    await expectAlike({ plan: [jq] }, key);
  });

  test('goes by what the tenant demands', async () => {
    const key = await aos.createKey('strict');
    await aos.pool.query(`UPDATE tenants SET agents_required = true WHERE id = 'strict'`);
    const { validation, submitted } = await expectAlike({ plan: [jq] }, key);
    expect(submitted.body.code).toBe('AGENT_REQUIRED');
    expect(validation.problems).toMatchObject([{ code: 'AGENT_REQUIRED', pointer: '/agent_id' }]);
  });

  test('is for its own agent alone where a key is bound', async () => {
    const agent_id = await insertAgentRow(aos.pool, { allowed_skills: ['fs_read'] });
    const { body } = await aos.request<CreatedKey>('/api/v1/keys', {
      json: { name: 'bound', role: 'operator', agent_id },
    });
    const own = await validate({ plan: [jq] }, body.key);
    expect({ agent: own.agent_id, codes: codesOf(own) }).toEqual({
      agent: agent_id,
      codes: ['SKILL_NOT_ALLOWED'],
    });
    const refused = await post({ plan: [jq], agent_id: 'another' }, body.key);
    expect(refused).toMatchObject({ status: 403, body: { code: 'KEY_BOUND_TO_AGENT' } });
  });

  test("does not see another tenant's agent", async () => {
    const stranger = await aos.createKey('stranger');
    const agent_id = await insertAgentRow(aos.pool, { allowed_skills: [] });
    expect(await validate({ plan: [jq], agent_id }, stranger)).toMatchObject({
      valid: true,
      warnings: [{ code: 'AGENT_NOT_FOUND' }],
    });
  });
});
