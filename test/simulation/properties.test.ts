import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AskQuestion, QUESTION_NAMES } from '../../src/contracts/question.ts';
import { Simulation } from '../../src/contracts/simulation.ts';
import { insertAgentRow } from '../support/agent-row.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';

const SKILLS = ['http_call', 'llm_invoke', 'json_transform', 'webhook_send', 'fs_write', 'nope'];

const key = fc.oneof(
  fc.constantFrom(
    'plan',
    'steps',
    'skill',
    'params',
    'id',
    'depends_on',
    '__proto__',
    'iterations',
  ),
  fc.string({ unit: 'binary', maxLength: 5 }),
);
const anything = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, 0, -0.5, 1e308, '', '{{steps[0].output}}', '{{previous.output}}'),
    fc.string({ unit: 'binary', maxLength: 8 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie('value')), { maxLength: 5 }).map(Object.fromEntries),
  ),
})).value;

/** Steps that are nearly right, so that more than the first check is reached. */
const nearlyStep = fc.record(
  {
    id: fc.oneof(fc.constantFrom('a', 'b', 'c'), anything),
    skill: fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...SKILLS) }, anything),
    params: fc.oneof(
      anything,
      fc.record(
        {
          url: fc.oneof(fc.webUrl(), anything),
          query: anything,
          prompt: fc.string(),
          json_schema: anything,
          input_path: fc.constantFrom('$.steps[0].result', '$.x', '{{'),
        },
        { requiredKeys: [] },
      ),
    ),
    depends_on: fc.oneof(fc.array(fc.constantFrom('a', 'b', 'c', 'step_0')), anything),
    iterations: fc.oneof(fc.integer({ min: -1, max: 5 }), anything),
    fallback: anything,
    compensate: anything,
    max_cost_cents: anything,
    when: anything,
  },
  { requiredKeys: [] },
);
const steps = fc.array(fc.oneof({ weight: 5, arbitrary: nearlyStep }, anything), { maxLength: 6 });

describe('of any JSON', () => {
  let aos: Harness;
  let agentId: string;
  beforeAll(async () => {
    aos = await startHarness({ worker: false, reconciler: false, httpPrices: 'example.com=1.5' });
    agentId = await insertAgentRow(aos.pool, {
      allowed_skills: ['http_call', 'json_transform'],
      allowed_hosts: ['example.com'],
      max_step_cost_micro_cents: 1,
    });
  });
  afterAll(() => aos.stop());

  const post = (path: string, json: unknown) => aos.request(`/api/v1/runtime/${path}`, { json });

  test('nothing makes a simulation fail, and every step has its estimate', async () => {
    await fc.assert(
      fc.asyncProperty(
        steps,
        fc.boolean(),
        fc.option(fc.constantFrom('me', 'nobody'), { nil: undefined }),
        async (list, isObject, who) => {
          const plan = isObject ? { steps: list } : list;
          const agent_id = who === 'me' ? agentId : who;
          const { status, body } = await post('simulate', { plan, agent_id });
          // NaN and the like are no JSON: the client writes null.
          expect({ status, body }).toMatchObject({ status: 200 });
          const simulation = Simulation.strict().parse(body);
          expect(simulation.step_estimates.map((each) => each.step_index)).toEqual([
            ...list.keys(),
          ]);
          expect(simulation.feasible).toBe(simulation.reason === undefined);
          expect(simulation.estimated_cost_cents).toBeGreaterThanOrEqual(0);
          expect(simulation.risks.every(({ probability }) => probability <= 1)).toBe(true);
          expect((await post('simulate', { plan, agent_id })).body).toEqual(body);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('no body makes either route fail', async () => {
    const body = fc.oneof(
      anything,
      fc.record(
        {
          plan: anything,
          query_type: fc.oneof(fc.constantFrom(...QUESTION_NAMES), anything),
          params: anything,
          agent_id: anything,
          run_id: anything,
          budget_cents: anything,
        },
        { requiredKeys: [] },
      ),
    );
    await fc.assert(
      fc.asyncProperty(body, async (json) => {
        for (const path of ['simulate', 'query']) {
          const { status, body: answer } = await post(path, json ?? null);
          expect({ path, status, answer, fits: [200, 400, 422].includes(status) }).toMatchObject({
            fits: true,
          });
        }
      }),
      { numRuns: 200 },
    );
  });

  test('any name of a question is answered', async () => {
    const names = fc.string({ maxLength: 50 }).filter((name) => !name.includes('\0'));
    await fc.assert(
      fc.asyncProperty(names, async (query_type) => {
        expect(AskQuestion.safeParse({ query_type }).success).toBe(true);
        const { status, body } = await post('query', { query_type });
        expect({ status, body }).toMatchObject({ status: 200, body: { query_type } });
      }),
      { numRuns: 50 },
    );
  });

  test('iterations multiply cost and time, and nothing else', async () => {
    const prices = fc.constantFrom('https://example.com/a', 'https://example.org');
    const plain = fc.array(
      fc.oneof(
        prices.map((url) => ({ skill: 'http_call', params: { url } })),
        fc.constant({ skill: 'llm_invoke', params: { prompt: 'Hello.' } }),
      ),
      { minLength: 1, maxLength: 5 },
    );
    await fc.assert(
      fc.asyncProperty(plain, fc.integer({ min: 1, max: 10_000 }), async (list, iterations) => {
        const [one, many] = await Promise.all(
          [list, list.map((step) => ({ ...step, iterations }))].map(async (plan) =>
            Simulation.parse((await post('simulate', { plan, budget_cents: 1e9 })).body),
          ),
        );
        expect(many!.estimated_cost_cents).toBe(one!.estimated_cost_cents * iterations);
        expect(many!.estimated_duration_ms).toBe(one!.estimated_duration_ms * iterations);
        expect(many!.status).toBe(one!.status);
      }),
      { numRuns: 50 },
    );
  });
});
