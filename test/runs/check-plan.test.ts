import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import type { Problem } from '../../src/contracts/failures.ts';
import type { Json } from '../../src/contracts/json.ts';
import { PROBLEMS_MAX } from '../../src/contracts/limits.ts';
import type { ResolvedPlan } from '../../src/contracts/plan.ts';
import type { SkillContract } from '../../src/contracts/skill.ts';
import { PROBLEM_CODES, WARNING_CODES } from '../../src/domain/plan/problem-codes.ts';
import { checkPlan } from '../../src/runs/check-plan.ts';

const contractOf = (id: string, params: z.ZodObject, more: Partial<SkillContract>) => ({
  id,
  name: id,
  version: '2.1.0',
  description: id,
  params,
  output: z.unknown(),
  cost: { per: 'none' as const, base_micro_cents: 0, note: 'Free.' },
  latency: { typical_ms: 1 },
  timeout: { default_ms: 1000, max_ms: 60_000 },
  retry: { max_attempts: 3 },
  limits: {},
  side_effects: 'none' as const,
  idempotent: 'always' as const,
  failure_modes: [],
  inline: false,
  ...more,
});

const Retry = z.object({
  max_attempts: z.int().max(1000).optional(),
  backoff_seconds: z.number().optional(),
});

const fetch = contractOf(
  'fetch',
  z.strictObject({
    url: z.url(),
    method: z.enum(['GET', 'POST']).default('GET'),
    headers: z.record(z.string(), z.string()).optional(),
    body: z.union([z.string(), z.object({ size: z.number() })]).optional(),
    retry: Retry.optional(),
  }),
  { passes_on: 'body' },
);

const transform = contractOf(
  'transform',
  z
    .strictObject({
      query: z.string().optional(),
      jq: z.string().optional(),
      data: z.unknown().optional(),
      input: z.unknown().optional(),
      input_path: z.string().optional(),
    })
    .refine(({ query, jq }) => (query === undefined) !== (jq === undefined), {
      message: 'give `query` or `jq`',
    }),
  {
    inline: true,
    retry: { max_attempts: 1 },
    takes_previous: { into: 'data', unless: ['input', 'data', 'input_path'] },
  },
);

const measure = contractOf('measure', z.strictObject({ text: z.string() }), {
  takes_previous: { into: 'text', unless: ['text'] },
});

const skills = new Map<string, SkillContract>([
  ['fetch', fetch],
  ['transform', transform],
  ['measure', measure],
]);

const SITE = 'https://example.org/';
const get = (more: object = {}) => ({ skill: 'fetch', params: { url: SITE }, ...more });
const jq = (params: object = {}, more: object = {}) => ({
  skill: 'transform',
  params: { query: '.', ...params },
  ...more,
});

const check = (raw: unknown) => checkPlan(raw, skills);

function planOf(raw: unknown): ResolvedPlan {
  const checked = check(raw);
  expect(checked.ok ? [] : checked.problems).toEqual([]);
  if (!checked.ok) throw new Error('the plan has problems');
  return checked.plan;
}

const stepOf = (raw: unknown, index = 0) => planOf(raw).steps[index]!;

function problemsOf(raw: unknown): Problem[] {
  const checked = check(raw);
  return checked.ok ? [] : checked.problems;
}

const placesOf = (problems: Problem[]) => problems.map(({ pointer, code }) => `${code} ${pointer}`);

const nested = (levels: number): Json => {
  let value: Json = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
};

