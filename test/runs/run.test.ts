import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Run, RunPage } from '../../src/contracts/run.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';
import { createScriptedSkill, fail, pause, succeed } from '../support/scripted-skill.ts';

const CENT = 1_000_000;
const echo = createScriptedSkill({
  id: 'echo',
  call: ({ params }) => succeed(params['value'] ?? null),
});
const flaky = createScriptedSkill({
  id: 'flaky',
  call: (_call, n) => (n % 2 === 1 ? fail('HTTP_5XX') : succeed('up')),
});
const broken = createScriptedSkill({ id: 'broken', call: () => fail('HTTP_4XX') });
const paid = createScriptedSkill({
  id: 'paid',
  worstMicroCents: 10 * CENT,
  call: async ({ signal }) => {
    await pause(300, signal);
    return succeed('paid', 4 * CENT);
  },
});
const greedy = createScriptedSkill({
  id: 'greedy',
  worstMicroCents: 2 * CENT,
  call: () => succeed('more', 9 * CENT),
});
const slow = createScriptedSkill({
  id: 'slow',
  worstMicroCents: CENT,
  call: async ({ signal }) => {
    await pause(20_000, signal);
    return signal.aborted ? fail('CANCELLED', CENT / 2) : succeed('late');
  },
});
const big = createScriptedSkill({
  id: 'big',
  call: ({ params }) => succeed('x'.repeat(Number(params['value']) * 1024 * 1024)),
});

