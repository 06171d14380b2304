import { readdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import type { WorkflowHandle } from '@temporalio/client';
import { deliveryWorkflowId, workflowIdOf } from '../../src/contracts/messages.ts';
import type { Run } from '../../src/contracts/run.ts';
import { createEngine } from '../../src/temporal/engine.ts';
import { answerWith, receiveEvents, until } from '../support/event-receiver.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';
import { startScriptedProvider } from '../support/scripted-provider.ts';
import type { ScriptedProvider } from '../support/scripted-provider.ts';
import { createScriptedSkill, fail, pause, succeed } from '../support/scripted-skill.ts';

const CENT = 1_000_000;
const FOLDER = fileURLToPath(new URL('../histories/', import.meta.url));

/** Runs every kind of run once and writes its histories, without what belongs to the machine they were made on. */
describe('recording histories', () => {
  let aos: Harness;
  let provider: ScriptedProvider;
  let count = 0;
  const call = createScriptedSkill({
    id: 'call',
    worstMicroCents: 10 * CENT,
    call: () => succeed((count += 1), 2 * CENT),
  });
  const flaky = createScriptedSkill({
    id: 'flaky',
    call: ({ effectKey }) =>
      flaky.calls.filter((each) => each.effectKey === effectKey).length < 3
        ? fail('HTTP_5XX')
        : succeed('third time'),
  });
  const broken = createScriptedSkill({ id: 'broken', call: () => fail('HTTP_4XX') });
  let onSlow = () => {};
  const slow = createScriptedSkill({
    id: 'slow',
    call: async ({ signal }) => {
      onSlow();
      await pause(60_000, signal);
      return fail('CANCELLED');
    },
  });

  beforeAll(async () => {
    for (const name of await readdir(FOLDER)) await rm(`${FOLDER}${name}`);
    provider = await startScriptedProvider();
    aos = await startHarness({
      skills: [call, flaky, broken, slow],
      egressAllow: '127.0.0.1/32',
      webhooks: { retryDelaysMs: [5, 5] },
      llm: { OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: provider.url },
    });
  });
  afterAll(async () => {
    await aos.stop();
    await provider.stop();
  });

  const jq = (id: string, query: string, extra: object = {}) => ({
    id,
    skill: 'json_transform',
    params: { data: 1, query },
    ...extra,
  });
  const undo = { skill: 'call' };
  const once = { retry: { max_attempts: 1 } };

  const record = (name: string, { run_id, execution }: Run): Promise<void> =>
    recordWorkflow(name, workflowIdOf(run_id, execution));

  async function recordWorkflow(name: string, workflowId: string): Promise<void> {
    // The run may be closed a moment before its execution is.
    await aos.client.workflow
      .getHandle(workflowId)
      .result()
      .catch(() => {});
    const histories: Awaited<ReturnType<WorkflowHandle['fetchHistory']>>[] = [];
    for (let runId: string | undefined; ;) {
      const history = await aos.client.workflow.getHandle(workflowId, runId).fetchHistory();
      histories.unshift(history);
      runId =
        history.events?.[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ||
        undefined;
      if (runId === undefined) break;
    }
    for (const [index, history] of histories.entries()) {
      const suffix = histories.length > 1 ? `.${index + 1}` : '';
      const text = JSON.stringify(JSON.parse(historyToJSON(history)), (key, value: unknown) => {
        if (key === 'identity') return 'worker';
        return key === 'stackTrace' ? '' : value;
      });
      await writeFile(`${FOLDER}${name}${suffix}.json`, `${text}\n`);
    }
  }

  const plans: [name: string, plan: unknown, extra: { budget_cents?: number }, status: string][] = [
    ['inline-chain', [jq('a', '.'), jq('b', '. + 1')], {}, 'succeeded'],
    ['steps-in-order', [{ skill: 'call' }, jq('b', '.'), { skill: 'call' }], {}, 'succeeded'],
    [
      'steps-together',
      [
        ...['a', 'b', 'c'].map((id) => ({ id, skill: 'call', depends_on: [] })),
        jq('d', '.', { depends_on: ['a', 'b'] }),
        { id: 'e', skill: 'call', depends_on: ['c', 'd'] },
      ],
      {},
      'succeeded',
    ],
    ['slow-program', [jq('a', 'last(range(3000000))'), { skill: 'call' }], {}, 'succeeded'],
    ['retry', [{ skill: 'flaky', retry: { max_attempts: 3, backoff_ms: 5 } }], {}, 'succeeded'],
    ['fallback', [{ skill: 'broken', ...once, fallback: { skill: 'call' } }], {}, 'succeeded'],
    ['skip', [{ skill: 'broken', ...once, on_error: 'skip' }, { skill: 'call' }], {}, 'succeeded'],
    [
      'condition',
      [
        { id: 'a', skill: 'call' },
        { id: 'b', skill: 'call', when: { ref: 'steps.a.output', op: 'eq', value: 'no' } },
        jq('c', '.'),
      ],
      {},
      'succeeded',
    ],
    ['failure', [{ skill: 'call' }, { skill: 'broken', ...once }, { skill: 'call' }], {}, 'failed'],
    ['failed-chain', [jq('a', '.'), jq('b', 'error("no")'), jq('c', '.')], {}, 'failed'],
    [
      'waiting-for-money',
      Array.from({ length: 6 }, (_, index) => ({
        id: `m${index}`,
        skill: 'call',
        depends_on: [],
      })),
      { budget_cents: 22 },
      'succeeded',
    ],
    ['no-money', [{ skill: 'call' }, { skill: 'call' }], { budget_cents: 11 }, 'failed'],
    ['deadline', { steps: [{ skill: 'slow' }], deadline_ms: 1_000 }, {}, 'failed'],
    [
      'compensation',
      [
        { skill: 'call', compensate: undo },
        { skill: 'call', compensate: { skill: 'flaky' } },
        { skill: 'broken', ...once },
      ],
      {},
      'failed',
    ],
  ];
  test.each(plans)('%s', async (name, plan, extra, status) => {
    const run = await aos.run(plan, extra);
    expect(run).toMatchObject({ status });
    await record(name, run);
  });

  async function runGoal(plan: unknown[]): Promise<Run> {
    provider.script({ text: JSON.stringify(plan) });
    const { body } = await aos.request<Run>('/api/v1/runs', { json: { goal: 'Do it.' } });
    return aos.ended(body.run_id);
  }

  test('a goal', async () => {
    const run = await runGoal([{ id: 'a', skill: 'call' }, jq('b', '.')]);
    expect(run).toMatchObject({ status: 'succeeded' });
    await record('goal', run);
  });

  async function submitSlow(steps: unknown[]): Promise<Run> {
    const isCalled = new Promise<void>((resolve) => {
      onSlow = resolve;
    });
    const run = await aos.submit(steps);
    await isCalled;
    return run;
  }

  test('cancel', async () => {
    const { run_id } = await submitSlow([{ skill: 'call', compensate: undo }, { skill: 'slow' }]);
    await aos.request(`/api/v1/runs/${run_id}/cancel`, { json: {} });
    const run = await aos.ended(run_id);
    expect(run).toMatchObject({ status: 'cancelled' });
    await record('cancel', run);
  });

  test('cancel by a signal', async () => {
    const { run_id } = await submitSlow([{ skill: 'slow' }]);
    await aos.client.workflow.getHandle(workflowIdOf(run_id, 1)).signal('cancel');
    const run = await aos.ended(run_id);
    expect(run).toMatchObject({ status: 'cancelled' });
    await record('cancel-by-signal', run);
  });

  test('cancel in Temporal', async () => {
    const { run_id } = await submitSlow([{ skill: 'slow' }]);
    await aos.client.workflow.getHandle(workflowIdOf(run_id, 1)).cancel();
    const run = await aos.ended(run_id);
    expect(run).toMatchObject({ status: 'cancelled' });
    await record('cancel-in-temporal', run);
  });

  test('an execution that takes over from one that was lost', async () => {
    const { run_id } = await submitSlow([
      { skill: 'call', compensate: undo },
      { skill: 'slow', ...once },
    ]);
    await aos.client.workflowService.deleteWorkflowExecution({
      namespace: 'aos',
      workflowExecution: { workflowId: workflowIdOf(run_id, 1) },
    });
    const isCalled = new Promise<void>((resolve) => {
      onSlow = resolve;
    });
    await isCalled;
    await aos.request(`/api/v1/runs/${run_id}/cancel`, { json: {} });
    const run = await aos.ended(run_id);
    expect(run).toMatchObject({ status: 'cancelled', execution: 2 });
    await record('next-execution', run);
  });

  test('an execution that belongs to no current run', async () => {
    const input = {
      run_id: 'run_unknown',
      execution: 1,
      deadline_at_ms: Date.now() + 60_000,
      max_parallel: 1,
      steps: [],
      progress: [],
    };
    const labels = { tenantId: 'default', agentId: null, summary: 'nothing' };
    await aos.engine.startExecution(input, labels);
    const handle = aos.client.workflow.getHandle(workflowIdOf('run_unknown', 1));
    await expect(handle.result()).rejects.toThrow('failed');
    await record('unknown-run', { run_id: 'run_unknown', execution: 1 } as Run);
  });

  test('several histories', async () => {
    const engine = createEngine(aos.client, aos.taskQueue, { continueAfterSteps: 2 });
    Object.assign(aos.engine, engine);
    const steps = Array.from({ length: 4 }, () => ({ skill: 'call', compensate: undo }));
    const run = await aos.run([...steps, jq('c', '.'), { skill: 'broken', ...once }]);
    expect(run).toMatchObject({ status: 'failed' });
    await record('several-histories', run);
  });

  test('a goal over several histories', async () => {
    const steps = Array.from({ length: 3 }, () => ({ skill: 'call', compensate: undo }));
    const run = await runGoal([...steps, { skill: 'broken', retry: { max_attempts: 1 } }]);
    expect(run).toMatchObject({ status: 'failed' });
    await record('goal-histories', run);
  });

  test.each([
    ['webhook-delivered', 'delivered', 2],
    ['webhook-failed', 'failed', 0],
  ])('%s', async (name, end, wellFrom) => {
    const hook = await receiveEvents(aos, {
      answer: (_, response, n) => answerWith(response, n === wellFrom ? 200 : 500),
    });
    await aos.request(`/api/v1/webhooks/${hook.webhook.id}/test`, { json: {} });
    const [delivery] = await until(hook.list, (list) => list[0]?.completed_at != null);
    expect(delivery).toMatchObject({ status: end });
    await recordWorkflow(name, deliveryWorkflowId(delivery!.id, 1));
    await aos.request(`/api/v1/webhooks/${hook.webhook.id}`, { method: 'DELETE' });
    await hook.stop();
  });
});