describe('a plan is resolved', () => {
  test('with every default settled', () => {
    expect(planOf([get()])).toEqual({
      steps: [
        {
          id: 'step_0',
          index: 0,
          skill: 'fetch',
          skill_version: '2.1.0',
          params: { url: SITE },
          depends_on: [],
          inline: false,
          policy: { max_attempts: 3, backoff_ms: 500, max_backoff_ms: 30_000, on_error: 'fail' },
        },
      ],
      deadline_ms: 24 * 3600 * 1000,
      compensation_deadline_ms: 10 * 60 * 1000,
      max_parallel: 16,
    });
  });

  test('with everything it says', () => {
    const when = { ref: '{{ steps.a.output.body }}', op: 'eq', value: [1] };
    const plan = planOf({
      steps: [
        get({ id: 'a', description: 'first' }),
        get({
          id: 'b',
          depends_on: ['a'],
          when,
          timeout_ms: 60_000,
          max_cost_cents: 1.5,
          idempotent: true,
        }),
      ],
      deadline_ms: 5000,
      max_parallel: 2,
      on_budget: 'fail',
      description: 'all of it',
    });
    expect(plan).toMatchObject({ deadline_ms: 5000, max_parallel: 2 });
    expect(plan.steps[1]).toMatchObject({
      id: 'b',
      depends_on: ['a'],
      when: { ref: 'steps.a.output.body', op: 'eq', value: [1] },
      timeout_ms: 60_000,
      max_cost_micro_cents: 1_500_000,
      idempotent: true,
    });
  });

  test('in order when no step has depends_on, and as a graph when any has', () => {
    const dependenciesOf = (plan: ResolvedPlan) => plan.steps.map((step) => step.depends_on);
    expect(dependenciesOf(planOf([get(), get(), get()]))).toEqual([[], ['step_0'], ['step_1']]);
    expect(dependenciesOf(planOf([get(), get(), get({ depends_on: ['step_0'] })]))).toEqual([
      [],
      [],
      ['step_0'],
    ]);
    expect(dependenciesOf(planOf([get(), get({ depends_on: [] })]))).toEqual([[], []]);
  });

  test('a step may read every step before it, however far', () => {
    const byId = [get({ id: 'a' }), get(), get({ params: { url: '{{steps.a.output.body.url}}' } })];
    const byIndex = [get(), get(), get({ params: { url: '{{steps[0].result.body}}' } })];
    expect([problemsOf(byId), problemsOf(byIndex)]).toEqual([[], []]);
  });

  test('only a step that is inline by contract and has no fallback is inline', () => {
    expect(stepOf([jq()]).inline).toBe(true);
    expect(stepOf([jq({}, { fallback: jq() })]).inline).toBe(false);
  });

  test('params keep a key named __proto__', () => {
    const raw = JSON.parse(
      `[{"skill": "transform", "params": {"query": ".", "data": {"__proto__": 1}}}]`,
    ) as Json;
    expect(JSON.stringify(stepOf(raw).params)).toBe('{"query":".","data":{"__proto__":1}}');
  });
});

describe('tries and delays', () => {
  const policyOf = (step: object) => stepOf([step]).policy;

  test.each([
    ['come from the params', { max_attempts: 5, backoff_seconds: 2 }, undefined, [5, 2000, 30_000]],
    [
      'come from the step before the params',
      { max_attempts: 5, backoff_seconds: 9 },
      { max_attempts: 2 },
      [2, 500, 30_000],
    ],
    ['seconds become whole milliseconds', {}, { backoff_seconds: 1.1 }, [3, 1100, 30_000]],
    ['milliseconds go before seconds', {}, { backoff_ms: 7, backoff_seconds: 2 }, [3, 7, 30_000]],
    [
      'a long first delay is not cut by the default',
      {},
      { backoff_seconds: 60 },
      [3, 60_000, 60_000],
    ],
    ['a written bound stands', {}, { backoff_ms: 90, max_backoff_ms: 50 }, [3, 90, 50]],
  ])('%s', (_, inParams, inStep, [max_attempts, backoff_ms, max_backoff_ms]) => {
    const step = get({
      params: { url: SITE, retry: inParams },
      ...(inStep !== undefined && { retry: inStep }),
    });
    expect(policyOf(step)).toMatchObject({ max_attempts, backoff_ms, max_backoff_ms });
  });

  test('a fallback implies on_error and has tries of its own', () => {
    const fallback = get({ params: { url: SITE, retry: { max_attempts: 4 } } });
    expect(policyOf(get({ fallback }))).toMatchObject({
      on_error: 'fallback',
      max_attempts: 3,
      fallback_max_attempts: 4,
    });
    expect(policyOf(get({ fallback: jq() }))).toMatchObject({ fallback_max_attempts: 1 });
    expect(policyOf(get({ on_error: 'skip' }))).toMatchObject({ on_error: 'skip' });
  });

  test('an on_error that the fallback overrides is warned about', () => {
    const { warnings } = check([get({ on_error: 'skip', fallback: get() })]);
    expect(placesOf(warnings)).toEqual(['ON_ERROR_IGNORED /plan/0/on_error']);
  });
});

