import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { TenantAccount } from '../../src/contracts/account.ts';
import type { Json } from '../../src/contracts/json.ts';
import { QuestionAnswer } from '../../src/contracts/question.ts';
import { SpendBy, WhatNext, WhatWaits, WhyStepFailed } from '../../src/contracts/run-questions.ts';
import type { NextAction } from '../../src/contracts/run-questions.ts';
import type { Run } from '../../src/contracts/run.ts';
import { insertAgentRow } from '../support/agent-row.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';
import { createScriptedSkill, fail, succeed } from '../support/scripted-skill.ts';

const PATH = '/api/v1/runtime/query';
const CENT = 1_000_000;
type Fields = Record<string, unknown>;

const RESULTS = {
  why_did_step_fail: WhyStepFailed,
  what_can_i_do_next: WhatNext,
  what_is_waiting: WhatWaits,
  spend_by: SpendBy,
};

const jq = (id: string, data: Json = 1): Fields => ({
  id,
  skill: 'json_transform',
  params: { query: '.', data },
});

describe('questions about runs', () => {
  let aos: Harness;
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const dear = createScriptedSkill({
    id: 'dear',
    worstMicroCents: 3 * CENT,
    call: () => succeed('bought', 2 * CENT),
  });
  const slow = createScriptedSkill({
    id: 'slow',
    worstMicroCents: 3 * CENT,
    call: async () => {
      await released;
      return succeed('late', 0);
    },
  });
  const flaky = createScriptedSkill({ id: 'flaky', call: () => fail('HTTP_5XX', 0, 600_000) });
  beforeAll(async () => {
    aos = await startHarness({ skills: [dear, slow, flaky] });
  });
  afterAll(async () => {
    release();
    await aos.stop();
  });

  async function ask<Name extends keyof typeof RESULTS>(
    name: Name,
    more: Fields = {},
    key = aos.key,
  ): Promise<ReturnType<(typeof RESULTS)[Name]['parse']>> {
    const { status, body } = await aos.request(PATH, { key, json: { query_type: name, ...more } });
    expect({ status, body }).toMatchObject({ status: 200 });
    return RESULTS[name].strict().parse(QuestionAnswer.strict().parse(body).result) as never;
  }
  const submit = async (key: string, json: Fields): Promise<Run> =>
    (await aos.request<Run>('/api/v1/runs', { key, json })).body;
  const send = ({ method, path, body }: NextAction, key: string) =>
    aos.request<Run>(path, { key, method, ...(body !== undefined && { json: body }) });
  const named = ({ actions }: WhatNext, name: NextAction['action']): NextAction =>
    actions.find(({ action }) => action === name)!;

  describe('why_did_step_fail', () => {
    test('tells the failure that ended the run, its tries, and what the catalogue says', async () => {
      const plan = [jq('first'), { id: 'read', skill: 'fs_read', params: { path: 'gone.txt' } }];
      const { run_id } = await aos.run(plan);
      const why = await ask('why_did_step_fail', { run_id });
      expect(why).toMatchObject({
        run_id,
        run_status: 'failed',
        step: { id: 'read', status: 'failed' },
        failure: { code: 'FS_NOT_FOUND' },
        tries: [{ role: 'main', number: 1, status: 'failed' }],
        causes: [{ step_id: 'read', relation: 'itself', code: 'FS_NOT_FOUND' }],
        recommended: {
          code: 'FS_NOT_FOUND',
          action: 'fix_plan',
          page: '/docs/errors/FS_NOT_FOUND',
        },
        warnings: [],
      });
      expect(await ask('why_did_step_fail', {})).toMatchObject({ run_id });
    });

    test('follows what a step asked for back to the step that was skipped', async () => {
      const plan = [
        { id: 'read', skill: 'fs_read', params: { path: 'gone.txt' }, on_error: 'skip' },
        { ...jq('between'), depends_on: ['read'] },
        {
          id: 'use',
          skill: 'json_transform',
          params: { query: '.', data: '{{steps.read.output.text}} {{steps.between.output.x}}' },
          depends_on: ['between'],
        },
      ];
      const { run_id } = await aos.run(plan);
      const why = await ask('why_did_step_fail', { run_id });
      expect(why).toMatchObject({ failure: { code: 'REFERENCE_MISSING' }, step: { id: 'use' } });
      expect(why.causes.map(({ step_id, relation, of }) => [step_id, relation, of])).toEqual([
        ['use', 'itself', 'use'],
        ['read', 'referenced', 'use'],
        ['between', 'referenced', 'use'],
      ]);
      expect(why.causes[1]).toMatchObject({ status: 'skipped', code: 'FS_NOT_FOUND' });
      const skipped = await ask('why_did_step_fail', { run_id, params: { step_id: 'read' } });
      expect(skipped).toMatchObject({ step: { id: 'read' }, failure: { code: 'FS_NOT_FOUND' } });
      const well = await ask('why_did_step_fail', { run_id, params: { step_id: 'between' } });
      expect(well).toMatchObject({ step: { id: 'between' }, failure: null, recommended: null });
    });

    test('warns of a step and of a run that are not there', async () => {
      const { run_id } = await aos.run([jq('only')]);
      const none = await ask('why_did_step_fail', { run_id, params: { step_id: 'other' } });
      expect(none).toMatchObject({ step: null, warnings: [{ pointer: '/params/step_id' }] });
      const stranger = await aos.createKey('stranger');
      const theirs = await ask('why_did_step_fail', { run_id }, stranger);
      expect(theirs).toMatchObject({ run_id: null, warnings: [{ code: 'RUN_NOT_FOUND' }] });
    });
  });

  describe('what_can_i_do_next', () => {
    test('offers what the role of the key may do, and each of it works as it is', async () => {
      const operator = await aos.createKey('default', null, 'operator');
      const viewer = await aos.createKey('default', null, 'viewer');
      const { run_id } = await aos.run([jq('only', 7)], { goal: 'Seven.', labels: { team: 'a' } });
      const next = await ask('what_can_i_do_next', { run_id }, operator);
      expect(next).toMatchObject({ run_id, status: 'succeeded' });
      expect(next.actions.map(({ action }) => action)).toEqual([
        'read_output',
        'submit_again',
        'read_run',
      ]);
      expect((await send(named(next, 'read_output'), operator)).body).toBe(7);
      const again = await send(named(next, 'submit_again'), operator);
      expect(again).toMatchObject({ status: 202, body: { goal: 'Seven.', labels: { team: 'a' } } });
      expect(await send(named(next, 'read_run'), operator)).toMatchObject({ status: 200 });
      const seen = await ask('what_can_i_do_next', { run_id }, viewer);
      expect(seen.actions.map(({ action }) => action)).toEqual(['read_output', 'read_run']);
    });

    test('a run that had too little money or time is submitted with more', async () => {
      const poor = await aos.run([{ id: 'buy', skill: 'dear' }], { budget_cents: 1 });
      const next = await ask('what_can_i_do_next', { run_id: poor.run_id });
      expect(named(next, 'ask_why').body).toMatchObject({ run_id: poor.run_id });
      const again = await send(named(next, 'submit_again'), aos.key);
      expect(await aos.ended(again.body.run_id)).toMatchObject({ status: 'succeeded' });
    });

    test('an open run can be waited for and cancelled', async () => {
      const run = await aos.submit([{ id: 'wait', skill: 'flaky' }]);
      const next = await ask('what_can_i_do_next', { run_id: run.run_id });
      expect(next.actions.map(({ action }) => action)).toEqual(['wait', 'cancel']);
      expect((await send(named(next, 'cancel'), aos.key)).status).toBeLessThan(300);
      expect(await aos.ended(run.run_id)).toMatchObject({ status: 'cancelled' });
    });

    test('without a run: submit, and with nothing left top up, all as they are', async () => {
      const key = await aos.createKey('empty', 0);
      const next = await ask('what_can_i_do_next', {}, key);
      expect(next.actions.map(({ action }) => action)).toEqual([
        'top_up',
        'submit',
        'read_capabilities',
        'read_plan_schema',
      ]);
      for (const action of next.actions) {
        expect((await send(action, key)).status).toBeLessThan(300);
      }
      const archived = await insertAgentRow(aos.pool, {
        tenant_id: 'empty',
        status: 'archived',
        archived_at: new Date(),
      });
      const none = await ask('what_can_i_do_next', { agent_id: archived }, key);
      expect(named(none, 'submit')).toBeUndefined();
    });
  });

  describe('what_is_waiting', () => {
    test('tells the answer, the money and the retry that steps wait for', async () => {
      const key = await aos.createKey('waiting');
      const both = await submit(key, {
        plan: [
          { id: 'call', skill: 'slow', depends_on: [] },
          { id: 'next', skill: 'slow', depends_on: [] },
        ],
        budget_cents: 4,
      });
      const again = await submit(key, {
        plan: { steps: [{ id: 'call', skill: 'flaky', retry: { max_attempts: 2 } }] },
      });
      const waitsOf = async (runId: string): Promise<string[]> =>
        (await ask('what_is_waiting', { run_id: runId }, key)).waiting.map(
          ({ waits_for }) => waits_for,
        );
      const eventually = async (runId: string, waits: string[]): Promise<void> => {
        // The steps of a run begin one after the other: each look takes a round trip.
        while ((await waitsOf(runId)).toSorted().join() !== waits.join()) await setImmediately();
      };
      await eventually(both.run_id, ['answer', 'money']);
      await eventually(again.run_id, ['retry']);
      const all = await ask('what_is_waiting', {}, key);
      expect(all).toMatchObject({ count: 3, has_more: false });
      const retry = all.waiting.find(({ waits_for }) => waits_for === 'retry')!;
      expect(Date.parse(retry.until) - Date.parse(retry.since)).toBe(600_000);
      expect((await ask('what_is_waiting', {}, await aos.createKey('idle'))).waiting).toEqual([]);
      await aos.request(`/api/v1/runs/${again.run_id}/cancel`, { key, json: {} });
      release();
    });

    test('tells a run that Temporal has not begun', async () => {
      const resting = await startHarness({ worker: false, reconciler: false });
      try {
        const run = await resting.submit([{ id: 'a', skill: 'fs_read', params: { path: 'x' } }]);
        const { body } = await resting.request<QuestionAnswer>(PATH, {
          json: { query_type: 'what_is_waiting' },
        });
        expect(body.result).toMatchObject({
          waiting: [
            { run_id: run.run_id, step_id: null, waits_for: 'start', until: run.deadline_at },
          ],
        });
      } finally {
        await resting.stop();
      }
    });
  });

  describe('spend_by', () => {
    test('sums each cost once, and all of it is what the ledger has', async () => {
      const key = await aos.createKey('spender');
      const agent_id = await insertAgentRow(aos.pool, { tenant_id: 'spender' });
      for (const fields of [
        { agent_id, labels: { team: 'a' } },
        { labels: { team: 'b', "it's": 'x' } },
        { labels: { team: 'a' }, plan: [{ id: 'buy', skill: 'dear' }, jq('free')] },
      ]) {
        const plan = [
          { id: 'one', skill: 'dear', depends_on: [] },
          { id: 'two', skill: 'dear', depends_on: [] },
        ];
        const run = await submit(key, { plan, goal: 'Buy.', ...fields });
        await aos.request(`/api/v1/runs/${run.run_id}?wait=30s`, { key });
      }
      const by = async (
        group_by: string,
        more: Fields = {},
      ): Promise<[string | null, number][]> => {
        const { groups, total_cents } = await ask(
          'spend_by',
          { ...more, params: { group_by } },
          key,
        );
        expect(groups.reduce((sum, { spent_cents }) => sum + spent_cents, 0)).toBe(total_cents);
        return groups.map(({ group, spent_cents }) => [group, spent_cents]);
      };
      expect(await by('skill')).toEqual([['dear', 10]]);
      expect(await by('label:team')).toEqual([
        ['a', 6],
        ['b', 4],
      ]);
      expect(await by("label:it's")).toEqual([
        [null, 6],
        ['x', 4],
      ]);
      expect(await by('agent')).toEqual([
        [null, 6],
        [agent_id, 4],
      ]);
      expect(await by('agent', { agent_id })).toEqual([[agent_id, 4]]);
      expect((await by('run')).map(([, spent]) => spent)).toEqual([4, 4, 2]);
      expect((await by('key')).map(([, spent]) => spent)).toEqual([10]);
      expect(await by('day')).toHaveLength(1);
      const { body } = await aos.request<TenantAccount>('/api/v1/account', { key });
      expect(body.budget.spent_cents).toBe(10);
      const past = { since: '2000-01-01', until: '2000-01-02', group_by: 'skill' };
      expect(await ask('spend_by', { params: past }, key)).toMatchObject({
        total_cents: 0,
        groups: [],
      });
    });

    test.each([['colour'], ['label:'], [5]])('refuses the grouping %j', async (group_by) => {
      const { status, body } = await aos.request(PATH, {
        json: { query_type: 'spend_by', params: { group_by } },
      });
      expect({ status, body }).toMatchObject({
        status: 422,
        body: { errors: [{ pointer: '/params/group_by' }] },
      });
    });

    test.each(['9999-12-31T23:59:59-14:00', '0000-01-01', 'soon'])(
      'refuses the time %s',
      async (until) => {
        const { status, body } = await aos.request(PATH, {
          json: { query_type: 'spend_by', params: { until } },
        });
        expect({ status, body }).toMatchObject({
          status: 422,
          body: { errors: [{ pointer: '/params/until' }] },
        });
      },
    );

    test('takes a time without an offset by UTC, wherever the server is', async () => {
      const { body } = await aos.request(PATH, {
        json: { query_type: 'spend_by', params: { since: '2026-01-31T12:00:00' } },
      });
      expect(body).toMatchObject({ result: { since: '2026-01-31T12:00:00.000Z' } });
    });
  });
});

const setImmediately = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
