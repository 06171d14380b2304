import { readFileSync, readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ValidateFunction } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import type { Json, JsonObject } from '../../src/contracts/json.ts';
import type { SkillContract } from '../../src/contracts/skill.ts';
import { checkPlan } from '../../src/runs/check-plan.ts';
import { contractsOf } from '../../src/skills/registry.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';

const PLANS = new URL('../../examples/plans/', import.meta.url);
const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

let aos: Harness;
let schema: JsonObject;
let fits: ValidateFunction;
let contracts: ReadonlyMap<string, SkillContract>;
beforeAll(async () => {
  aos = await startHarness({ worker: false, reconciler: false });
  schema = (await aos.request<JsonObject>('/api/v1/runtime/plan-schema')).body;
  fits = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false }).compile(schema);
  contracts = contractsOf(aos.deps.skills);
});
afterAll(() => aos.stop());

/** Whether the schema takes it and, beside it, whether the check does. */
const judge = (plan: unknown): { fits: boolean; taken: boolean } => ({
  fits: fits(plan),
  taken: checkPlan(plan, contracts).ok,
});
const ofReadme: [string, Json][] = [
  ...[...readme.matchAll(/```json\n(\{ "steps"[^]*?)```/g)].map((match) => match[1]!),
  ...[...readme.matchAll(/"plan": (\[[^]*?\n {2}\])/g)].map((match) => match[1]!),
].map((text, index) => [`plan ${index} of the README`, JSON.parse(text) as Json]);
const ofExamples = readdirSync(PLANS).map((name): [string, Json] => [
  name,
  JSON.parse(readFileSync(new URL(name, PLANS), 'utf8')) as Json,
]);
const get = { skill: 'http_call', params: { url: 'https://example.org' } };
const jq = (params: JsonObject) => [get, { skill: 'json_transform', params }];

describe('the schema of plans', () => {
  test('is there in the README and the examples to be fitted', () => {
    expect(ofReadme.length).toBeGreaterThanOrEqual(2);
    expect(ofExamples.length).toBeGreaterThanOrEqual(3);
  });

  test.each([...ofExamples, ...ofReadme])('takes %s', (_name, plan) => {
    expect(fits(plan)).toBe(true);
  });

  test.each<[string, Json]>([
    ['a bare list', [get]],
    [
      'a reference for a number',
      [get, { ...get, params: { url: 'x:', timeout_ms: '{{input.t}}' } }],
    ],
    [
      'a reference inside a list',
      [{ skill: 'llm_invoke', params: { prompt: 'Hi', stop: ['{{input.s}}'] } }],
    ],
    [
      'what is only warned about',
      [{ ...get, priority: 1, params: { ...get.params, colour: 'red' } }],
    ],
    [
      'a webhook without payload',
      [get, { skill: 'webhook_send', params: { url: 'https://example.org' } }],
    ],
    ['a path to its input', jq({ jq: '.', input_path: '$.steps[0].result.body' })],
    [
      'a condition that only asks for presence',
      [get, { ...get, when: { ref: 'input.a', op: 'exists' } }],
    ],
  ])('takes %s, as the check does', (_what, plan) => {
    expect(judge(plan)).toEqual({ fits: true, taken: true });
  });

  test.each<[string, unknown]>([
    ['no steps', []],
    ['no list of steps', { deadline_ms: 5000 }],
    ['a step that is none', ['http_call']],
    ['a step without a skill', [{ params: {} }]],
    ['an unknown skill', [{ skill: 'rm_rf', params: {} }]],
    ['a skill of AOS itself', [{ skill: 'plan_goal', params: { goal: 'x' } }]],
    ['no params where some are needed', [{ skill: 'http_call' }]],
    ['a wrong type', [{ ...get, params: { url: 7 } }]],
    ['a number out of its range', [{ ...get, params: { ...get.params, timeout_ms: 0 } }]],
    ['a word that is no choice', [{ skill: 'fs_read', params: { path: 'a', encoding: 'latin1' } }]],
    ['neither query nor jq', jq({ data: 1 })],
    ['both query and jq', jq({ query: '.', jq: '.' })],
    ['neither prompt nor messages', [{ skill: 'llm_invoke', params: { max_tokens: 5 } }]],
    [
      'a message without a body',
      [{ skill: 'email_send', params: { to: 'a@example.org', subject: 's' } }],
    ],
    ['an id with a space', [{ ...get, id: 'a b' }]],
    ['a condition without its value', [get, { ...get, when: { ref: 'input.a', op: 'eq' } }]],
    ['a fallback that is not there', [{ ...get, on_error: 'fallback' }]],
    ['a fallback without a skill', [{ ...get, fallback: { params: {} } }]],
    ['wrong params of a fallback', [{ ...get, fallback: { skill: 'fs_read', params: {} } }]],
    ['what a later version does', [{ ...get, on_error: 'ask' }]],
    ['an approval', [{ ...get, approve: { by: 'ada' } }]],
    [
      'a policy that waits for a value',
      [{ ...get, params: { ...get.params, retry: { max_attempts: '{{input.n}}' } } }],
    ],
    ['a deadline that is too long', { steps: [get], deadline_ms: 1e12 }],
  ])('refuses %s, as the check does', (_what, plan) => {
    expect(judge(plan)).toEqual({ fits: false, taken: false });
  });

  test('refuses no key that it does not know', () => {
    expect(JSON.stringify(schema)).not.toContain('"additionalProperties":false');
  });

  test('takes whatever the check takes', () => {
    let taken = 0;
    fc.assert(
      fc.property(planArbitrary(), (plan) => {
        if (!checkPlan(plan, contracts).ok) return;
        taken += 1;
        if (!fits(plan)) throw new Error(JSON.stringify(fits.errors));
      }),
      { numRuns: 6000 },
    );
    expect(taken).toBeGreaterThan(100);
  });
});