describe('what flows in from the step before', () => {
  test('goes where the contract says, null before the first step', () => {
    const plan = planOf([jq(), jq()]);
    expect(plan.steps[0]).toMatchObject({ params: { query: '.', data: null } });
    expect(plan.steps[0]).not.toHaveProperty('previous_into');
    expect(plan.steps[1]).toMatchObject({ params: { query: '.' }, previous_into: 'data' });
  });

  test.each([{ data: null }, { input: 1 }, { input_path: '$.input' }])(
    'stays out when the params have %j',
    (params) => {
      expect(stepOf([get(), jq(params)], 1)).not.toHaveProperty('previous_into');
    },
  );

  test('goes into a fallback too', () => {
    expect(stepOf([get(), get({ fallback: jq() })], 1).fallback).toEqual({
      skill: 'transform',
      skill_version: '2.1.0',
      params: { query: '.' },
      previous_into: 'data',
    });
  });

  test('is judged when it is there, whatever the schema asks for', () => {
    expect(stepOf([get(), { skill: 'measure' }], 1)).toMatchObject({ previous_into: 'text' });
    expect(placesOf(problemsOf([{ skill: 'measure' }]))).toEqual([
      'PARAMS_INVALID /plan/0/params/text',
    ]);
  });

  test('does not hide what is wrong with the params themselves', () => {
    const problems = problemsOf([get(), { skill: 'transform' }]);
    expect(placesOf(problems)).toEqual(['PARAMS_INVALID /plan/1/params']);
    expect(problems[0]?.message).toContain('give `query` or `jq`');
  });
});

describe('input_path', () => {
  test.each([
    ['$.steps[0].result.body', '{{steps[0].result.body}}'],
    ['$.steps.step_0.output', '{{steps.step_0.output}}'],
    ['$.input.items[2]', '{{input.items[2]}}'],
    ['$.previous.output', '{{previous.output}}'],
  ])('%s means a reference, and goes before other inputs', (inputPath, data) => {
    const step = stepOf([get(), jq({ input_path: inputPath, input: 1, data: 2 })], 1);
    expect(step.params).toEqual({ query: '.', data });
  });

  test.each([
    ['$.steps[0]', 'REFERENCE_INVALID'],
    ['$.steps[0].result..a', 'REFERENCE_INVALID'],
    ['$.body', 'REFERENCE_INVALID'],
    ['$', 'REFERENCE_INVALID'],
    ['steps[0].result', 'REFERENCE_INVALID'],
    ['{{steps[0].result}}', 'REFERENCE_INVALID'],
    ['$.steps[9].result', 'REFERENCE_UNKNOWN_STEP'],
    ['$.steps[1].result', 'REFERENCE_NOT_BEFORE'],
  ])('%s is refused', (inputPath, code) => {
    const problems = problemsOf([get(), jq({ input_path: inputPath })]);
    expect(placesOf(problems)).toEqual([`${code} /plan/1/params/input_path`]);
  });
});

describe('params that hold references', () => {
  test.each([
    ['at the place itself', { url: '{{input.url}}' }],
    ['below it', { url: SITE, body: { size: '{{input.size}}' } }],
    ['in an enum', { url: SITE, method: '{{input.method}}' }],
    ['inside a map', { url: 'https://{{input.host}}/', headers: { a: '{{input.a}}' } }],
  ])('are not judged before they have values: %s', (_, params) => {
    expect(problemsOf([get({ params })])).toEqual([]);
  });

  test('do not hide what is literal and wrong beside them', () => {
    const params = { url: '{{input.url}}', method: 'BREW', headers: { a: '{{input.a}}', b: 1 } };
    expect(placesOf(problemsOf([get({ params })]))).toEqual([
      'PARAMS_INVALID /plan/0/params/method',
      'PARAMS_INVALID /plan/0/params/headers/b',
    ]);
  });
});

