import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/contracts/json.ts';
import type { Run } from '../../src/contracts/run.ts';
import { workflowIdOf } from '../../src/contracts/messages.ts';
import type { SkillCall } from '../../src/skills/skill.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';
import { createScriptedSkill, fail, succeed } from '../support/scripted-skill.ts';

const CENT = 1_000_000;

describe('the compensation of a run', () => {
  let aos: Harness;
  /** What happened outside, in order. */
  let effects: string[] = [];
  let undo: (
    call: SkillCall,
    n: number,
  ) => ReturnType<typeof succeed> | Promise<ReturnType<typeof succeed>>;

  const book = createScriptedSkill({
    id: 'book',
    worstMicroCents: 10 * CENT,
    call: ({ effectKey, params }) => {
      effects.push(`book ${effectKey}`);
      return succeed({ number: params['value'] ?? null }, 4 * CENT);
    },
  });
  let undone = 0;
  const cancelBooking = {
    ...createScriptedSkill({
      id: 'cancel_booking',
      call: (call) => {
        effects.push(`undo ${call.effectKey} ${JSON.stringify(call.params['value'] ?? null)}`);
        return undo(call, ++undone);
      },
    }),
    // Five cents, or what a number says: a bound that is known only once the step itself has run.
    worstCaseMicroCents: ({ value }: JsonObject) =>
      typeof value === 'number' ? value * CENT : 5 * CENT,
  };
  const broken = createScriptedSkill({ id: 'broken', call: () => fail('HTTP_4XX') });

  beforeAll(async () => {
    aos = await startHarness({ skills: [book, cancelBooking, broken] });
  });
  beforeEach(() => {
    effects = [];
    undone = 0;
    undo = () => succeed(null, 1 * CENT);
  });
  afterAll(async () => {
    expect(await aos.audit()).toEqual([]);
    await aos.stop();
  });

  const booking = (id: string, value: unknown = null, extra: object = {}) => ({
    id,
    skill: 'book',
    params: { value },
    compensate: { skill: 'cancel_booking', params: { value: `{{steps.${id}.output}}` } },
    ...extra,
  });
  const failing = { id: 'bad', skill: 'broken', retry: { max_attempts: 1 } };
  const eventTypes = async ({ run_id }: Run): Promise<string[]> => {
    const { rows } = await aos.pool.query<{ type: string }>(
      'SELECT type FROM events WHERE run_id = $1 ORDER BY number',
      [run_id],
    );
    return rows.map((row) => row.type);
  };
  const statuses = (run: Run) => run.steps!.map((step) => `${step.id} ${step.status}`);
  const untilEffect = async (text: string): Promise<void> => {
    const deadline = Date.now() + 20_000;
    while (!effects.some((effect) => effect.includes(text))) {
      if (Date.now() > deadline) throw new Error(`no effect ${text}: ${effects.join(', ')}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  test('undoes what was done, last done first, when the run fails', async () => {
    const run = await aos.run([booking('a', 1), booking('b', 2), failing, booking('c')]);
    expect(run).toMatchObject({ status: 'failed', failure: { code: 'HTTP_4XX', step_id: 'bad' } });
    expect(effects).toEqual([
      `book ${run.run_id}/a/1`,
      `book ${run.run_id}/b/1`,
      `undo ${run.run_id}/b/1/compensate {"number":2}`,
      `undo ${run.run_id}/a/1/compensate {"number":1}`,
    ]);
    expect(statuses(run)).toEqual(['a compensated', 'b compensated', 'bad failed', 'c pending']);
    expect(run.steps![0]).toMatchObject({ compensation: { status: 'succeeded' }, cost_cents: 5 });
    expect(run).not.toHaveProperty('not_undone');
    expect(await eventTypes(run)).toEqual([
      'run.accepted',
      'run.started',
      ...['a', 'b'].flatMap(() => ['step.started', 'step.succeeded']),
      'step.started',
      'step.failed',
      'run.compensating',
      ...['b', 'a'].flatMap(() => ['step.started', 'step.compensated']),
      'run.failed',
    ]);
  });

  test('costs its own: a hold with the step, settled when it is undone', async () => {
    const run = await aos.run([booking('a', 1), failing]);
    const { account, transactions } = await aos.ledger(run.run_id);
    expect(transactions.map((entry) => `${entry.kind} ${entry.amount_cents}`)).toEqual([
      'hold 10',
      'hold 5',
      'settle 4',
      'settle 1',
    ]);
    expect(account).toMatchObject({ reserved_cents: 0, settled_cents: 5 });
    expect(run.cost_cents).toBe(5);
  });

  test('is not begun when the run succeeds, and its hold is released', async () => {
    const run = await aos.run([booking('a', 1)]);
    expect(run).toMatchObject({ status: 'succeeded', output: { number: 1 }, cost_cents: 4 });
    expect(effects).toEqual([`book ${run.run_id}/a/1`]);
    expect(run.steps![0]).toMatchObject({ compensation: { status: 'ready' } });
    const { transactions } = await aos.ledger(run.run_id);
    expect(transactions.at(-1)).toMatchObject({ kind: 'release', amount_cents: 5 });
  });

  test('is paid for before its step begins: a budget for the step alone does not do', async () => {
    const run = await aos.run([booking('a')], { budget_cents: 14 });
    expect(run).toMatchObject({ status: 'failed', failure: { code: 'BUDGET_EXCEEDED' } });
    expect(effects).toEqual([]);
    const { account, transactions } = await aos.ledger(run.run_id);
    expect(account).toMatchObject({ reserved_cents: 0, settled_cents: 0 });
    expect(transactions).toEqual([]);
  });

  test('undoes a cancelled run as well', async () => {
    let cancelled: Promise<unknown> | undefined;
    const slow = createScriptedSkill({
      id: 'slow',
      call: async ({ signal, effectKey }) => {
        const runId = effectKey.split('/')[0]!;
        cancelled = aos.request(`/api/v1/runs/${runId}/cancel`, { json: {} });
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        return fail('CANCELLED');
      },
    });
    (aos.deps.skills as Map<string, typeof slow>).set('slow', slow);
    const run = await aos.run([booking('a', 1), { id: 'slow', skill: 'slow' }]);
    await cancelled;
    expect(run).toMatchObject({ status: 'cancelled', failure: { code: 'CANCELLED' } });
    expect(statuses(run)).toEqual(['a compensated', 'slow cancelled']);
  });

  test('that fails stops no other, and is listed', async () => {
    undo = ({ effectKey }) => (effectKey.includes('/b/') ? fail('HTTP_5XX', CENT) : succeed(null));
    const plan = [booking('a'), booking('b', null, { retry: { backoff_ms: 1 } }), failing];
    const run = await aos.run(plan);
    expect(run).toMatchObject({
      status: 'failed',
      failure: { code: 'HTTP_4XX' },
      not_undone: [{ step_id: 'b', failure: { code: 'HTTP_5XX' } }],
    });
    expect(statuses(run)).toEqual(['a compensated', 'b succeeded', 'bad failed']);
    expect(effects.filter((effect) => effect.includes('/b/1/compensate'))).toHaveLength(3);
    expect('failure' in run && run.failure.recovery.at(-1)).toMatchObject({
      action: 'check_effect',
      why: expect.stringContaining('b'),
    });
    expect(await aos.step(run.run_id, 'b')).toMatchObject({
      try_list: [
        { role: 'main', number: 1, status: 'succeeded' },
        ...[1, 2, 3].map((number) => ({ role: 'compensate', number, status: 'failed' })),
      ],
    });
  });

  test('that would cost more than is left is not begun, and is listed', async () => {
    // Its step has passed on 30: that much was not held, and is not there.
    const dear = booking('a', 30);
    dear.compensate.params.value = '{{steps.a.output.number}}';
    const run = await aos.run([booking('b'), dear, failing], { budget_cents: 35 });
    expect(run).toMatchObject({
      status: 'failed',
      failure: { code: 'HTTP_4XX' },
      not_undone: [{ step_id: 'a', failure: { code: 'BUDGET_EXCEEDED' } }],
    });
    expect(effects.filter((effect) => effect.startsWith('undo'))).toEqual([
      `undo ${run.run_id}/b/1/compensate {"number":null}`,
    ]);
    const { account } = await aos.ledger(run.run_id);
    expect(account).toMatchObject({ reserved_cents: 0, settled_cents: 9 });
  });

  test('that would cost more than was held takes what is free', async () => {
    const dear = booking('a', 30);
    dear.compensate.params.value = '{{steps.a.output.number}}';
    const run = await aos.run([dear, failing], { budget_cents: 100 });
    expect(statuses(run)).toEqual(['a compensated', 'bad failed']);
    const { transactions } = await aos.ledger(run.run_id);
    expect(transactions.map((entry) => `${entry.kind} ${entry.amount_cents}`)).toEqual([
      'hold 10',
      'hold 5',
      'settle 4',
      'release 5',
      'hold 30',
      'settle 1',
    ]);
  });

  test('gives its money back when its step ends with nothing to undo', async () => {
    const skipped = { ...failing, on_error: 'skip', compensate: { skill: 'cancel_booking' } };
    const run = await aos.run([skipped, { id: 'b', skill: 'book' }], { budget_cents: 11 });
    expect(run).toMatchObject({ status: 'succeeded', cost_cents: 4 });
    const { transactions } = await aos.ledger(run.run_id);
    expect(transactions.map((entry) => `${entry.kind} ${entry.amount_cents}`)).toEqual([
      'hold 5',
      'release 5',
      'hold 10',
      'settle 4',
    ]);
  });

  test('that is stopped between two tries has failed by its last one', async () => {
    undo = () => fail('HTTP_5XX');
    const slowly = { retry: { backoff_ms: 60_000, max_backoff_ms: 60_000 } };
    const { run_id } = await aos.submit([booking('a', null, slowly), failing]);
    await untilEffect('/a/1/compensate');
    const deadline = Date.now() + 20_000;
    let step = await aos.step(run_id, 'a');
    while (step.try_list.at(-1)?.status === 'running' && Date.now() < deadline)
      step = await aos.step(run_id, 'a');
    await aos.client.workflow.getHandle(workflowIdOf(run_id, 1)).terminate();
    expect(await aos.ended(run_id)).toMatchObject({
      status: 'failed',
      failure: { code: 'HTTP_4XX' },
      not_undone: [{ step_id: 'a', failure: { code: 'HTTP_5XX' } }],
      steps: [{ compensation: { status: 'failed' } }, {}],
    });
  });

  test('names what is there when its money does not fit', async () => {
    const run = await aos.run([booking('a')], { budget_cents: 14 });
    expect('failure' in run && run.failure.detail).toContain('0 cents reserved');
    expect('failure' in run && run.failure.detail).toContain('up to 15 cents');
  });

  test('cannot be cancelled, neither by the API nor in Temporal', async () => {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    undo = async () => {
      await released;
      return succeed(null);
    };
    const { run_id } = await aos.submit([booking('a'), booking('b'), failing]);
    await untilEffect('undo');
    const refused = await aos.request(`/api/v1/runs/${run_id}/cancel`, { json: {} });
    expect(refused).toMatchObject({ status: 409, body: { code: 'RUN_COMPENSATING' } });
    const running = await aos.request<Run>(`/api/v1/runs/${run_id}`);
    expect(running.body).toMatchObject({ status: 'running', compensate_until: expect.any(String) });
    const handle = aos.client.workflow.getHandle(workflowIdOf(run_id, 1));
    await handle.cancel();
    await handle.executeUpdate('cancel', { args: [{ reason: 'in the middle' }] });
    release();
    const run = await aos.ended(run_id);
    expect(run).toMatchObject({ status: 'failed', failure: { code: 'HTTP_4XX' } });
    expect(statuses(run)).toEqual(['a compensated', 'b compensated', 'bad failed']);
    expect(run).not.toHaveProperty('cancel_requested_at');
  });

  test('has a deadline of its own: what is not undone by then is listed', async () => {
    undo = async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return fail('TIMEOUT');
    };
    const run = await aos.run({
      steps: [booking('a'), booking('b'), failing],
      compensation_deadline_ms: 1_000,
    });
    expect(run).toMatchObject({
      status: 'failed',
      failure: { code: 'HTTP_4XX' },
      not_undone: [
        { step_id: 'a', failure: { code: 'DEADLINE_EXCEEDED' } },
        { step_id: 'b', failure: { code: 'DEADLINE_EXCEEDED' } },
      ],
    });
  });

  test('goes on in a next execution when the engine has lost the first', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    undo = async (_call, n) => {
      if (n === 2) await held;
      return succeed(null);
    };
    const { run_id } = await aos.submit([booking('a'), booking('b'), failing]);
    await untilEffect('/a/1/compensate');
    await aos.client.workflowService.deleteWorkflowExecution({
      namespace: 'aos',
      workflowExecution: { workflowId: workflowIdOf(run_id, 1) },
    });
    release();
    const run = await aos.ended(run_id);
    expect(run).toMatchObject({
      status: 'failed',
      execution: 2,
      failure: { code: 'HTTP_4XX', step_id: 'bad' },
    });
    expect(statuses(run)).toEqual(['a compensated', 'b compensated', 'bad failed']);
    expect(effects.filter((effect) => effect.includes('/b/1/compensate'))).toHaveLength(1);
  });

  test('is not begun when an operator terminates the execution: what stays done is listed', async () => {
    let begun = () => {};
    const stuck = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const wait = createScriptedSkill({
      id: 'stuck',
      call: async ({ signal }) => {
        begun();
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        return fail('CANCELLED');
      },
    });
    (aos.deps.skills as Map<string, typeof wait>).set('stuck', wait);
    const { run_id } = await aos.submit([booking('a'), { id: 'stuck', skill: 'stuck' }]);
    await stuck;
    await aos.client.workflow.getHandle(workflowIdOf(run_id, 1)).terminate();
    const run = await aos.ended(run_id);
    expect(run).toMatchObject({
      status: 'cancelled',
      failure: { code: 'TERMINATED' },
      not_undone: [{ step_id: 'a', reason: 'Its compensation was not begun.' }],
    });
  });
});
