import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Failure } from '../../src/contracts/failures.ts';
import type { JsonObject } from '../../src/contracts/json.ts';
import type { Run } from '../../src/contracts/run.ts';
import type { Answer, Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';

const RUNS = '/api/v1/runs';
const nop = { skill: 'json_transform', params: { data: 1, query: '.' } };
const read = { skill: 'fs_read', params: { path: 'a.txt' } };

const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;

describe('POST /api/v1/runs', () => {
  let aos: Harness;
  beforeAll(async () => {
    aos = await startHarness({ worker: false, reconciler: false });
  });
  afterAll(async () => {
    await aos.stop();
  });

  const post = (body: unknown): Promise<Answer<Failure>> =>
    aos.request<Failure>(RUNS, { json: body });
  const postText = (body: string): Promise<Answer<Failure>> =>
    aos.request<Failure>(RUNS, { method: 'POST', body });
  const runCount = async (): Promise<number> =>
    (await aos.pool.query<{ count: number }>('SELECT count(*) FROM runs')).rows[0]!.count;
  /** Every problem as `code pointer`. */
  const problemsOf = ({ body }: Answer<Failure>): string[] =>
    (body.errors ?? []).map(({ code, pointer }) => `${code} ${pointer}`).sort();

  test('tells what is wrong with params that hold no reference, beside those that do', async () => {
    const answer = await post({
      plan: [
        { skill: 'http_call', params: { url: 'nope' } },
        { skill: 'http_call', params: { url: '{{input.url}}', method: 'TELEPORT' } },
        { skill: 'json_transform', params: { data: '{{steps.step_0.output.body}}' } },
      ],
    });
    expect(answer.status).toBe(422);
    expect(problemsOf(answer)).toEqual([
      'PARAMS_INVALID /plan/0/params/url',
      'PARAMS_INVALID /plan/1/params/method',
      'PARAMS_INVALID /plan/2/params/query',
    ]);
  });

  test.each([
    { approve: true },
    { id: 'gate', approve: { by: 'ops' } },
    { wait: { ms: 1000 } },
    { ...nop, ask: true },
  ])('never passes over a wish to wait or to be approved: %j', async (step) => {
    const answer = await post({ plan: [step] });
    expect(answer).toMatchObject({ status: 422, body: { code: 'NOT_AVAILABLE_YET' } });
    const key = Object.keys(step).find((each) => ['approve', 'wait', 'ask'].includes(each));
    expect(problemsOf(answer)).toEqual([`NOT_AVAILABLE_YET /plan/0/${key}`]);
  });

  describe('takes the budget', () => {
    test.each<[string, unknown]>([
      ['negative', -1],
      ['a hair under zero', -0.000001],
      ['2^53', 2 ** 53],
      ['one over the maximum', 9_000_000_001],
      ['null, which is not absent', null],
      ['a string', '5'],
      ['true', true],
      ['a list', [5]],
    ])('not when it is %s', async (_what, budget) => {
      const before = await runCount();
      const answer = await post({ plan: [nop], budget_cents: budget });
      expect(answer).toMatchObject({ status: 422, body: { code: 'INVALID_REQUEST' } });
      expect(problemsOf(answer)).toEqual(['INVALID_TYPE /budget_cents']);
      expect(await runCount()).toBe(before);
    });

    test('not when it is a number that JSON turns into infinity', async () => {
      const answer = await postText(`{"plan":[${JSON.stringify(nop)}],"budget_cents":1e999}`);
      expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_JSON' } });
      expect(problemsOf(answer)).toEqual(['INVALID_TYPE /budget_cents']);
    });

    test.each<[string, number | undefined, number]>([
      ['zero', 0, 0],
      ['a fraction', 0.25, 0.25],
      ['a micro-cent', 0.000001, 0.000001],
      ['a part of a micro-cent, rounded up', 0.0000015, 0.000002],
      ['the maximum', 9_000_000_000, 9_000_000_000],
      ['absent', undefined, 1000],
    ])('when it is %s, and holds it on the account of the tenant', async (_what, budget, kept) => {
      const key = await aos.createKey(`budget-${String(budget)}`);
      const { status, body } = await aos.request<Run>(RUNS, {
        json: { plan: [nop], budget_cents: budget },
        key,
      });
      expect({ status, budget: body.budget_cents }).toEqual({ status: 202, budget: kept });
      const { rows } = await aos.pool.query(
        'SELECT reserved_micro_cents FROM accounts WHERE id = $1',
        [`tenant/budget-${String(budget)}`],
      );
      expect(rows).toEqual([{ reserved_micro_cents: Math.round(kept * 1_000_000) }]);
      const { rows: own } = await aos.pool.query(
        'SELECT limit_micro_cents, reserved_micro_cents FROM accounts WHERE id = $1',
        [`${body.run_id}/1`],
      );
      expect(own).toEqual([
        { limit_micro_cents: Math.round(kept * 1_000_000), reserved_micro_cents: 0 },
      ]);
    });
  });

  describe('refuses a plan', () => {
    test('of 501 steps, and takes one of 500', async () => {
      const refused = await post({ plan: Array.from({ length: 501 }, () => nop) });
      expect(refused).toMatchObject({ status: 422, body: { code: 'PLAN_INVALID' } });
      expect(problemsOf(refused)).toEqual(['TOO_MANY_STEPS /plan']);
      const { status, body } = await aos.request<Run>(RUNS, {
        json: { plan: Array.from({ length: 500 }, () => nop) },
      });
      expect({ status, steps: body.total_steps }).toEqual({ status: 202, steps: 500 });
    });

    test('without a step', async () => {
      expect(problemsOf(await post({ plan: [] }))).toEqual(['NO_STEPS /plan']);
      expect(problemsOf(await post({ plan: { steps: [] } }))).toEqual(['NO_STEPS /plan/steps']);
    });

    test.each<[string, unknown]>([
      ['null', null],
      ['a string', 'fetch it'],
      ['a number', 3],
    ])('that is %s', async (_what, plan) => {
      const answer = await post({ plan });
      expect(answer).toMatchObject({ status: 422, body: { code: 'PLAN_INVALID' } });
      expect(problemsOf(answer)).toEqual(['INVALID_TYPE /plan']);
    });

    test('larger than 1 MiB', async () => {
      const answer = await post({ plan: [{ ...nop, description: 'x'.repeat(1024 * 1024) }] });
      expect(answer).toMatchObject({ status: 422, body: { code: 'PLAN_INVALID' } });
      expect(problemsOf(answer)).toEqual(['TOO_LARGE /plan']);
    });

    test('with a skill that is not there, and says so by code', async () => {
      const answer = await post({ plan: [nop, { skill: 'http_cal', params: {} }] });
      expect(answer).toMatchObject({
        status: 422,
        body: {
          code: 'SKILL_NOT_FOUND',
          status: 422,
          errors: [{ code: 'SKILL_NOT_FOUND', pointer: '/plan/1/skill' }],
        },
      });
      expect(answer.body.detail).toContain('did you mean `http_call`?');
      for (const skill of ['__proto__', 'constructor', 'toString', "'; DROP TABLE runs; --"]) {
        expect(await post({ plan: [{ skill }] })).toMatchObject({
          status: 422,
          body: { code: 'SKILL_NOT_FOUND' },
        });
      }
    });

    test('with a cycle, of two steps and of one', async () => {
      const answer = await post({
        plan: [
          { ...nop, id: 'a', depends_on: ['b'] },
          { ...nop, id: 'b', depends_on: ['a'] },
          { ...nop, id: 'c', depends_on: ['c'] },
        ],
      });
      expect(answer).toMatchObject({ status: 422, body: { code: 'PLAN_INVALID' } });
      expect(problemsOf(answer)).toEqual([
        'CYCLE /plan/0/depends_on',
        'CYCLE /plan/2/depends_on/0',
      ]);
    });

    test('with a reference to a later step, an unknown one, itself, or one that need not be done', async () => {
      const echo = (id: string, data: string) => ({
        id,
        skill: 'json_transform',
        params: { data, query: '.' },
      });
      const inOrder = await post({
        plan: [
          echo('a', '{{steps.b.output}}'),
          echo('b', '{{steps.b.output}}'),
          echo('c', '{{steps.nobody.output}}'),
          echo('d', '{{steps[9].output}}'),
        ],
      });
      expect(inOrder).toMatchObject({ status: 422, body: { code: 'PLAN_INVALID' } });
      expect(problemsOf(inOrder)).toEqual([
        'REFERENCE_NOT_BEFORE /plan/0/params/data',
        'REFERENCE_NOT_BEFORE /plan/1/params/data',
        'REFERENCE_UNKNOWN_STEP /plan/2/params/data',
        'REFERENCE_UNKNOWN_STEP /plan/3/params/data',
      ]);
      const graph = await post({
        plan: {
          steps: [
            { ...echo('a', 'x'), depends_on: [] },
            { ...echo('b', '{{steps.a.output}}'), depends_on: [] },
          ],
        },
      });
      expect(problemsOf(graph)).toEqual(['REFERENCE_NOT_BEFORE /plan/steps/1/params/data']);
    });

    test.each<[string, unknown, string]>([
      ['on_error: ask', [{ ...nop, on_error: 'ask' }], '/plan/0/on_error'],
      ['an approve step', [nop, { skill: 'approve' }], '/plan/1/skill'],
      ['a wait step', [{ skill: 'wait', params: { ms: 5 } }], '/plan/0/skill'],
      ['on_budget: wait', { steps: [nop], on_budget: 'wait' }, '/plan/on_budget'],
    ])('with %s, which is not available yet', async (_what, plan, pointer) => {
      const answer = await post({ plan });
      expect(answer).toMatchObject({ status: 422, body: { code: 'NOT_AVAILABLE_YET' } });
      expect(problemsOf(answer)).toEqual([`NOT_AVAILABLE_YET ${pointer}`]);
    });

    test('and tells all of its problems at once', async () => {
      const answer = await post({
        plan: {
          max_parallel: 65,
          deadline_ms: 1,
          steps: [
            { id: 'same', skill: 'nothing' },
            { id: 'same', skill: 'fs_read', params: { path: 5 }, dependson: [] },
            {
              id: '1st',
              skill: 'json_transform',
              params: { query: '.', data: '{{steps.later.output}}' },
            },
            {
              id: 'later',
              skill: 'fs_read',
              params: {},
              retry: { max_attempts: 0 },
              timeout_ms: 1.5,
              on_error: 'ask',
            },
            'no step',
          ],
        },
      });
      expect(answer).toMatchObject({ status: 422, body: { code: 'PLAN_INVALID' } });
      expect(problemsOf(answer)).toEqual([
        'DUPLICATE_STEP_ID /plan/steps/1/id',
        'INVALID_TYPE /plan/deadline_ms',
        'INVALID_TYPE /plan/max_parallel',
        'INVALID_TYPE /plan/steps/3/retry/max_attempts',
        'INVALID_TYPE /plan/steps/3/timeout_ms',
        'INVALID_TYPE /plan/steps/4',
        'NOT_AVAILABLE_YET /plan/steps/3/on_error',
        'PARAMS_INVALID /plan/steps/1/params/path',
        'PARAMS_INVALID /plan/steps/3/params/path',
        'REFERENCE_NOT_BEFORE /plan/steps/2/params/data',
        'SKILL_NOT_FOUND /plan/steps/0/skill',
        'STEP_ID_INVALID /plan/steps/2/id',
        'UNKNOWN_KEY /plan/steps/1/dependson',
      ]);
      expect(answer.body.detail).toContain('(and 12 more)');
    });

    test('with a thousand problems by the first hundred and a count', async () => {
      const steps = Array.from({ length: 500 }, () => ({ skill: 'nothing', dependson: [] }));
      const { body } = await post({ plan: steps });
      expect(body.errors).toHaveLength(101);
      expect(body.errors!.at(-1)).toMatchObject({ code: 'MORE_PROBLEMS', pointer: '' });
    });
  });

  describe('refuses a key that is nearly a known one', () => {
    test.each<[string, unknown, string, string]>([
      ['of the request', { plan: [nop], budget_cent: 1 }, '/budget_cent', 'budget_cents'],
      ['of the request, by case', { Plan: [nop], plan: [nop] }, '/Plan', 'plan'],
      ['of the request, by spelling', { plan: [nop], agentId: 'a' }, '/agentId', 'agent_id'],
      [
        'of a plan',
        { plan: { steps: [nop], maxParallel: 2 } },
        '/plan/maxParallel',
        'max_parallel',
      ],
      ['of a step', { plan: [{ ...nop, dependson: [] }] }, '/plan/0/dependson', 'depends_on'],
      [
        'of a retry',
        { plan: [{ ...nop, retry: { maxAttempts: 2 } }] },
        '/plan/0/retry/maxAttempts',
        'max_attempts',
      ],
      [
        'of a condition',
        { plan: [{ ...nop, when: { ref: 'input.a', op: 'eq', valeu: 1, value: 1 } }] },
        '/plan/0/when/valeu',
        'value',
      ],
      [
        'of a fallback',
        { plan: [{ ...read, fallback: { skill: 'fs_read', Params: {}, params: { path: 'b' } } }] },
        '/plan/0/fallback/Params',
        'params',
      ],
      [
        'of params',
        { plan: [{ skill: 'fs_read', params: { path: 'a', pth: 'b' } }] },
        '/plan/0/params/pth',
        'path',
      ],
      [
        'of params of a fallback',
        { plan: [{ ...read, fallback: { skill: 'fs_read', params: { path: 'a', Path: 'b' } } }] },
        '/plan/0/fallback/params/Path',
        'path',
      ],
      [
        'inside a param',
        {
          plan: [
            {
              skill: 'http_call',
              params: { url: 'http://example.org', retry: { max_attempt: 2 } },
            },
          ],
        },
        '/plan/0/params/retry/max_attempt',
        'max_attempts',
      ],
    ])('%s', async (_where, body, pointer, meant) => {
      const answer = await post(body);
      expect(answer.status).toBe(422);
      expect(problemsOf(answer)).toEqual([`UNKNOWN_KEY ${pointer}`]);
      expect(answer.body.errors![0]!.message).toContain(`did you mean \`${meant}\`?`);
    });

    test('but not inside maps that are free', async () => {
      const free = { Plan: 1, stepss: 2, urll: 3, dependson: 4, quer: 5 };
      const { status, body } = await aos.request<Run>(RUNS, {
        json: {
          plan: [
            { skill: 'json_transform', params: { data: free, query: '.' } },
            {
              skill: 'http_call',
              params: {
                url: 'http://example.org',
                method: 'POST',
                headers: { urll: 'x' },
                query: { quer: 'y' },
                body: free,
              },
            },
          ],
          input: free,
          labels: { Plan: 'a', labls: 'b' },
        },
      });
      expect({ status, warnings: body.warnings }).toEqual({ status: 202, warnings: [] });
    });

    test('and only warns of one that is unknown', async () => {
      const { status, body } = await aos.request<Run>(RUNS, {
        json: {
          plan: {
            steps: [{ ...nop, colour: 'red', params: { ...nop.params, flavour: 1 } }],
            whatever: 1,
          },
          'a/b~c': true,
          constructor: 1,
        },
      });
      expect(status).toBe(202);
      expect(body.warnings.map(({ pointer }) => pointer).sort()).toEqual([
        '/a~1b~0c',
        '/constructor',
        '/plan/steps/0/colour',
        '/plan/steps/0/params/flavour',
        '/plan/whatever',
      ]);
      const { body: again } = await aos.request<Run>(`${RUNS}/${body.run_id}`);
      expect(again.warnings).toEqual(body.warnings);
    });

    test('and keeps few and short warnings, however many and long the unknown keys are', async () => {
      const many = Object.fromEntries(
        Array.from({ length: 20_000 }, (_, n) => [`unheard_of_${n}`, 1]),
      );
      const { status, body } = await aos.request<Run>(RUNS, {
        json: { plan: [nop], ...many, ['k'.repeat(100_000)]: 1 },
      });
      expect(status).toBe(202);
      expect(body.warnings).toHaveLength(101);
      expect(body.warnings.at(-1)).toMatchObject({ code: 'MORE_WARNINGS' });
      expect(JSON.stringify(body).length).toBeLessThan(50_000);
    });
  });

  describe('refuses a NUL', () => {
    const sesame = 'open\0sesame';
    test.each<[string, unknown, string]>([
      ['in the goal', { plan: [nop], goal: sesame }, '/goal'],
      ['in the agent', { plan: [nop], agent_id: sesame }, '/agent_id'],
      ['in a label', { plan: [nop], labels: { a: sesame } }, '/labels/a'],
      ['in the name of a label', { plan: [nop], labels: { [sesame]: 'a' } }, `/labels/${sesame}`],
      ['in the idempotency key', { plan: [nop], idempotency_key: sesame }, '/idempotency_key'],
      ['deep in the input', { plan: [nop], input: { list: [{ a: sesame }] } }, '/input/list/0/a'],
      ['in a key of the input', { plan: [nop], input: { [sesame]: 1 } }, `/input/${sesame}`],
      ['in an unknown key', { plan: [nop], [sesame]: 1 }, `/${sesame}`],
      [
        'in a param',
        { plan: [{ ...nop, params: { data: [sesame], query: '.' } }] },
        '/plan/0/params/data/0',
      ],
      [
        'in a key of a param',
        { plan: [{ ...nop, params: { data: { [sesame]: 1 }, query: '.' } }] },
        `/plan/0/params/data/${sesame}`,
      ],
      ['in a description', { plan: { steps: [nop], description: sesame } }, '/plan/description'],
    ])('%s', async (_where, body, pointer) => {
      const before = await runCount();
      const answer = await post(body);
      expect(answer.status).toBe(422);
      expect(problemsOf(answer)).toEqual([`NUL_CHARACTER ${pointer}`]);
      expect(await runCount()).toBe(before);
    });
  });

  describe('refuses a lone surrogate', () => {
    test.each<[string, Record<string, unknown>, string]>([
      ['in the goal', { goal: 'a\ud800' }, '/goal'],
      ['in the agent', { agent_id: '\udc00b' }, '/agent_id'],
      ['in a label', { labels: { a: '\ud800' } }, '/labels/a'],
      ['in the name of a label', { labels: { '\udfff': 'a' } }, '/labels/\udfff'],
      ['in the idempotency key', { idempotency_key: '\udbff' }, '/idempotency_key'],
    ])('%s', async (_where, fields, pointer) => {
      const answer = await post({ plan: [nop], ...fields });
      expect(answer).toMatchObject({ status: 422, body: { code: 'INVALID_REQUEST' } });
      expect(answer.body.errors!.map((problem) => problem.pointer)).toEqual([pointer]);
    });

    test('but not where any JSON may stand, and in no warning', async () => {
      const cut = `${'z'.repeat(59)}😀`;
      const bodies = [
        { plan: [nop], input: { '\ud800': '\udfff' } },
        { plan: [{ skill: 'json_transform', params: { data: '\ud800', query: '.' } }] },
        { plan: { steps: [nop], 'unheard of \ud800': 1 } },
        { plan: { steps: [nop], [cut]: 1 } },
        { plan: [nop], [cut]: 1, [`${'k'.repeat(255)}😀`]: 1 },
      ];
      for (const body of bodies) expect((await post(body)).status).toBe(202);
    });

    test('but takes whole pairs', async () => {
      const { status, body } = await aos.request<Run>(RUNS, {
        json: { plan: [nop], goal: '😀', agent_id: '🤖', labels: { '🏷': '✅𝄞' } },
      });
      expect(status).toBe(202);
      expect(body).toMatchObject({ goal: '😀', agent_id: '🤖', labels: { '🏷': '✅𝄞' } });
    });
  });

  test('needs a plan or a goal', async () => {
    for (const body of [{ agent_id: 'my-first-agent' }, {}]) {
      expect(await post(body)).toMatchObject({
        status: 422,
        body: { code: 'PLAN_REQUIRED', recovery: [{ action: 'fix_request' }] },
      });
    }
  });

  test('tells all problems of a body at once', async () => {
    const answer = await post({
      plan: [nop],
      goal: 5,
      agent_id: '',
      labels: { a: 1, b: 'x'.repeat(257) },
      budget_cents: -1,
      budgetcents: 2,
      idempotency_key: 'k'.repeat(256),
      input: 'a\0b',
    });
    expect(answer).toMatchObject({ status: 422, body: { code: 'INVALID_REQUEST' } });
    expect(problemsOf(answer)).toEqual([
      'INVALID_TYPE /agent_id',
      'INVALID_TYPE /budget_cents',
      'INVALID_TYPE /goal',
      'INVALID_TYPE /idempotency_key',
      'INVALID_TYPE /labels/a',
      'INVALID_TYPE /labels/b',
      'NUL_CHARACTER /input',
      'UNKNOWN_KEY /budgetcents',
    ]);
  });

  test('keeps a key of any name in plan and input', async () => {
    const tricky = '{"__proto__": {"a": 1}, "constructor": 2, "": 3}';
    const { body } = await postText(
      `{"input": ${tricky}, "plan": [{"skill": "json_transform", "params": {"data": ${tricky}, "query": "."}}]}`,
    );
    const { run_id } = body as unknown as Run;
    expect(JSON.stringify(((await aos.step(run_id, 'step_0')).params as JsonObject)['data'])).toBe(
      tricky.replaceAll(' ', ''),
    );
    const { rows } = await aos.pool.query<{ input: string }>(
      'SELECT input FROM runs WHERE id = $1',
      [run_id],
    );
    expect(rows[0]!.input).toBe(tricky.replaceAll(' ', ''));
  });

  test('takes at most 32 labels', async () => {
    const labels = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`l${n}`, 'x']));
    expect((await post({ plan: [nop], labels: labels(32) })).status).toBe(202);
    expect(problemsOf(await post({ plan: [nop], labels: labels(33) }))).toEqual([
      'INVALID_TYPE /labels',
    ]);
  });

  test.each<[string, (levels: number) => string, string]>([
    ['plan', (levels) => `{"plan":${nested(levels)}}`, '/plan'],
    ['input', (levels) => `{"plan":[${JSON.stringify(nop)}],"input":${nested(levels)}}`, '/input'],
  ])(
    'names a %s that nests deeper than 64 levels, even by a million',
    async (_field, bodyOf, pointer) => {
      for (const levels of [65, 10_000, 1_000_000]) {
        const answer = await postText(bodyOf(levels));
        expect(answer).toMatchObject({
          status: 400,
          body: { code: 'INVALID_JSON', errors: [{ pointer, code: 'TOO_DEEP' }] },
        });
      }
      expect((await postText(bodyOf(64))).body.code).not.toBe('INVALID_JSON');
    },
  );

  test('keeps SQL for what it is: text', async () => {
    const evil = `'); DROP TABLE runs; -- $1 \\' " % _ \${x} \u2028`;
    const { status, body } = await aos.request<Run>(RUNS, {
      json: {
        plan: [
          { skill: 'json_transform', description: evil, params: { data: evil, query: '.' } },
          { id: 'constructor', skill: 'json_transform', params: { query: '.' } },
          {
            id: 'toString',
            skill: 'json_transform',
            params: { data: '{{steps.constructor.output}}', query: '.' },
          },
        ],
        goal: evil,
        agent_id: evil,
        labels: { [evil]: evil },
        idempotency_key: evil,
        input: { [evil]: evil },
        [evil]: evil,
      },
    });
    expect(status).toBe(202);
    expect(body).toMatchObject({ goal: evil, agent_id: evil, labels: { [evil]: evil } });
    const found = await aos.request<{ data: Run[] }>(
      `${RUNS}?label=${encodeURIComponent(`${evil}=${evil}`)}`,
    );
    expect(found.body.data.map((run) => run.run_id)).toEqual([body.run_id]);
    expect((await aos.step(body.run_id, 'step_0')).params).toEqual({ data: evil, query: '.' });
  });
});