/** One small plan for every code, with where the problem is. */
const refused: [string, string, unknown, string][] = [
  ['INVALID_TYPE', 'a plan of another type', 'plan', '/plan'],
  ['INVALID_TYPE', 'no plan', undefined, '/plan'],
  ['INVALID_TYPE', 'no list of steps', {}, '/plan/steps'],
  ['INVALID_TYPE', 'steps that are no list', { steps: {} }, '/plan/steps'],
  ['INVALID_TYPE', 'a step that is no object', ['fetch'], '/plan/0'],
  ['INVALID_TYPE', 'a step without a skill', [{}], '/plan/0/skill'],
  ['INVALID_TYPE', 'params that are no object', [get({ params: [] })], '/plan/0/params'],
  ['INVALID_TYPE', 'a field of another type', [get({ idempotent: 1 })], '/plan/0/idempotent'],
  [
    'INVALID_TYPE',
    'a number out of range',
    [get({ retry: { max_attempts: 101 } })],
    '/plan/0/retry/max_attempts',
  ],
  [
    'INVALID_TYPE',
    'a deadline out of range',
    { steps: [get()], deadline_ms: 1 },
    '/plan/deadline_ms',
  ],
  [
    'INVALID_TYPE',
    'a dependency that is no text',
    [get({ depends_on: [1] })],
    '/plan/0/depends_on/0',
  ],
  [
    'INVALID_TYPE',
    'more dependencies than steps can be',
    [get({ depends_on: Array(501).fill('a') })],
    '/plan/0/depends_on',
  ],
  [
    'INVALID_TYPE',
    'a condition without a value',
    [get({ when: { ref: 'input', op: 'eq' } })],
    '/plan/0/when/value',
  ],
  [
    'INVALID_TYPE',
    'on_error fallback without one',
    [get({ on_error: 'fallback' })],
    '/plan/0/on_error',
  ],
  [
    'UNKNOWN_KEY',
    'a misspelt key of the plan',
    { steps: [get()], max_paralel: 2 },
    '/plan/max_paralel',
  ],
  ['UNKNOWN_KEY', 'a misspelt key that is needed', { step: [get()] }, '/plan/step'],
  ['UNKNOWN_KEY', 'a misspelt key of a step', [get({ dependson: [] })], '/plan/0/dependson'],
  [
    'UNKNOWN_KEY',
    'a misspelt key of retry',
    [get({ retry: { maxAttempts: 2 } })],
    '/plan/0/retry/maxAttempts',
  ],
  [
    'UNKNOWN_KEY',
    'a misspelt key of when',
    [get({ when: { ref: 'input', op: 'exists', valeu: 1 } })],
    '/plan/0/when/valeu',
  ],
  [
    'UNKNOWN_KEY',
    'a misspelt key of fallback',
    [get({ fallback: { ...get(), parms: {} } })],
    '/plan/0/fallback/parms',
  ],
  ['UNKNOWN_KEY', 'a misspelt param', [get({ params: { uri: SITE } })], '/plan/0/params/uri'],
  [
    'UNKNOWN_KEY',
    'a misspelt param of a fallback',
    [get({ fallback: get({ params: { url: SITE, header: {} } }) })],
    '/plan/0/fallback/params/header',
  ],
  [
    'UNKNOWN_KEY',
    'a misspelt key of params.retry',
    [get({ params: { url: SITE, retry: { max_attempt: 1 } } })],
    '/plan/0/params/retry/max_attempt',
  ],
  [
    'DUPLICATE_STEP_ID',
    'two steps with one id',
    [get({ id: 'a' }), get({ id: 'a' })],
    '/plan/1/id',
  ],
  [
    'DUPLICATE_STEP_ID',
    'an id that another step has by default',
    [get({ id: 'step_1' }), get()],
    '/plan/1',
  ],
  ['STEP_ID_INVALID', 'an id with a dot', [get({ id: 'a.b' })], '/plan/0/id'],
  ['STEP_ID_INVALID', 'an empty id', [get({ id: '' })], '/plan/0/id'],
  ['STEP_ID_INVALID', 'an id that is too long', [get({ id: 'a'.repeat(65) })], '/plan/0/id'],
  ['SKILL_NOT_FOUND', 'a skill that nobody knows', [{ skill: 'constructor' }], '/plan/0/skill'],
  [
    'SKILL_NOT_FOUND',
    'a fallback that nobody knows',
    [get({ fallback: { skill: 'x' } })],
    '/plan/0/fallback/skill',
  ],
  ['PARAMS_INVALID', 'a param that is missing', [{ skill: 'fetch' }], '/plan/0/params/url'],
  [
    'PARAMS_INVALID',
    'a param of another type',
    [get({ params: { url: 1 } })],
    '/plan/0/params/url',
  ],
  [
    'PARAMS_INVALID',
    'a param deep inside',
    [get({ params: { url: SITE, body: { size: 'x' } } })],
    '/plan/0/params/body/size',
  ],
  [
    'PARAMS_INVALID',
    'a retry with references',
    [get({ params: { url: SITE, retry: { max_attempts: '{{input}}' } } })],
    '/plan/0/params/retry',
  ],
  [
    'PARAMS_INVALID',
    'more tries than a step may have',
    [get({ params: { url: SITE, retry: { max_attempts: 500 } } })],
    '/plan/0/params/retry/max_attempts',
  ],
  [
    'PARAMS_INVALID',
    'tries that both the skill and the plan refuse',
    [get({ params: { url: SITE, retry: { max_attempts: 5000 } } })],
    '/plan/0/params/retry/max_attempts',
  ],
  [
    'UNKNOWN_DEPENDENCY',
    'an unknown dependency',
    [get(), get({ depends_on: ['step_9x'] })],
    '/plan/1/depends_on/0',
  ],
  [
    'CYCLE',
    'a step that waits for itself',
    [get({ depends_on: ['step_0'] })],
    '/plan/0/depends_on/0',
  ],
  [
    'CYCLE',
    'steps that wait for each other',
    [get({ depends_on: ['step_1'] }), get({ depends_on: ['step_0'] })],
    '/plan/0/depends_on',
  ],
  [
    'REFERENCE_INVALID',
    'a malformed reference',
    [jq({ data: { a: ['{{input.}}'] } })],
    '/plan/0/params/data/a/0',
  ],
  [
    'REFERENCE_INVALID',
    'a reference that is not closed',
    [jq({ data: 'x {{input.a' })],
    '/plan/0/params/data',
  ],
  [
    'REFERENCE_INVALID',
    'a condition on nothing',
    [get({ when: { ref: 'status', op: 'exists' } })],
    '/plan/0/when/ref',
  ],
  [
    'REFERENCE_INVALID',
    'a condition whose value is a reference',
    [get({ when: { ref: 'input', op: 'eq', value: '{{input}}' } })],
    '/plan/0/when/value',
  ],
  [
    'REFERENCE_UNKNOWN_STEP',
    'a reference to no step',
    [jq({ data: '{{steps.b.output}}' })],
    '/plan/0/params/data',
  ],
  [
    'REFERENCE_UNKNOWN_STEP',
    'a reference past the last step',
    [jq({ data: '{{steps[1].output}}' })],
    '/plan/0/params/data',
  ],
  [
    'REFERENCE_NOT_BEFORE',
    'a reference to a later step',
    [jq({ data: '{{steps[1].output}}' }), get()],
    '/plan/0/params/data',
  ],
  [
    'REFERENCE_NOT_BEFORE',
    'a reference to the step itself',
    [jq({ data: '{{steps[0].output}}' })],
    '/plan/0/params/data',
  ],
  [
    'REFERENCE_NOT_BEFORE',
    'a reference beside the graph',
    [get(), jq({ data: '{{steps[0].output}}' }, { depends_on: [] })],
    '/plan/1/params/data',
  ],
  [
    'REFERENCE_NOT_BEFORE',
    'a condition on a later step',
    [get({ when: { ref: 'steps[1].output', op: 'exists' } }), get()],
    '/plan/0/when/ref',
  ],
  [
    'REFERENCE_NOT_BEFORE',
    'a reference in a fallback',
    [get({ fallback: jq({ data: '{{steps[1].output}}' }) }), get()],
    '/plan/0/fallback/params/data',
  ],
  [
    'PREVIOUS_AMBIGUOUS',
    'previous of the first step',
    [jq({ data: '{{previous.output}}' })],
    '/plan/0/params/data',
  ],
  [
    'PREVIOUS_AMBIGUOUS',
    'previous of two',
    [get(), get(), jq({ data: '{{previous.output}}' }, { depends_on: ['step_0', 'step_1'] })],
    '/plan/2/params/data',
  ],
  [
    'PREVIOUS_AMBIGUOUS',
    'two steps that could flow in',
    [get(), get(), jq({}, { depends_on: ['step_0', 'step_1'] })],
    '/plan/2/params',
  ],
  ['NOT_AVAILABLE_YET', 'on_error ask', [get({ on_error: 'ask' })], '/plan/0/on_error'],
  ['NOT_AVAILABLE_YET', 'on_budget wait', { steps: [get()], on_budget: 'wait' }, '/plan/on_budget'],
  ['NOT_AVAILABLE_YET', 'a wait', [{ skill: 'wait', params: {} }], '/plan/0/skill'],
  ['NOT_AVAILABLE_YET', 'an approval', [{ skill: 'approve' }], '/plan/0/skill'],
  [
    'SECRET_MISPLACED',
    'a secret in a skill that takes none',
    [get({ params: { url: SITE, headers: { k: 'x {{secrets.K}}' } } })],
    '/plan/0/params/headers/k',
  ],
  ['TOO_DEEP', 'sixty-five levels', [jq({ data: nested(62) })], '/plan'],
  ['TOO_DEEP', 'ten thousand levels', nested(10_000), '/plan'],
  ['TOO_LARGE', 'more than a mebibyte', [jq({ data: 'x'.repeat(1024 * 1024) })], '/plan'],
  [
    'TOO_MANY_STEPS',
    'five hundred and one steps',
    Array.from({ length: 501 }, () => get()),
    '/plan',
  ],
  [
    'TOO_MANY_STEPS',
    'as many in the object form',
    { steps: Array.from({ length: 501 }, () => get()) },
    '/plan/steps',
  ],
  ['NO_STEPS', 'no steps', [], '/plan'],
  ['NUL_CHARACTER', 'a NUL in a string', [jq({ data: ['a\0'] })], '/plan/0/params/data/0'],
  ['NUL_CHARACTER', 'a NUL in a key', [jq({ data: { '\0': 1 } })], '/plan/0/params/data/\0'],
  [
    'DEADLINE_INVALID',
    'more time than the skill may take',
    [get({ timeout_ms: 60_001 })],
    '/plan/0/timeout_ms',
  ],
];

