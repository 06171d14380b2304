import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { workflowIdOf } from '../../../src/contracts/messages.ts';
import type { Run } from '../../../src/contracts/run.ts';
import { startHarness } from '../../support/harness.ts';
import type { Harness } from '../../support/harness.ts';
import { createScriptedSkill, succeed } from '../../support/scripted-skill.ts';
import { startScriptedProvider } from '../../support/scripted-provider.ts';
import type { ScriptedProvider } from '../../support/scripted-provider.ts';

let provider: ScriptedProvider;
let aos: Harness;
const work = createScriptedSkill({ id: 'work', call: ({ effectKey }) => succeed(effectKey) });
beforeAll(async () => {
  provider = await startScriptedProvider();
  aos = await startHarness({
    skills: [work],
    llm: { OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: provider.url },
    continueAfterSteps: 1,
  });
});
afterAll(async () => {
  await aos.stop();
  await provider.stop();
});

test('a run that goes on in a new history after every step has one plan made, and runs it once', async () => {
  const plan = ['a', 'b', 'c'].map((id) => ({ id, skill: 'work' }));
  provider.script({ text: JSON.stringify(plan) });
  const { body } = await aos.request<Run>('/api/v1/runs', { json: { goal: 'Work.' } });
  const run = await aos.ended(body.run_id);
  expect(run).toMatchObject({ status: 'succeeded', output: `${run.run_id}/c/1`, execution: 1 });
  expect(provider.seen).toHaveLength(1);
  expect(work.calls.map(({ effectKey }) => effectKey)).toEqual(
    ['a', 'b', 'c'].map((id) => `${run.run_id}/${id}/1`),
  );
  const { events } = await aos.client.workflow
    .getHandle(workflowIdOf(run.run_id, 1))
    .fetchHistory();
  const started = events?.[0]?.workflowExecutionStartedEventAttributes;
  expect(started?.continuedExecutionRunId).toMatch(/\w/);
});
