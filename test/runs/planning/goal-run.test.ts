import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Json, JsonObject } from '../../../src/contracts/json.ts';
import type { Run } from '../../../src/contracts/run.ts';
import type { Skill } from '../../../src/skills/skill.ts';
import { createScriptedSkill, fail, pause, succeed } from '../../support/scripted-skill.ts';
import { startHarness } from '../../support/harness.ts';
import type { Harness } from '../../support/harness.ts';
import { startScriptedProvider } from '../../support/scripted-provider.ts';
import type { ScriptedProvider } from '../../support/scripted-provider.ts';

const CENT = 1_000_000;

let provider: ScriptedProvider;
let aos: Harness;
const work = createScriptedSkill({ id: 'work', call: ({ effectKey }) => succeed(effectKey) });
const undo = createScriptedSkill({ id: 'undo', call: ({ effectKey }) => succeed(effectKey) });
const broken = createScriptedSkill({ id: 'broken', call: () => fail('HTTP_4XX') });
beforeAll(async () => {
  provider = await startScriptedProvider();
  aos = await startHarness({
    skills: [work, undo, broken],
    llm: { OPENAI_API_KEY: 'sk-of-the-test', OPENAI_BASE_URL: provider.url },
  });
});
afterAll(async () => {
  expect(await aos.audit()).toEqual([]);
  await aos.stop();
  await provider.stop();
});
afterEach(() => {
  provider.script({});
  provider.seen.length = 0;
});

const says = (plan: Json) => ({ text: JSON.stringify(plan) });
const jq = (id: string, query: string, params: JsonObject = {}): JsonObject => ({
  id,
  skill: 'json_transform',
  params: { query, ...params },
});

async function submit(goal: string, extra: JsonObject = {}): Promise<Run> {
  const { status, body } = await aos.request<Run>('/api/v1/runs', { json: { goal, ...extra } });
  if (status !== 202) throw new Error(`submit answered ${status}: ${JSON.stringify(body)}`);
  return body;
}
const pursue = async (goal: string, extra?: JsonObject): Promise<Run> =>
  aos.ended((await submit(goal, extra)).run_id);

async function eventsOf({ run_id }: Run): Promise<string[]> {
  const { rows } = await aos.pool.query<{ type: string }>(
    'SELECT type FROM events WHERE run_id = $1 ORDER BY number',
    [run_id],
  );
  return rows.map(({ type }) => type);
}