describe('a plan is refused', () => {
  test.each(refused)('%s: %s', (code, _, raw, pointer) => {
    expect(placesOf(problemsOf(raw))).toEqual([`${code} ${pointer}`]);
  });

  test('for every code of the list', () => {
    // What an agent may not do is found apart: test/api/agent-limits.test.ts.
    const ofAgents = ['SKILL_NOT_ALLOWED', 'HOST_NOT_ALLOWED'];
    // Nor which secrets there are: test/secrets/use.test.ts.
    const ofSecrets = ['SECRET_NOT_FOUND', 'SECRET_HOST_NOT_ALLOWED'];
    const covered = new Set([
      ...refused.map(([code]) => code),
      ...ofAgents,
      ...ofSecrets,
      'MORE_PROBLEMS',
    ]);
    expect([...covered].sort()).toEqual([...PROBLEM_CODES].sort());
  });

  test('with messages that name the fact and what to do', () => {
    const messageOf = (raw: unknown) => problemsOf(raw)[0]?.message ?? '';
    expect(messageOf([get({ dependson: [] })])).toBe(
      'unknown key `dependson`, did you mean `depends_on`?',
    );
    expect(messageOf([{ skill: 'fetsh' }])).toBe(
      'there is no skill `fetsh`, did you mean `fetch`? The skills are `fetch`, `transform`, `measure`.',
    );
    expect(messageOf([get({ timeout_ms: 70_000 })])).toContain('at most 60000 ms');
    expect(messageOf([get({ id: 'first' }), jq({ data: '{{steps.frist.output}}' })])).toContain(
      'did you mean `first`?',
    );
    expect(messageOf([jq({ data: '{{steps[0].output}}' })])).toContain(
      'cannot read its own output',
    );
    const ring = ['a', 'b', 'c'].map((id, at, all) => get({ id, depends_on: [all[(at + 1) % 3]] }));
    expect(messageOf(ring)).toContain('`a` → `b` → `c` → `a`');
  });

  test('with all its problems at once, in pointers of the object form', () => {
    const raw = {
      steps: [
        { id: 'a', params: { url: 1, x: '{{steps.zz.output}}' }, timeout_ms: 'long' },
        get({ id: 'b', depends_on: ['a', 'nope'], params: { url: 'no url' } }),
        jq({ data: '{{steps.a.output}} {{secrets.K}}' }, { depends_on: ['b'] }),
        'nothing',
      ],
      max_parallel: 0,
      unknown: 1,
    };
    expect(placesOf(problemsOf(raw)).sort()).toEqual([
      'INVALID_TYPE /plan/max_parallel',
      'INVALID_TYPE /plan/steps/0/skill',
      'INVALID_TYPE /plan/steps/0/timeout_ms',
      'INVALID_TYPE /plan/steps/3',
      'PARAMS_INVALID /plan/steps/1/params/url',
      'REFERENCE_UNKNOWN_STEP /plan/steps/0/params/x',
      'SECRET_MISPLACED /plan/steps/2/params/data',
      'UNKNOWN_DEPENDENCY /plan/steps/1/depends_on/1',
    ]);
  });

  test('a refused dependency or a cycle does not spread to what builds on it', () => {
    const unknown = [get(), jq({ data: '{{previous.output}}' }, { depends_on: ['nope'] })];
    expect(placesOf(problemsOf(unknown))).toEqual(['UNKNOWN_DEPENDENCY /plan/1/depends_on/0']);
    const cyclic = [
      get({ id: 'a', depends_on: ['b'] }),
      get({ id: 'b', depends_on: ['a'] }),
      jq({ data: '{{steps.a.output}}' }, { depends_on: ['b'] }),
    ];
    expect(placesOf(problemsOf(cyclic))).toEqual(['CYCLE /plan/0/depends_on']);
  });

  test('with the first problems and the number of the others', () => {
    const data = Array.from({ length: PROBLEMS_MAX + 50 }, () => '{{input.}}');
    const problems = problemsOf([jq({ data })]);
    expect(problems).toHaveLength(PROBLEMS_MAX + 1);
    expect(problems.at(-1)).toMatchObject({ code: 'MORE_PROBLEMS' });
    expect(problems.at(-1)?.message).toContain('50 more problems');
  });

  test('under another pointer when asked', () => {
    const checked = checkPlan([], skills, '/body/plan');
    expect(checked.ok ? [] : placesOf(checked.problems)).toEqual(['NO_STEPS /body/plan']);
  });
});