describe('a run', () => {
  let aos: Harness;
  beforeAll(async () => {
    aos = await startHarness({ skills: [echo, flaky, broken, paid, greedy, slow, big] });
  });
  afterAll(async () => {
    const violations = await aos.audit();
    await aos.stop();
    expect(violations).toEqual([]);
  });

  const transform = (id: string, query: string, data?: unknown) => ({
    id,
    skill: 'json_transform',
    params: { query, ...(data !== undefined && { data }) },
  });

  test('of inline steps alone succeeds with the last value', async () => {
    const run = await aos.run([
      transform('a', '.n + 1', { n: 1 }),
      transform('b', '. * 10'),
      transform('c', '.'),
    ]);
    expect(Run.parse(run)).toMatchObject({
      status: 'succeeded',
      output: 20,
      current_step: 3,
      total_steps: 3,
    });
    expect(run).toMatchObject({ outcome: { success: true, result: 20, data: 20 } });
  });

  test('of effectful and inline steps passes values on in both directions', async () => {
    const run = await aos.run(
      [
        { id: 'first', skill: 'echo', params: { value: { list: [3, 1, 2] } } },
        transform('sorted', 'sort', '{{steps.first.output.list}}'),
        {
          id: 'last',
          skill: 'echo',
          params: { value: 'got {{steps.sorted.output}} of {{input.who}}' },
        },
      ],
      { input: { who: 'Ada' } },
    );
    expect(run).toMatchObject({ status: 'succeeded', output: 'got [1,2,3] of Ada' });
  });

  test('runs independent steps of a graph together', async () => {
    const plan = {
      steps: [
        { id: 'p1', skill: 'paid', depends_on: [] },
        { id: 'p2', skill: 'paid', depends_on: [] },
        {
          id: 'join',
          skill: 'echo',
          depends_on: ['p1', 'p2'],
          params: { value: '{{steps.p1.output}}+{{steps.p2.output}}' },
        },
      ],
    };
    const run = await aos.run(plan, { budget_cents: 100 });
    expect(run).toMatchObject({ status: 'succeeded', output: 'paid+paid', cost_cents: 8 });
    const [p1, p2] = run.steps!;
    expect(Date.parse(p2!.started_at!)).toBeLessThan(Date.parse(p1!.completed_at!));
  });

  test('tries a failing step again and tells how often', async () => {
    const run = await aos.run([
      { id: 'up', skill: 'flaky', retry: { max_attempts: 3, backoff_ms: 10 } },
    ]);
    expect(run).toMatchObject({ status: 'succeeded', steps: [{ tries: 2 }] });
    const { try_list } = await aos.step(run.run_id, 'up');
    expect(try_list).toMatchObject([
      { status: 'failed', failure: { code: 'HTTP_5XX' } },
      { status: 'succeeded' },
    ]);
  });

  test('that fails says why, and the steps behind the failure stay pending', async () => {
    const run = await aos.run([
      { id: 'no', skill: 'broken' },
      { id: 'after', skill: 'echo' },
    ]);
    expect(run).toMatchObject({
      status: 'failed',
      failure: { code: 'HTTP_4XX', step_id: 'no' },
      outcome: { success: false, error: { code: 'HTTP_4XX' } },
      steps: [{ status: 'failed', tries: 1 }, { status: 'pending' }],
    });
  });

  test('goes on past a failed step that may be skipped, and past a false condition', async () => {
    const run = await aos.run(
      [
        { id: 'no', skill: 'broken', on_error: 'skip' },
        {
          id: 'never',
          skill: 'echo',
          when: { ref: 'input.flag', op: 'eq', value: true },
          params: { value: 1 },
        },
        { id: 'why', skill: 'echo', params: { value: '{{steps.no.failure.code}}' } },
      ],
      { input: { flag: false } },
    );
    expect(run).toMatchObject({
      status: 'succeeded',
      output: 'HTTP_4XX',
      steps: [{ status: 'skipped' }, { status: 'skipped', tries: 0 }, { status: 'succeeded' }],
    });
  });

  test('takes the value of a fallback for the step', async () => {
    const run = await aos.run([
      { id: 'no', skill: 'broken', fallback: { skill: 'echo', params: { value: 'plan B' } } },
      { id: 'use', skill: 'echo', params: { value: '{{steps.no.output}}' } },
    ]);
    expect(run).toMatchObject({ status: 'succeeded', output: 'plan B' });
    const { effect_key } = await aos.step(run.run_id, 'no');
    expect(effect_key).toBe(`${run.run_id}/no/1/fallback`);
  });

  test('fails on a path that is not there', async () => {
    const run = await aos.run([
      { id: 'a', skill: 'echo', params: { value: { b: 1 } } },
      { id: 'c', skill: 'echo', params: { value: '{{steps.a.output.missing}}' } },
    ]);
    expect(run).toMatchObject({
      status: 'failed',
      failure: { code: 'REFERENCE_MISSING', step_id: 'c' },
    });
  });

  test('never reads an output for references', async () => {
    const run = await aos.run(
      [
        { id: 'a', skill: 'echo', params: { value: '\\{{input.secret}}' } },
        { id: 'b', skill: 'echo', params: { value: '{{steps.a.output}}' } },
      ],
      { input: { secret: 'no' } },
    );
    expect(run).toMatchObject({ status: 'succeeded', output: '{{input.secret}}' });
  });

  test('with a budget for two of three calls stops at the third and says what was missing', async () => {
    const run = await aos.run(
      ['a', 'b', 'c'].map((id) => ({ id, skill: 'paid' })),
      { budget_cents: 15 },
    );
    expect(run).toMatchObject({
      status: 'failed',
      failure: { code: 'BUDGET_EXCEEDED', step_id: 'c' },
      cost_cents: 8,
    });
    expect(run.status === 'failed' && run.failure.detail).toMatch(
      /limit of 15 cents.*8 cents settled.*up to 10 cents/s,
    );
    expect((await aos.ledger(run.run_id)).account).toMatchObject({
      limit_cents: 15,
      reserved_cents: 0,
      settled_cents: 8,
    });
  });

  test('lets two parallel steps take turns when their worst cases do not fit together', async () => {
    const plan = {
      steps: ['a', 'b'].map((id) => ({ id, skill: 'paid', depends_on: [] })),
      max_parallel: 2,
    };
    const run = await aos.run(plan, { budget_cents: 14 });
    expect(run).toMatchObject({ status: 'succeeded', cost_cents: 8 });
    expect(run.steps).toMatchObject([{ tries: 1 }, { tries: 1 }]);
  });

  test('refuses a call above the cap of its step', async () => {
    const run = await aos.run([{ id: 'a', skill: 'paid', max_cost_cents: 9 }]);
    expect(run).toMatchObject({
      status: 'failed',
      failure: { code: 'BUDGET_EXCEEDED' },
      cost_cents: 0,
    });
  });

  test('shows what a call cost above its hold as overage, and begins nothing paid after it', async () => {
    const run = await aos.run(
      [
        { id: 'a', skill: 'greedy' },
        { id: 'b', skill: 'paid' },
      ],
      { budget_cents: 5 },
    );
    expect(run).toMatchObject({
      status: 'failed',
      failure: { code: 'BUDGET_EXCEEDED', step_id: 'b' },
      cost_cents: 9,
    });
    expect((await aos.ledger(run.run_id)).account).toMatchObject({
      settled_cents: 5,
      overage_cents: 4,
      reserved_cents: 0,
    });
  });

  test('with no budget runs a free plan and refuses a paid call', async () => {
    expect(
      await aos.run([{ skill: 'echo', params: { value: 1 } }], { budget_cents: 0 }),
    ).toMatchObject({ status: 'succeeded' });
    expect(await aos.run([{ skill: 'paid' }], { budget_cents: 0 })).toMatchObject({
      failure: { code: 'BUDGET_EXCEEDED' },
    });
  });

  test('keeps a large output as an artifact whose value a reference still yields', async () => {
    const run = await aos.run([
      { id: 'large', skill: 'big', params: { value: 3 } },
      transform('length', 'length', '{{steps.large.output}}'),
    ]);
    expect(run).toMatchObject({ status: 'succeeded', output: 3 * 1024 * 1024 });
    const step = await aos.step(run.run_id, 'large');
    expect(step.output).toMatchObject({
      bytes: 3 * 1024 * 1024 + 2,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const { ref } = step.output as { ref: string };
    expect((await aos.request<string>(ref)).body).toHaveLength(3 * 1024 * 1024);
  });

  test('refuses an output above the cap', async () => {
    const run = await aos.run([{ id: 'huge', skill: 'big', params: { value: 11 } }]);
    expect(run).toMatchObject({ status: 'failed', failure: { code: 'OUTPUT_TOO_LARGE' } });
  });

  test('is cancelled within about a second, skill and all', async () => {
    const run = await aos.submit([
      { id: 'wait', skill: 'slow' },
      { id: 'after', skill: 'echo' },
    ]);
    while ((await aos.step(run.run_id, 'wait')).status !== 'running')
      await pause(20, new AbortController().signal);
    const before = Date.now();
    const answer = await aos.request(`/api/v1/runs/${run.run_id}/cancel`, {
      json: { reason: 'changed my mind' },
    });
    expect(answer.status).toBeLessThan(300);
    const ended = await aos.ended(run.run_id);
    expect(Date.now() - before).toBeLessThan(4000);
    expect(ended).toMatchObject({
      status: 'cancelled',
      failure: { code: 'CANCELLED', detail: 'changed my mind' },
      cost_cents: 0.5,
      steps: [{ status: 'cancelled' }, { status: 'pending' }],
    });
    expect((await aos.request(`/api/v1/runs/${run.run_id}/cancel`, { json: {} })).status).toBe(200);
  });

  test('that passes its deadline fails with it, whatever its skill is doing', async () => {
    const run = await aos.run({ steps: [{ id: 'wait', skill: 'slow' }], deadline_ms: 1500 });
    expect(run).toMatchObject({ status: 'failed', failure: { code: 'DEADLINE_EXCEEDED' } });
  });

  test.each([
    ['cancelled', 'Cancelled in Temporal.', (handle: WorkflowHandle) => handle.cancel()],
    [
      'signalled',
      'by a signal',
      (handle: WorkflowHandle) => handle.signal('cancel', { reason: 'by a signal' }),
    ],
    [
      'updated',
      'by an update',
      (handle: WorkflowHandle) =>
        handle.executeUpdate('cancel', { args: [{ reason: 'by an update' }] }),
    ],
  ])(
    '%s in Temporal is cancelled in Postgres, its cost and its reason kept',
    async (_how, reason, tell) => {
      const run = await aos.submit([{ id: 'wait', skill: 'slow' }]);
      while ((await aos.step(run.run_id, 'wait')).status !== 'running')
        await pause(20, new AbortController().signal);
      await tell(aos.client.workflow.getHandle(`${run.run_id}.1`));
      expect(await aos.ended(run.run_id)).toMatchObject({
        status: 'cancelled',
        failure: { code: 'CANCELLED', detail: reason },
        cost_cents: 0.5,
        steps: [{ status: 'cancelled' }],
      });
    },
  );

  test('terminated in Temporal is closed by the reconciler, and nothing stays reserved', async () => {
    const run = await aos.submit([{ id: 'wait', skill: 'slow' }]);
    while ((await aos.step(run.run_id, 'wait')).status !== 'running')
      await pause(20, new AbortController().signal);
    await aos.client.workflow.getHandle(`${run.run_id}.1`).terminate('by an operator');
    const ended = await aos.ended(run.run_id);
    expect(ended).toMatchObject({ status: 'cancelled', failure: { code: 'TERMINATED' } });
    expect((await aos.ledger(run.run_id)).account).toMatchObject({
      reserved_cents: 0,
      settled_cents: 1,
    });
  });

  test('shows in the list how far it came and what it cost', async () => {
    const run = await aos.run(
      [
        { id: 'a', skill: 'paid' },
        { id: 'b', skill: 'broken' },
        { id: 'c', skill: 'echo' },
      ],
      {
        labels: { of: 'list' },
      },
    );
    const { body } = await aos.request<RunPage>('/api/v1/runs?label=of=list');
    expect(RunPage.parse(body).data).toMatchObject([
      {
        run_id: run.run_id,
        status: 'failed',
        current_step: 2,
        total_steps: 3,
        cost_cents: 4,
        failure: { code: 'HTTP_4XX', step_id: 'b' },
      },
    ]);
    expect(body.data[0]).not.toHaveProperty('steps');
  });

  test('puts no param, input or output into its history', async () => {
    const run = await aos.run(
      [{ id: 'a', skill: 'echo', params: { value: 'sesame {{input.word}}' } }],
      { input: { word: 'open' } },
    );
    const history = await aos.client.workflow.getHandle(`${run.run_id}.1`).fetchHistory();
    const text = JSON.stringify(history, (_key, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
    );
    expect(text).toContain('executeStep');
    expect(text).not.toMatch(/sesame|open/);
  });
});
