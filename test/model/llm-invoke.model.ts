import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { JsonObject } from '../../src/contracts/json.ts';
import type { Run } from '../../src/contracts/run.ts';
import { startHarness } from '../support/harness.ts';
import type { Harness } from '../support/harness.ts';
import { MODEL_START_MS_MAX, startModelServer } from '../support/model-server.ts';
import type { ModelServer } from '../support/model-server.ts';
import { startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** Cents per million tokens, which is micro-cents per token. */
const PRICE = { input: 1500.25, output: 6000.75 };

let model: ModelServer;
let world: World;
let aos: Harness;
beforeAll(async () => {
  model = await startModelServer({ apiKey: 'sk-of-the-operator' });
  world = await startWorld();
  aos = await startHarness({
    egressAllow: `${world.target},${new URL(model.url).host}`,
    llm: {
      AOS_LLM_BASE_URL: model.url,
      AOS_LLM_API_KEY: 'sk-of-the-operator',
      AOS_LLM_MODEL: 'smollm2',
      AOS_LLM_PRICES: `compatible/smollm2=${PRICE.input}/${PRICE.output},compatible/*=0/0,plan/*=0/0`,
    },
  });
}, MODEL_START_MS_MAX);
afterAll(async () => {
  await aos?.stop();
  await world?.stop();
  await model?.stop();
});

interface Reply extends JsonObject {
  text: string;
  usage: { input_tokens: number; output_tokens: number };
}

const ask = (id: string, params: JsonObject, more: JsonObject = {}) => ({
  id,
  skill: 'llm_invoke',
  params: { temperature: 0, max_tokens: 24, ...params },
  retry: { max_attempts: 1 },
  ...more,
});

const replyOf = async ({ run_id }: Run, stepId: string): Promise<Reply> =>
  (await aos.step(run_id, stepId)).output as Reply;

const priceOf = ({ usage }: Reply): number =>
  Math.round(usage.input_tokens * PRICE.input + usage.output_tokens * PRICE.output);

/** What the ledger says of a step, in micro-cents. */
async function moneyOf({ run_id }: Run, stepId: string) {
  const { transactions } = await aos.ledger(run_id);
  const microCents = (kind: string, field: 'amount_cents' | 'settled_change_cents'): number =>
    transactions
      .filter((entry) => entry.step_id === stepId && entry.kind === kind)
      .reduce((sum, entry) => sum + Math.round(entry[field] * 1e6), 0);
  return {
    held: microCents('hold', 'amount_cents'),
    settled: microCents('settle', 'settled_change_cents'),
  };
}

test('a model answers, and costs what its usage costs', async () => {
  const run = await aos.run([ask('ask', { prompt: 'What is the capital of France?' })]);
  expect(run.status).toBe('succeeded');
  const reply = await replyOf(run, 'ask');
  expect(reply).toMatchObject({
    text: expect.stringMatching(/\w/),
    model: 'smollm2',
    provider: 'compatible',
  });
  const { input_tokens: input, output_tokens: output } = reply.usage;
  expect([input > 0, output > 0, output <= 24]).toEqual([true, true, true]);
  const { held, settled } = await moneyOf(run, 'ask');
  expect(settled).toBe(priceOf(reply));
  expect(held).toBeGreaterThanOrEqual(settled);
  expect((await aos.ledger(run.run_id)).account).toMatchObject({
    reserved_cents: 0,
    settled_cents: settled / 1e6,
    overage_cents: 0,
  });
  expect(await aos.audit()).toEqual([]);
});

test('a server that takes any name answers under the asked one, at its price', async () => {
  const plan = [ask('ask', { model: 'another-model', prompt: 'Hello!' })];
  const run = await aos.run(plan, { budget_cents: 0 });
  expect(run.status).toBe('succeeded');
  expect(await replyOf(run, 'ask')).toMatchObject({ model: 'another-model', cost_cents: 0 });
  expect(await moneyOf(run, 'ask')).toEqual({ held: 0, settled: 0 });
});

test('a schema constrains what the model can say', async () => {
  const json_schema = {
    type: 'object',
    properties: {
      city: { type: 'string', maxLength: 12 },
      rivers: { type: 'array', items: { enum: ['Seine', 'Tiber'] }, minItems: 2, maxItems: 3 },
      large: { type: 'boolean' },
    },
    required: ['city', 'rivers', 'large'],
    additionalProperties: false,
  };
  const plan = [ask('ask', { prompt: 'Describe a town.', json_schema, max_tokens: 300 })];
  const run = await aos.run(plan);
  expect(run).toMatchObject({ status: 'succeeded' });
  const reply = await replyOf(run, 'ask');
  expect(reply).toMatchObject({
    finish_reason: 'stop',
    json: { city: expect.any(String), large: expect.any(Boolean) },
  });
  const { rivers } = reply['json'] as { rivers: string[] };
  expect(rivers.join()).toMatch(/^(Seine|Tiber)(,(Seine|Tiber)){1,2}$/);
  expect(reply['repaired']).toBeUndefined();
  const { held, settled } = await moneyOf(run, 'ask');
  expect(settled).toBe(priceOf(reply));
  expect(held).toBeGreaterThanOrEqual(settled);
});

test('an answer is cut off at max_tokens, and ends before a stop', async () => {
  const prompt = 'Tell me a story about the sea.';
  const run = await aos.run([
    ask('cut', { prompt, max_tokens: 30 }),
    ask('stopped', { prompt, max_tokens: 30, stop: ['e'] }),
  ]);
  expect(run.status).toBe('succeeded');
  const [cut, stopped] = [await replyOf(run, 'cut'), await replyOf(run, 'stopped')];
  expect(cut).toMatchObject({ finish_reason: 'length', usage: { output_tokens: 30 } });
  expect(cut.text).toContain('e');
  expect(stopped['finish_reason']).toBe('stop');
  expect(stopped.text).not.toContain('e');
});

test('JSON that is cut off is a failure that was paid for', async () => {
  const json_schema = {
    type: 'object',
    properties: { numbers: { type: 'array', items: { type: 'integer' }, minItems: 50 } },
    required: ['numbers'],
  };
  const run = await aos.run([ask('ask', { prompt: 'Count.', json_schema, max_tokens: 20 })]);
  expect(run).toMatchObject({ status: 'failed', failure: { code: 'MODEL_OUTPUT_INVALID' } });
  const { held, settled } = await moneyOf(run, 'ask');
  expect(settled).toBeGreaterThan(20 * PRICE.output);
  expect(held).toBeGreaterThanOrEqual(settled);
});

test('a prompt longer than the context is refused, and costs nothing', async () => {
  const run = await aos.run([ask('ask', { prompt: 'word '.repeat(3000) })]);
  expect(run).toMatchObject({
    failure: {
      code: 'CONTEXT_TOO_LONG',
      upstream_status: 400,
      message: expect.stringContaining('exceeds the available context size (2048 tokens)'),
    },
  });
  expect((await moneyOf(run, 'ask')).settled).toBe(0);
});

test('two calls run at once, each on its own account', async () => {
  const prompt = 'Tell me a long story about a';
  const run = await aos.run([
    ask('bear', { prompt: `${prompt} bear.`, max_tokens: 80 }, { depends_on: [] }),
    ask('whale', { prompt: `${prompt} whale.`, max_tokens: 80 }, { depends_on: [] }),
  ]);
  expect(run.status).toBe('succeeded');
  const [bear, whale] = [await aos.step(run.run_id, 'bear'), await aos.step(run.run_id, 'whale')];
  expect(bear.started_at! < whale.completed_at! && whale.started_at! < bear.completed_at!).toBe(
    true,
  );
  const costs = [bear, whale].map((step) => priceOf(step.output as Reply));
  expect((await aos.ledger(run.run_id)).account.settled_cents).toBe((costs[0]! + costs[1]!) / 1e6);
  expect(await aos.audit()).toEqual([]);
});

test('the operator’s key does not go to a server that a plan names', async () => {
  const run = await aos.run([
    ask('ask', { base_url: model.url, model: 'smollm2', prompt: 'Hello!' }),
  ]);
  expect(run).toMatchObject({ failure: { code: 'PROVIDER_KEY_REFUSED', upstream_status: 401 } });
});

test('a plan fetches, transforms, asks and writes', async () => {
  const run = await aos.run(
    [
      { id: 'fetch', skill: 'http_call', params: { url: `http://${world.target}/status` } },
      {
        id: 'facts',
        skill: 'json_transform',
        params: {
          data: '{{steps.fetch.output.body}}',
          query: 'to_entries | map("\\(.key) is \\(.value)") | join(", ")',
        },
      },
      ask('sum', { system: 'You are brief.', prompt: 'Say it nicely: {{steps.facts.output}}.' }),
      {
        id: 'save',
        skill: 'fs_write',
        params: { path: 'sum.txt', content: '{{steps.sum.output.text}}' },
      },
    ],
    { budget_cents: 50 },
  );
  expect(run.status).toBe('succeeded');
  const { text } = await replyOf(run, 'sum');
  expect(await readFile(join(aos.workspaceDir, 'default', 'sum.txt'), 'utf8')).toBe(text);
  expect(await aos.audit()).toEqual([]);
});