describe('a plan is accepted with warnings', () => {
  const warned: [string, string, unknown, string][] = [
    ['KEY_IGNORED', 'a key of the plan', { steps: [get()], owner: 'me' }, '/plan/owner'],
    ['KEY_IGNORED', 'a key of a step', [get({ comment: 'x' })], '/plan/0/comment'],
    [
      'KEY_IGNORED',
      'a param',
      [get({ params: { url: SITE, colour: '{{steps.nope.output}}' } })],
      '/plan/0/params/colour',
    ],
    [
      'KEY_IGNORED',
      'a key of params.retry',
      [get({ params: { url: SITE, retry: { jitter: 1 } } })],
      '/plan/0/params/retry/jitter',
    ],
    ['NOT_A_REFERENCE', 'another root', [jq({ data: ['Dear {{name}}'] })], '/plan/0/params/data/0'],
    [
      'DUPLICATE_DEPENDENCY',
      'a dependency named twice',
      [get(), get({ depends_on: ['step_0', 'step_0'] })],
      '/plan/1/depends_on/1',
    ],
    [
      'ON_ERROR_IGNORED',
      'fail with a fallback',
      [get({ on_error: 'fail', fallback: get() })],
      '/plan/0/on_error',
    ],
    [
      'SENSITIVE_BY_READING',
      'a step that reads a sensitive one',
      [get({ sensitive: true }), jq()],
      '/plan/1',
    ],
    [
      'SENSITIVE_BY_READING',
      'one that says it is not',
      { steps: [get({ sensitive: true }), jq({}, { sensitive: false })] },
      '/plan/steps/1/sensitive',
    ],
  ];

  test.each(warned)('%s: %s', (code, _, raw, pointer) => {
    planOf(raw);
    expect(placesOf(check(raw).warnings)).toEqual([`${code} ${pointer}`]);
  });

  test('for every code of the list', () => {
    const covered = new Set([...warned.map(([code]) => code), 'MORE_WARNINGS']);
    expect([...covered].sort()).toEqual([...WARNING_CODES].sort());
  });

  test('what is ignored is not kept', () => {
    const params = { url: SITE, colour: 'red', retry: { jitter: 1, max_attempts: 2 } };
    expect(stepOf([get({ params })]).params).toEqual({ url: SITE, retry: { max_attempts: 2 } });
  });

  test('free maps may have any key', () => {
    const free = { url: SITE, headers: { retyr: 'x', Url: 'y', dependson: 'z' } };
    expect(check([get({ params: free })])).toMatchObject({ ok: true, warnings: [] });
    expect(check([jq({ data: { quer: 1, jqq: 2 } })])).toMatchObject({ ok: true, warnings: [] });
  });

  test('braces behind a backslash are no reference and no warning', () => {
    expect(check([jq({ data: '\\{{name}} \\{{steps.x}}' })])).toMatchObject({ warnings: [] });
  });
});