describe('a run with a goal', () => {
  test('has a plan made, and runs it', async () => {
    const plan = { steps: [jq('sum', '1 + 2'), jq('times', '. * 10')] };
    provider.script(says(plan));
    const accepted = await submit('Add 1 and 2, times 10.');
    expect(accepted).toMatchObject({ goal: 'Add 1 and 2, times 10.', total_steps: 1 });
    const run = await aos.ended(accepted.run_id);
    expect(run).toMatchObject({
      status: 'succeeded',
      output: 30,
      outcome: { success: true, result: 30 },
      execution: 1,
      current_step: 3,
      total_steps: 3,
      warnings: [],
      steps: [
        { id: 'plan', index: 0, skill: 'plan_goal', status: 'succeeded', tries: 1 },
        { id: 'sum', index: 1, depends_on: [], status: 'succeeded' },
        { id: 'times', index: 2, depends_on: ['sum'], status: 'succeeded' },
      ],
    });
    expect(provider.seen).toHaveLength(1);
    expect(await aos.step(run.run_id, 'plan')).toMatchObject({ output: { plan, attempts: 1 } });
    expect((await eventsOf(run)).filter((type) => type.startsWith('run.'))).toEqual([
      'run.accepted',
      'run.started',
      'run.planned',
      'run.succeeded',
    ]);
    const { rows } = await aos.pool.query<{ plan: string; plan_hash: string }>(
      'SELECT plan, plan_hash FROM runs WHERE id = $1',
      [run.run_id],
    );
    expect(JSON.parse(rows[0]!.plan)).toEqual(plan);
    expect(rows[0]!.plan_hash).toMatch(/^[0-9a-f]{64}$/);
  });

  test('holds what two questions can cost, and settles what they did', async () => {
    const bad = { ...says({ steps: [] }), tokens: { input: 1_000, output: 100 } };
    const good = { ...says([jq('one', '1')]), tokens: { input: 2_000, output: 200 } };
    provider.script(bad, good);
    const run = await pursue('One.');
    const settled = 3_000 * 40 + 300 * 160;
    expect(run).toMatchObject({ status: 'succeeded', cost_cents: settled / CENT, output: 1 });
    const { transactions, account } = await aos.ledger(run.run_id);
    expect(transactions.map(({ kind, step_id }) => [kind, step_id])).toEqual([
      ['hold', 'plan'],
      ['settle', 'plan'],
    ]);
    const planGoal = aos.deps.skills.get('plan_goal')!;
    const { params } = await aos.step(run.run_id, 'plan');
    const held = Math.round(transactions[0]!.amount_cents * CENT);
    expect(held).toBe(planGoal.worstCaseMicroCents(params as JsonObject));
    expect(account).toMatchObject({ settled_cents: settled / CENT, reserved_cents: 0 });
  });

  test('counts the steps of its plan from 0, whoever made it', async () => {
    provider.script(
      says([
        { id: 'a', skill: 'work' },
        jq('b', '.', { data: ['{{steps[0].result}}', '{{steps.a.output}}'] }),
        { id: 'c', skill: 'work', params: { value: '{{steps[1].output[0]}}' } },
        jq('d', '.', { input_path: '$.steps[2].result' }),
      ]),
    );
    const run = await pursue('Count.');
    const [a, c] = ['a', 'c'].map((id) => `${run.run_id}/${id}/1`);
    expect(run).toMatchObject({ status: 'succeeded', output: c });
    expect((await aos.step(run.run_id, 'b')).output).toEqual([a, a]);
    expect(work.calls.find(({ effectKey }) => effectKey === c)!.params).toEqual({ value: a });
  });

  test('hands nothing to the first step of its plan, and the input to all', async () => {
    provider.script(
      says([jq('first', '[.]'), jq('all', '.', { data: ['{{previous.output}}', '{{input.n}}'] })]),
    );
    const run = await pursue('Hand over.', { input: { n: 7 } });
    expect(run).toMatchObject({ status: 'succeeded', output: [[null], 7] });
    expect(JSON.stringify(provider.seen[0]!.body)).toContain('input_begins');
  });

  test('takes braces in its goal for text', async () => {
    provider.script(says([jq('one', '1')]));
    const goal = 'Explain {{steps.nothing.output}} and {{input}} and \\{{x}}.';
    expect(await pursue(goal)).toMatchObject({ status: 'succeeded', goal });
    const messages = provider.seen[0]!.body['messages'] as { content: string }[];
    expect(JSON.parse(messages[1]!.content.split('\n')[1]!)).toEqual({ goal });
  });

  test('runs the steps of its plan together where that says so', async () => {
    const wide = ['a', 'b', 'c'].map((id) => ({ id, skill: 'work', depends_on: [] }));
    const last = {
      ...jq('last', 'length', { data: '{{steps.a.output}}' }),
      depends_on: ['a', 'b', 'c'],
    };
    provider.script(says({ steps: [...wide, last], max_parallel: 2 }));
    const run = await pursue('Together.');
    expect(run).toMatchObject({ status: 'succeeded', output: `${run.run_id}/a/1`.length });
  });

  test('keeps what is odd about its plan as warnings', async () => {
    provider.script(says({ steps: [{ ...jq('one', '1'), mood: 'good' }] }));
    expect(await pursue('One.')).toMatchObject({
      status: 'succeeded',
      warnings: [{ pointer: '/plan/steps/0/mood', code: 'KEY_IGNORED' }],
    });
  });

  test('has no output when all steps of its plan were skipped', async () => {
    const when = { ref: 'input.go', op: 'exists' };
    provider.script(says([{ id: 'a', skill: 'work', when }]));
    expect(await pursue('Perhaps.')).toMatchObject({ status: 'succeeded', output: null });
  });

  test('undoes the steps of its plan when one of them fails', async () => {
    provider.script(
      says([
        { id: 'a', skill: 'work', compensate: { skill: 'undo' } },
        { id: 'b', skill: 'broken' },
      ]),
    );
    const run = await pursue('Do and undo.');
    expect(run).toMatchObject({
      status: 'failed',
      failure: { code: 'HTTP_4XX', step_id: 'b' },
      steps: [{ status: 'succeeded' }, { status: 'compensated' }, { status: 'failed' }],
    });
    expect(undo.calls.map(({ effectKey }) => effectKey)).toEqual([`${run.run_id}/a/1/compensate`]);
  });

  test('fails when the model makes no plan that can be run', async () => {
    provider.script(says({ steps: [{ id: 'a', skill: 'fly' }] }));
    const run = await pursue('Fly.');
    expect(run).toMatchObject({
      status: 'failed',
      total_steps: 1,
      failure: {
        code: 'PLANNER_FAILED',
        step_id: 'plan',
        errors: [{ pointer: '/steps/0/skill', code: 'SKILL_NOT_FOUND' }],
      },
      outcome: { success: false, error: { code: 'PLANNER_FAILED' } },
    });
    expect(provider.seen).toHaveLength(2);
  });

  test('fails when its plan names what is no longer there', async () => {
    const skills = aos.deps.skills as Map<string, Skill>;
    const planGoal = skills.get('plan_goal')!;
    skills.set('plan_goal', {
      ...planGoal,
      async call(call) {
        const result = await planGoal.call(call);
        skills.delete('broken');
        return result;
      },
    });
    provider.script(says([{ id: 'a', skill: 'broken' }]));
    const run = await pursue('Break.');
    skills.set('plan_goal', planGoal).set('broken', broken);
    expect(run).toMatchObject({
      status: 'failed',
      failure: {
        code: 'PLANNER_FAILED',
        step_id: 'plan',
        errors: [{ pointer: '/plan/0/skill', code: 'SKILL_NOT_FOUND' }],
      },
      steps: [{ id: 'plan', status: 'succeeded' }],
    });
    expect(await eventsOf(run)).not.toContain('run.planned');
  });

  test('asks again when the provider fails in passing', async () => {
    provider.script({ status: 503 }, says([jq('one', '1')]));
    expect(await pursue('One.')).toMatchObject({ status: 'succeeded', steps: [{ tries: 2 }, {}] });
  });

  test('fails without asking when its budget has no room for the questions', async () => {
    expect(await pursue('One.', { budget_cents: 0.5 })).toMatchObject({
      status: 'failed',
      cost_cents: 0,
      failure: { code: 'BUDGET_EXCEEDED' },
    });
    expect(provider.seen).toEqual([]);
  });

  test('can be cancelled while the model thinks', async () => {
    const isAsked = new Promise<void>((resolve) => {
      provider.script({ raw: () => resolve() });
    });
    const { run_id } = await submit('Think.');
    await isAsked;
    await aos.request(`/api/v1/runs/${run_id}/cancel`, { json: { reason: 'Enough.' } });
    const run = await aos.ended(run_id);
    expect(run).toMatchObject({
      status: 'cancelled',
      failure: { code: 'CANCELLED', message: 'Enough.' },
      steps: [{ status: 'cancelled' }],
    });
    // The model may have worked for it.
    expect(run.cost_cents).toBeGreaterThan(0);
  });

  test('can be cancelled in its plan', async () => {
    provider.script(says([{ id: 'a', skill: 'slow' }]));
    const isCalled = new Promise<void>((resolve) => {
      const slow = createScriptedSkill({
        id: 'slow',
        call: async ({ signal }) => {
          resolve();
          await pause(60_000, signal);
          return fail('CANCELLED');
        },
      });
      (aos.deps.skills as Map<string, typeof slow>).set('slow', slow);
    });
    const { run_id } = await submit('Be slow.');
    await isCalled;
    await aos.request(`/api/v1/runs/${run_id}/cancel`, { json: {} });
    expect(await aos.ended(run_id)).toMatchObject({
      status: 'cancelled',
      steps: [{ status: 'succeeded' }, { status: 'cancelled' }],
    });
  });

  test('is told when it names an internal skill in a plan of its own', async () => {
    const plan = [{ skill: 'plan_goal', params: { goal: 'x', allowed_skills: null } }];
    const { status, body } = await aos.request<JsonObject>('/api/v1/runs', { json: { plan } });
    expect([status, body['code']]).toEqual([422, 'SKILL_NOT_FOUND']);
    provider.script(says(plan));
    expect(await pursue('Plan a plan.')).toMatchObject({ failure: { code: 'PLANNER_FAILED' } });
    expect(JSON.stringify((await aos.request('/api/v1/runtime/skills')).body)).not.toContain(
      'plan_goal',
    );
    expect((await aos.request('/api/v1/runtime/skills/plan_goal')).status).toBe(404);
  });

  test('needs a goal or a plan', async () => {
    const { status, body } = await aos.request<JsonObject>('/api/v1/runs', { json: {} });
    expect([status, body['code']]).toEqual([422, 'PLAN_REQUIRED']);
  });
});
