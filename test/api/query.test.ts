import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import type { Failure } from '../../src/contracts/failures.ts';
import type { Json } from '../../src/contracts/json.ts';
import type { CreatedKey } from '../../src/contracts/key.ts';
import {
  AllowedSkills,
  LastStepOutcome,
  QUESTION_NAMES,
  QuestionAnswer,
  RemainingBudget,
  SkillsForGoal,
  TriedAlready,
  UnknownQuestion,
} from '../../src/contracts/question.ts';
import type { QuestionName } from '../../src/contracts/question.ts';
import { SpendBy, WhatNext, WhatWaits, WhyStepFailed } from '../../src/contracts/run-questions.ts';
import { PLAN_ROUTES } from '../../src/contracts/routes/plans.ts';
import type { Run } from '../../src/contracts/run.ts';
import { insertAgentRow } from '../support/agent-row.ts';
import type { Answer, Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';
import { createScriptedSkill, succeed } from '../support/scripted-skill.ts';

const PATH = '/api/v1/runtime/query';
const CENT = 1_000_000;
type Fields = Record<string, unknown>;

const RESULTS = {
  why_did_step_fail: WhyStepFailed,
  what_can_i_do_next: WhatNext,
  what_is_waiting: WhatWaits,
  spend_by: SpendBy,
  remaining_budget_cents: RemainingBudget,
  what_did_i_try_already: TriedAlready,
  allowed_skills: AllowedSkills,
  last_step_outcome: LastStepOutcome,
  skills_available_for_goal: SkillsForGoal,
};

const jq = (query: string, more: Fields = {}): Fields => ({
  skill: 'json_transform',
  params: { query, data: { a: 1 } },
  ...more,
});

describe('POST /api/v1/runtime/query', () => {
  let aos: Harness;
  const dear = createScriptedSkill({
    id: 'dear',
    worstMicroCents: 3 * CENT,
    call: () => succeed('bought', 2 * CENT),
  });
  beforeAll(async () => {
    aos = await startHarness({ skills: [dear] });
  });
  afterAll(() => aos.stop());

  const post = <T = Json>(json: unknown, key?: string): Promise<Answer<T>> =>
    aos.request<T>(PATH, { json, ...(key && { key }) });
  async function ask<Name extends QuestionName>(
    name: Name,
    more: Fields = {},
    key?: string,
  ): Promise<ReturnType<(typeof RESULTS)[Name]['parse']>> {
    const { status, body } = await post({ query_type: name, ...more }, key);
    expect({ status, body }).toMatchObject({ status: 200 });
    const answer = QuestionAnswer.strict().parse(body);
    expect(answer.query_type).toBe(name);
    expect(answer.supported_queries).toEqual(QUESTION_NAMES);
    return RESULTS[name].strict().parse(answer.result) as never;
  }
  const codesOf = ({ warnings }: { warnings: { code: string }[] }): string[] =>
    warnings.map(({ code }) => code);
  const boundKey = async (agentId: string): Promise<string> =>
    (
      await aos.request<CreatedKey>('/api/v1/keys', {
        json: { name: 'bound', role: 'viewer', agent_id: agentId },
      })
    ).body.key;

  test('has an example in its documented shape', () => {
    const { example } = PLAN_ROUTES.askQuestion.answers[200];
    expect(QuestionAnswer.strict().parse(example)).toEqual(example);
  });

  test('tells what can be asked to whoever asks nothing', async () => {
    const { status, body } = await post<Failure>({});
    expect({ status, code: body.code }).toEqual({ status: 422, code: 'INVALID_REQUEST' });
    for (const word of [...QUESTION_NAMES, '`from`', 'GET /api/v1/runtime/query-schema'])
      expect(body.detail).toContain(word);
  });

  test('is for viewers too', async () => {
    const key = await aos.createKey('default', null, 'viewer');
    for (const name of QUESTION_NAMES) {
      expect(await ask(name, {}, key)).toMatchObject({ warnings: expect.any(Array) });
    }
  });

  test.each(['', 'what_is_the_time', 'constructor', '__proto__', 'ALLOWED_SKILLS'])(
    'answers the unknown question %j with those it knows',
    async (name) => {
      const { status, body } = await post({ query_type: name, params: { any: [1] } });
      expect(status).toBe(200);
      const { query_type, result, supported_queries } = QuestionAnswer.parse(body);
      expect({ query_type, supported_queries }).toEqual({
        query_type: name,
        supported_queries: QUESTION_NAMES,
      });
      const { error, supported } = UnknownQuestion.parse(result);
      expect(error).not.toBe('');
      expect(supported).toEqual(QUESTION_NAMES);
    },
  );

  test.each<[string, unknown, string]>([
    ['no question', {}, '/query_type'],
    ['a question that is a number', { query_type: 5 }, '/query_type'],
    ['params that are a list', { query_type: 'allowed_skills', params: [] }, '/params'],
    ['an agent that is a number', { query_type: 'allowed_skills', agent_id: 5 }, '/agent_id'],
    ['a run that is an object', { query_type: 'allowed_skills', run_id: {} }, '/run_id'],
    [
      'a goal that is a number',
      { query_type: 'skills_available_for_goal', params: { goal: 5 } },
      '/params/goal',
    ],
    [
      'a misspelt goal',
      { query_type: 'skills_available_for_goal', params: { gaol: 'x' } },
      '/params/gaol',
    ],
    [
      'too long a history',
      { query_type: 'what_did_i_try_already', params: { limit: 201 } },
      '/params/limit',
    ],
  ])('refuses %s', async (_what, json, pointer) => {
    const { status, body } = await post<Failure>(json);
    expect({ status, code: body.code }).toEqual({ status: 422, code: 'INVALID_REQUEST' });
    expect(body.errors!.map((problem) => problem.pointer)).toEqual([pointer]);
  });

  test('takes null for what is not named, and warns of what it does not know', async () => {
    const { body } = await post<QuestionAnswer>({
      query_type: 'allowed_skills',
      params: { depth: 1 },
      agent_id: null,
      run_id: null,
      colour: 'red',
    });
    expect(body.warnings.map(({ pointer }) => pointer)).toEqual(['/colour', '/params/depth']);
    expect(body.result.warnings).toEqual([]);
    await ask('allowed_skills', { params: null });
  });

  describe('remaining_budget_cents', () => {
    test('counts down from the most that a budget can be, where there is no limit', async () => {
      const key = await aos.createKey('rich');
      const before = await ask('remaining_budget_cents', {}, key);
      expect(before).toMatchObject({
        total_cents: 9_000_000_000,
        spent_cents: 0,
        remaining_cents: 9_000_000_000,
        limited: false,
        level: 'tenant',
      });
      const { body } = await aos.request<Run>('/api/v1/runs', {
        key,
        json: { plan: [{ skill: 'dear' }], budget_cents: 10 },
      });
      await aos.request(`/api/v1/runs/${body.run_id}?wait=30s`, { key });
      const after = await ask('remaining_budget_cents', {}, key);
      expect(after).toMatchObject({ spent_cents: 2, remaining_cents: 8_999_999_998 });
    });

    test('tells the level with the least: the key, the agent, the tenant', async () => {
      const key = await aos.createKey('thrifty', 50 * CENT);
      const agent_id = await insertAgentRow(aos.pool, {
        tenant_id: 'thrifty',
        budget_micro_cents: 20.25 * CENT,
        budget_period: 'monthly',
      });
      expect(await ask('remaining_budget_cents', {}, key)).toMatchObject({
        level: 'tenant',
        total_cents: 50,
        remaining_cents: 50,
      });
      const ofAgent = await ask('remaining_budget_cents', { agent_id }, key);
      expect(ofAgent).toMatchObject({ level: 'agent', total_cents: 20.25, remaining_cents: 20.25 });
      expect(ofAgent.budgets.map(({ level, period }) => [level, period])).toEqual([
        ['agent', 'monthly'],
        ['tenant', 'total'],
      ]);
      const { body } = await aos.request<CreatedKey>('/api/v1/keys', {
        key,
        json: { name: 'small', role: 'viewer', budget_cents: 1.5 },
      });
      const ofKey = await ask('remaining_budget_cents', { agent_id }, body.key);
      expect(ofKey).toMatchObject({ level: 'key', total_cents: 1.5 });
      expect(ofKey.budgets.map(({ level }) => level)).toEqual(['agent', 'key', 'tenant']);
    });

    test('always adds up, whatever is spent, held or over', async () => {
      const key = await aos.createKey('sums', 10 * CENT);
      const cases = [
        [0, 0, 0, 10],
        [3_333_333, 0, 0, 6.666667],
        [3_000_000, 2_500_000, 0, 4.5],
        [9_000_000, 0, 5_000_000, 0],
        [1_000_000, 0, 1, 0],
      ] as const;
      for (const [settled, reserved, overage, remaining] of cases) {
        await aos.pool.query(
          `UPDATE accounts SET settled_micro_cents = $1, reserved_micro_cents = $2, overage_micro_cents = $3
           WHERE id = 'tenant/sums'`,
          [settled, reserved, overage],
        );
        const budget = await ask('remaining_budget_cents', {}, key);
        expect(budget.remaining_cents).toBe(remaining);
        expect(budget.spent_cents).toBeGreaterThanOrEqual(0);
        const { total_cents: total, spent_cents: spent } = budget;
        expect(budget.remaining_cents).toBeCloseTo(Math.max(0, total - spent), 6);
      }
    });
  });

  describe('of runs', () => {
    let agent: string;
    let good: Run;
    let bad: Run;
    beforeAll(async () => {
      agent = await insertAgentRow(aos.pool);
      const of = { agent_id: agent, goal: 'Try.' };
      good = await aos.run([{ id: 'buy', skill: 'dear' }, jq('.a', { id: 'pick' })], of);
      bad = await aos.run(
        [
          jq('.a', { id: 'first' }),
          {
            id: 'read',
            skill: 'fs_read',
            params: { path: 'nothing.txt' },
            description: '\ud800',
            fallback: { skill: 'fs_read', params: { path: 'nor this.txt' } },
          },
        ],
        of,
      );
    });

    test('what_did_i_try_already names the skills of a run, newest first', async () => {
      expect(good.status).toBe('succeeded');
      const tried = await ask('what_did_i_try_already', { run_id: good.run_id });
      expect(tried).toMatchObject({
        count: 2,
        has_more: false,
        history: [
          { run_id: good.run_id, agent_id: agent, step_id: 'pick', skill_id: 'json_transform' },
          { step_id: 'buy', skill_id: 'dear', cost_cents: 2, role: 'main', try: 1 },
        ],
        warnings: [],
      });
      expect(tried.history.every(({ ok, status }) => ok && status === 'succeeded')).toBe(true);
    });

    test('what_did_i_try_already tells what failed, and the fallback by its own skill', async () => {
      const { history } = await ask('what_did_i_try_already', { run_id: bad.run_id });
      expect(history.map(({ step_id, role, ok }) => [step_id, role, ok])).toEqual([
        ['read', 'fallback', false],
        ['read', 'main', false],
        ['first', 'main', true],
      ]);
      expect(history[0]).toMatchObject({
        skill_id: 'fs_read',
        code: 'FS_NOT_FOUND',
        retryable: false,
        message: expect.stringContaining('nor this.txt'),
      });
    });

    test("what_did_i_try_already goes over an agent's runs", async () => {
      const { history } = await ask('what_did_i_try_already', { agent_id: agent });
      expect(history.map(({ run_id }) => run_id)).toEqual([
        ...Array<string>(3).fill(bad.run_id),
        ...Array<string>(2).fill(good.run_id),
      ]);
      const some = await ask('what_did_i_try_already', { agent_id: agent, params: { limit: 2 } });
      expect(some).toMatchObject({ count: 2, has_more: true });
      expect(some.history).toEqual(history.slice(0, 2));
      const all = await ask('what_did_i_try_already');
      expect(all.history.length).toBeGreaterThanOrEqual(5);
    });

    test('what_did_i_try_already tells runs that name an agent which nobody has made', async () => {
      const run = await aos.run([jq('.a')], { agent_id: 'my-first-agent', goal: 'Try.' });
      const tried = await ask('what_did_i_try_already', { agent_id: 'my-first-agent' });
      expect(tried.history.map(({ run_id }) => run_id)).toEqual([run.run_id]);
      expect(codesOf(tried)).toEqual(['AGENT_NOT_FOUND']);
    });

    test('last_step_outcome of a run that has succeeded', async () => {
      expect(await ask('last_step_outcome', { run_id: good.run_id })).toMatchObject({
        run_id: good.run_id,
        outcome: { ok: true, step_id: 'pick', skill_id: 'json_transform', output: 1, tries: 1 },
      });
    });

    test("last_step_outcome of the agent's newest run, which has failed", async () => {
      for (const about of [{ agent_id: agent }, { run_id: bad.run_id }]) {
        const { outcome } = await ask('last_step_outcome', about);
        expect(outcome).toMatchObject({
          ok: false,
          run_id: bad.run_id,
          step_id: 'read',
          status: 'failed',
          code: 'FS_NOT_FOUND',
        });
        expect(outcome).not.toHaveProperty('output');
      }
    });

    test('last_step_outcome is null while no step has ended', async () => {
      const key = await aos.createKey('fresh');
      expect(await ask('last_step_outcome', {}, key)).toMatchObject({
        outcome: null,
        run_id: null,
      });
      const when = { ref: 'input.x', op: 'exists' };
      const { body } = await aos.request<Run>('/api/v1/runs', {
        key,
        json: { plan: [jq('.a', { when })] },
      });
      await aos.request(`/api/v1/runs/${body.run_id}?wait=30s`, { key });
      expect(await ask('last_step_outcome', {}, key)).toMatchObject({
        outcome: null,
        run_id: body.run_id,
      });
      expect((await ask('what_did_i_try_already', {}, key)).history).toEqual([]);
    });

    test.each<[string, () => Promise<Fields> | Fields, string[]]>([
      ['a run that is none', () => ({ run_id: 'run-1' }), ['RUN_NOT_FOUND']],
      ['a run that is not there', () => ({ run_id: `run_${uuidv7()}` }), ['RUN_NOT_FOUND']],
      ['SQL for a run', () => ({ run_id: "run_' OR 1=1 --" }), ['RUN_NOT_FOUND']],
      ['an agent that is not there', () => ({ agent_id: 'agent_x' }), ['AGENT_NOT_FOUND']],
      [
        "another agent's run",
        async () => ({ run_id: good.run_id, agent_id: await insertAgentRow(aos.pool) }),
        ['RUN_NOT_FOUND'],
      ],
    ])('answers with nothing, and a warning, about %s', async (_what, about, codes) => {
      const named = await about();
      const tried = await ask('what_did_i_try_already', named);
      expect(tried).toMatchObject({ history: [], count: 0, has_more: false });
      const last = await ask('last_step_outcome', named);
      expect(last).toMatchObject({ outcome: null, run_id: null });
      expect([codesOf(tried), codesOf(last)]).toEqual([codes, codes]);
    });

    test("knows nothing of another tenant's runs and agents", async () => {
      const key = await aos.createKey('stranger');
      for (const about of [{ run_id: good.run_id }, { agent_id: agent }, {}]) {
        expect((await ask('what_did_i_try_already', about, key)).history).toEqual([]);
        expect((await ask('last_step_outcome', about, key)).outcome).toBeNull();
      }
      const limited = await insertAgentRow(aos.pool, { allowed_skills: [] });
      const asked = await ask('allowed_skills', { agent_id: limited }, key);
      expect(asked.skills).toContain('http_call');
      expect(codesOf(asked)).toEqual(['AGENT_NOT_FOUND']);
    });

    test('a key that is bound to an agent asks about that one alone', async () => {
      const key = await boundKey(agent);
      const { history } = await ask('what_did_i_try_already', {}, key);
      expect(new Set(history.map(({ agent_id }) => agent_id))).toEqual(new Set([agent]));
      const own = await ask('last_step_outcome', { run_id: good.run_id, agent_id: agent }, key);
      expect(own.outcome).toMatchObject({ ok: true });
      const theirs = await aos.run([jq('.a')]);
      const other = await insertAgentRow(aos.pool);
      for (const about of [
        { agent_id: other },
        { agent_id: 'nobody' },
        { run_id: theirs.run_id },
      ]) {
        const refused = await post({ query_type: 'last_step_outcome', ...about }, key);
        expect(refused).toMatchObject({ status: 403, body: { code: 'KEY_BOUND_TO_AGENT' } });
      }
    });
  });

  describe('allowed_skills', () => {
    test('are all, those that lack something too, which is told', async () => {
      const { skills, count, unavailable } = await ask('allowed_skills');
      expect(skills).toEqual(expect.arrayContaining(['http_call', 'json_transform', 'llm_invoke']));
      expect(skills).not.toContain('plan_goal');
      expect(count).toBe(skills.length);
      expect(unavailable.map(({ skill_id }) => skill_id)).toEqual(['email_send', 'llm_invoke']);
    });

    test("are the agent's, as far as the installation has them", async () => {
      const agent_id = await insertAgentRow(aos.pool, { allowed_skills: ['fs_read', 'gone'] });
      expect(await ask('allowed_skills', { agent_id })).toMatchObject({
        skills: ['fs_read'],
        count: 1,
        warnings: [],
      });
    });
  });

  describe('skills_available_for_goal', () => {
    test.each([
      ['Transform some JSON with a jq program.', 'json_transform'],
      ['send an HTTP request to an API', 'http_call'],
      ['Read a file from the workspace', 'fs_read'],
      ['notify the receiver by a webhook', 'webhook_send'],
    ])('%s: first %s', async (goal, first) => {
      const answer = await ask('skills_available_for_goal', { params: { goal } });
      expect(answer).toMatchObject({ goal, basis: 'word_match', warnings: [] });
      expect(answer.skills[0]).toBe(first);
      expect(answer.ranking.map(({ skill_id }) => skill_id)).toEqual(answer.skills);
    });

    test('are those that may and can be used', async () => {
      const agent_id = await insertAgentRow(aos.pool, {
        allowed_skills: ['llm_invoke', 'fs_write', 'fs_read'],
      });
      const answer = await ask('skills_available_for_goal', {
        agent_id,
        params: { goal: 'Write a file.' },
      });
      expect(answer.skills).toEqual(['fs_write', 'fs_read']);
      expect(answer.unavailable).toMatchObject([{ skill_id: 'llm_invoke' }]);
    });

    test('are in no order without a goal, which is a warning', async () => {
      const answer = await ask('skills_available_for_goal');
      expect(answer).toMatchObject({ goal: '', warnings: [{ pointer: '/params/goal' }] });
      expect(answer.skills).toContain('http_call');
    });
  });
});