describe('whatever is sent', () => {
  const known = fc.constantFrom(
    'steps',
    'id',
    'skill',
    'params',
    'depends_on',
    'when',
    'retry',
    'fallback',
    'on_error',
    'ref',
    'op',
    'value',
    'url',
    'data',
    'input_path',
    'query',
    '__proto__',
    'constructor',
  );
  const text = fc.constantFrom(
    'fetch',
    'transform',
    'wait',
    'step_0',
    'step_1',
    'a',
    'eq',
    'fallback',
    'skip',
    '\0',
    '{{input}}',
    '{{steps[0].output}}',
    '{{previous.output.a}}',
    '{{steps.a.}}',
    '{{x}}',
    '$.input',
  );
  const { node } = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      text,
      fc.constantFrom(null, true, 0, 2, -1, 1.5),
      fc.array(tie('node'), { maxLength: 4 }),
      fc
        .array(fc.tuple(known, tie('node')), { maxLength: 6 })
        .map((entries) => Object.fromEntries(entries)),
    ),
  }));
  const step = fc.array(fc.tuple(known, node), { maxLength: 8 }).map((entries) => ({
    skill: 'fetch',
    ...Object.fromEntries(entries),
  }));

  test('there is an answer, and its problems have known codes', () => {
    const plans = fc.oneof(
      node,
      fc.array(step, { maxLength: 5 }),
      fc.record({ steps: fc.array(step) }),
    );
    fc.assert(
      fc.property(plans, (raw) => {
        const checked = check(raw);
        if (checked.ok) return;
        expect(checked.problems.length).toBeGreaterThan(0);
        for (const { code, pointer } of checked.problems) {
          expect(PROBLEM_CODES).toContain(code);
          expect(pointer.startsWith('/plan')).toBe(true);
        }
      }),
      { numRuns: 1500 },
    );
  });

  test('values that are no JSON are refused', () => {
    fc.assert(fc.property(fc.anything(), (raw) => void check(raw)));
    expect(placesOf(problemsOf([get({ description: undefined })]))).toEqual(['INVALID_TYPE /plan']);
  });

  test.each<[string, () => unknown]>([
    ['half a million numbers', () => [jq({ data: Array(500_000).fill(1) })]],
    ['a hundred thousand references', () => [jq({ data: '{{input}}'.repeat(100_000) })]],
    [
      'as many keys',
      () => [Object.fromEntries(Array.from({ length: 70_000 }, (_, n) => [`k${n}`, 1]))],
    ],
    ['as many dependencies', () => [get({ depends_on: Array(100_000).fill('b') })]],
    [
      'a very long key above many references',
      () => [
        jq({ data: { ['/'.repeat(500_000)]: Array(20_000).fill('{{steps.x.output}}') }, query: 1 }),
      ],
    ],
    [
      'five hundred steps that wait for many',
      () =>
        Array.from({ length: 500 }, (_, step) =>
          get({
            depends_on: Array.from(
              { length: Math.min(step, 150) },
              (_x, at) => `step_${step - 1 - at}`,
            ),
          }),
        ),
    ],
  ])('%s are answered in bounded time and space', (_, build) => {
    const raw = build();
    const start = performance.now();
    const answer = JSON.stringify(check(raw));
    expect(performance.now() - start).toBeLessThan(15_000);
    expect(answer.length).toBeLessThan(4_000_000);
  });
});
