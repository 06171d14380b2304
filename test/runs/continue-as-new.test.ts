import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { workflowIdOf } from '../../src/contracts/messages.ts';
import type { Run } from '../../src/contracts/run.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';
import { createScriptedSkill, fail, pause, succeed } from '../support/scripted-skill.ts';

const CENT = 1_000_000;

describe('a run that goes on in a new history after every third step', () => {
  let aos: Harness;
  const count = createScriptedSkill({
    id: 'count',
    worstMicroCents: 10 * CENT,
    call: ({ effectKey }) => succeed(effectKey, 2 * CENT),
  });
  const flaky = createScriptedSkill({
    id: 'flaky',
    call: (call) =>
      flaky.calls.filter((each) => each.effectKey === call.effectKey).length < 3
        ? fail('HTTP_5XX')
        : succeed('third time'),
  });
  const undo = createScriptedSkill({ id: 'undo', call: ({ effectKey }) => succeed(effectKey) });
  const slow = createScriptedSkill({
    id: 'slow',
    call: async ({ signal }) => {
      await pause(60_000, signal);
      return fail('CANCELLED');
    },
  });

  beforeAll(async () => {
    aos = await startHarness({ skills: [count, flaky, undo, slow], continueAfterSteps: 3 });
  });
  afterAll(async () => {
    expect(await aos.audit()).toEqual([]);
    await aos.stop();
  });

  const countCalls = (skill: typeof count, { run_id }: Run): string[] =>
    skill.calls.map((call) => call.effectKey).filter((key) => key.startsWith(run_id));
  /** Walks back from the last history to the first. */
  async function historiesOf({ run_id, execution }: Run): Promise<number> {
    const workflowId = workflowIdOf(run_id, execution);
    let histories = 0;
    for (let runId: string | undefined; ;) {
      histories += 1;
      const { events } = await aos.client.workflow.getHandle(workflowId, runId).fetchHistory();
      const started = events?.[0]?.workflowExecutionStartedEventAttributes;
      runId = started?.continuedExecutionRunId || undefined;
      if (runId === undefined) return histories;
    }
  }

  test('ends a plan of 500 steps with each effect made once', async () => {
    const plan = Array.from({ length: 500 }, (_, index) => ({ id: `s${index}`, skill: 'count' }));
    const { run_id } = await aos.submit(plan, { budget_cents: 1_100 });
    const run = await aos.ended(run_id, 120_000);
    expect(run).toMatchObject({ status: 'succeeded', cost_cents: 1_000, execution: 1 });
    const keys = countCalls(count, run);
    expect(keys).toHaveLength(500);
    expect(new Set(keys).size).toBe(500);
    expect(await historiesOf(run)).toBe(167);
    const { account } = await aos.ledger(run_id);
    expect(account).toMatchObject({ reserved_cents: 0, settled_cents: 1_000 });
  }, 150_000);

  test('runs a wide plan of inline and other steps together', async () => {
    const wide = Array.from({ length: 20 }, (_, index) => ({
      id: `w${index}`,
      ...(index % 2 === 0
        ? { skill: 'count' }
        : { skill: 'json_transform', params: { data: index, query: '. + 1' } }),
      depends_on: [],
    }));
    const last = {
      id: 'last',
      skill: 'json_transform',
      params: { data: ['{{steps.w1.output}}', '{{steps.w19.output}}'], query: 'add' },
      depends_on: wide.map((step) => step.id),
    };
    const run = await aos.run([...wide, last]);
    expect(run).toMatchObject({ status: 'succeeded', output: 22 });
    expect(countCalls(count, run)).toHaveLength(10);
    expect(await historiesOf(run)).toBeGreaterThan(1);
  });

  test('takes the tries of a step with it, and the pause before the next one', async () => {
    const begun = Date.now();
    const run = await aos.run([
      {
        id: 'flaky',
        skill: 'flaky',
        retry: { max_attempts: 3, backoff_ms: 1_500 },
        depends_on: [],
      },
      ...['a', 'b', 'c', 'd'].map((id) => ({ id, skill: 'count', depends_on: [] })),
    ]);
    expect(run).toMatchObject({ status: 'succeeded' });
    expect(await aos.step(run.run_id, 'flaky')).toMatchObject({ output: 'third time', tries: 3 });
    expect(await historiesOf(run)).toBeGreaterThan(1);
    expect(Date.now() - begun).toBeGreaterThan(4_400);
  });

  test('undoes its steps over several histories', async () => {
    const undoable = Array.from({ length: 8 }, (_, index) => ({
      id: `u${index}`,
      skill: 'count',
      compensate: { skill: 'undo' },
    }));
    const blocked = { id: 'bad', skill: 'http_call', params: { url: 'http://127.0.0.1:9/' } };
    const run = await aos.run([...undoable, blocked]);
    expect(run).toMatchObject({ status: 'failed', failure: { code: 'EGRESS_BLOCKED' } });
    expect(countCalls(undo, run)).toEqual(
      undoable.toReversed().map(({ id }) => `${run.run_id}/${id}/1/compensate`),
    );
    expect(run.steps!.map((step) => step.status)).toEqual([
      ...undoable.map(() => 'compensated'),
      'failed',
    ]);
    expect(await historiesOf(run)).toBeGreaterThan(4);
  });

  test('hears a cancel in any of its histories', async () => {
    const plan = [
      ...['a', 'b', 'c', 'd'].map((id) => ({ id, skill: 'count' })),
      { id: 'slow', skill: 'slow' },
    ];
    const { run_id } = await aos.submit(plan);
    const deadline = Date.now() + 20_000;
    while (slow.calls.length === 0 && Date.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, 20));
    const answer = await aos.request(`/api/v1/runs/${run_id}/cancel`, { json: {} });
    expect(answer.status).toBeLessThan(300);
    expect(await aos.ended(run_id)).toMatchObject({ status: 'cancelled' });
  });

  test('hears a cancel in Temporal that comes just as a history ends', async () => {
    const runs = await Promise.all(
      Array.from({ length: 12 }, async (_, index) => {
        const plan = Array.from({ length: 100 }, () => ({ skill: 'count' }));
        const { run_id } = await aos.submit(plan, { budget_cents: 1_000 });
        await new Promise((resolve) => setTimeout(resolve, 200 + 37 * index));
        await aos.client.workflow.getHandle(workflowIdOf(run_id, 1)).cancel();
        return aos.ended(run_id);
      }),
    );
    expect(runs.map((run) => run.status)).toEqual(runs.map(() => 'cancelled'));
  });

  test('serves those who wait for money in turn, and loses none', async () => {
    const plan = Array.from({ length: 30 }, (_, index) => ({
      id: `m${index}`,
      skill: 'count',
      depends_on: [],
    }));
    // Room for two at once; all of them settle within the budget.
    const run = await aos.run({ steps: plan, max_parallel: 30 }, { budget_cents: 78 });
    expect(run).toMatchObject({ status: 'succeeded', cost_cents: 60 });
    expect(new Set(countCalls(count, run)).size).toBe(30);
  });
});
