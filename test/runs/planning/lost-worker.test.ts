import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Environment } from '../../../src/config.ts';
import { workflowIdOf } from '../../../src/contracts/messages.ts';
import type { Run } from '../../../src/contracts/run.ts';
import { createCrashingWorkers } from '../../support/crashing-workers.ts';
import type { CrashingWorkers } from '../../support/crashing-workers.ts';
import { startHarness } from '../../support/harness.ts';
import type { Harness } from '../../support/harness.ts';
import { startScriptedProvider } from '../../support/scripted-provider.ts';
import type { ScriptedProvider } from '../../support/scripted-provider.ts';

const CENT = 1_000_000;
const PLAN = [
  { id: 'sum', skill: 'json_transform', params: { query: '1 + 2' } },
  { id: 'times', skill: 'json_transform', params: { query: '. * 10' } },
];

describe('a worker that is lost while a plan is made', () => {
  let provider: ScriptedProvider;
  let aos: Harness;
  let workers: CrashingWorkers;
  beforeAll(async () => {
    provider = await startScriptedProvider();
    provider.script({ text: JSON.stringify(PLAN), tokens: { input: 1_000, output: 100 } });
    const env: Environment = { OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: provider.url };
    aos = await startHarness({ llm: env, worker: false });
    workers = createCrashingWorkers(aos, env);
  });
  afterEach(async () => {
    await workers.stop();
    provider.seen.length = 0;
    expect(await aos.audit()).toEqual([]);
  });
  afterAll(async () => {
    await aos.stop();
    await provider.stop();
  });

  async function submitAndLose(moment: string): Promise<Run> {
    const worker = await workers.start(moment);
    const { status, body } = await aos.request<Run>('/api/v1/runs', { json: { goal: 'Thirty.' } });
    expect(status).toBe(202);
    await once(worker, 'exit');
    return body;
  }
  const settled = (1_000 * 40 + 100 * 160) / CENT;
  const ended = { status: 'succeeded', output: 30, total_steps: 3 };

  test.each(['after the record', 'before the adoption', 'after the adoption'])(
    '%s: the next one goes on, and asks nobody again',
    async (moment) => {
      const { run_id } = await submitAndLose(moment);
      await workers.start();
      expect(await aos.ended(run_id)).toMatchObject({
        ...ended,
        cost_cents: settled,
        steps: [{ id: 'plan', tries: 1 }, { id: 'sum' }, { id: 'times' }],
      });
      expect(provider.seen).toHaveLength(1);
    },
  );

  test('after the model has answered: the lost answer is paid at its worst, and another is asked for', async () => {
    const { run_id } = await submitAndLose('after the model');
    await workers.start();
    const run = await aos.ended(run_id);
    expect(run).toMatchObject(ended);
    const { transactions } = await aos.ledger(run_id);
    const [held] = transactions.map((entry) => entry.amount_cents);
    expect(
      transactions.map(({ kind, basis, amount_cents }) => [kind, basis, amount_cents]),
    ).toEqual([
      ['hold', 'worst_case', held],
      ['settle', 'presumed', held],
      ['hold', 'worst_case', held],
      ['settle', 'actual', settled],
    ]);
    expect(run.cost_cents).toBeCloseTo(held! + settled, 6);
    expect(provider.seen).toHaveLength(2);
  });

  test('with its execution: the next execution takes the plan over', async () => {
    const { run_id } = await submitAndLose('before the adoption');
    await aos.client.workflowService.deleteWorkflowExecution({
      namespace: 'aos',
      workflowExecution: { workflowId: workflowIdOf(run_id, 1) },
    });
    await workers.start();
    expect(await aos.ended(run_id)).toMatchObject({ ...ended, execution: 2, cost_cents: settled });
    expect(provider.seen).toHaveLength(1);
  });

  test('before a cancel: the run is cancelled, though all of its steps had succeeded', async () => {
    const { run_id } = await submitAndLose('before the adoption');
    await aos.request(`/api/v1/runs/${run_id}/cancel`, { json: {} });
    await workers.start();
    expect(await aos.ended(run_id)).toMatchObject({
      status: 'cancelled',
      failure: { code: 'CANCELLED' },
      steps: [{ id: 'plan', status: 'succeeded' }],
    });
  });
});