const reference = fc.constantFrom(
  '{{input}}',
  '{{input.a}}',
  'at {{ input.a[0] }}',
  '{{previous.output}}',
  '{{steps[0].result}}',
  '{{steps.s0.output.x}}',
  '{{steps.s0.failure.code}}',
);
const odd: fc.Arbitrary<Json> = fc.oneof(
  { maxDepth: 2 },
  { weight: 4, arbitrary: reference },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Json>(
      0,
      1,
      2.5,
      true,
      null,
      '',
      'text',
      [],
      {},
      'a@example.org',
      '.',
      'GET',
      String.raw`\{{input}}`,
      'https://example.org',
      '$.steps[0].result',
    ),
  },
  { weight: 1, arbitrary: reference.map((text): Json => ({ inner: [text] })) },
  { weight: 1, arbitrary: reference.map((text): Json => ['a', text]) },
  { weight: 1, arbitrary: reference.map((text): Json => [{ role: 'user', content: text }]) },
);

/** Params that would be right, of which some are left out, some are odd, and some are not known. */
const RIGHT: Readonly<Record<string, JsonObject>> = {
  http_call: {
    url: 'https://example.org',
    method: 'post',
    headers: { a: 'b', c: 1 },
    query: { a: [1, 'b'], c: null },
    body: { a: 1 },
    timeout_ms: 50,
    timeout_seconds: 1,
    retry: { max_attempts: 2 },
    follow_redirects: false,
  },
  json_transform: {
    query: '.',
    jq: '.',
    data: [1],
    input: 1,
    input_path: '$.steps[0].result',
    timeout_ms: 9,
  },
  llm_invoke: {
    prompt: 'Hi',
    messages: [{ role: 'user', content: 'Hi' }],
    stop: ['a'],
    max_tokens: 7,
    json_schema: { type: 'object' },
  },
  fs_read: { path: 'a', encoding: 'base64', max_bytes: 9 },
  fs_write: { path: 'a', content: 'b', overwrite: false },
  webhook_send: { url: 'https://example.org', payload: 1, headers: { a: 'b' } },
  email_send: {
    to: ['a@example.org'],
    cc: 'b@example.org',
    subject: 's',
    text: 't',
    body: 'b',
    html: 'h',
  },
};
const call = fc.constantFrom(...Object.keys(RIGHT)).chain((skill) => {
  const params = Object.entries(RIGHT[skill]!).map(
    ([name, right]): [string, fc.Arbitrary<Json | undefined>] => [
      name,
      fc.oneof(
        { weight: 8, arbitrary: fc.constant<Json>(right) },
        { weight: 3, arbitrary: fc.constant(undefined) },
        { weight: 3, arbitrary: odd },
      ),
    ],
  );
  return fc.record({ skill: fc.constant(skill), params: fc.record(Object.fromEntries(params)) });
});
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
const step = fc
  .tuple(
    call,
    fc.record({
      id: maybe(fc.constantFrom('s0', 's1', 'b-c', 'a b')),
      depends_on: maybe(fc.constantFrom(['s0'], [], ['s0', 's0'])),
      when: maybe(
        fc.record({ ref: reference, op: fc.constantFrom('eq', 'exists', 'gt'), value: maybe(odd) }),
      ),
      retry: maybe(
        fc.constantFrom({ max_attempts: 3 }, { backoff_ms: 0.5 }, { max_attempts: 0 }, { more: 1 }),
      ),
      on_error: maybe(fc.constantFrom('fail', 'skip', 'fallback', 'ask')),
      fallback: maybe(call),
      compensate: maybe(call),
      timeout_ms: maybe(fc.constantFrom(1, 1000, 1e9)),
      max_cost_cents: maybe(fc.constantFrom(0, 2.5)),
      sensitive: maybe(fc.boolean()),
      idempotent: maybe(fc.boolean()),
      priority: maybe(odd),
    }),
  )
  .map(([own, more]) => ({ ...own, ...more }));

/** A plan as it would come over the wire. */
const planArbitrary = (): fc.Arbitrary<Json> =>
  fc
    .tuple(
      fc.array(step, { minLength: 1, maxLength: 2 }),
      fc.boolean(),
      maybe(fc.constantFrom(1000, 1, 1e15)),
    )
    .map(([steps, isBare, deadline_ms]) => {
      const [first, ...others] = steps;
      const plan = [{ ...first, id: 's0' }, ...others];
      return JSON.parse(
        JSON.stringify(isBare ? plan : { steps: plan, deadline_ms, note: 1 }),
      ) as Json;
    });
