import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Environment } from '../../src/config.ts';
import { readConfig } from '../../src/config.ts';
import type { JsonObject } from '../../src/contracts/json.ts';
import type { Run } from '../../src/contracts/run.ts';
import { createCrashingWorkers } from '../support/crashing-workers.ts';
import type { CrashingWorkers } from '../support/crashing-workers.ts';
import { startHarness } from '../support/harness.ts';
import type { Harness } from '../support/harness.ts';
import { startScriptedProvider } from '../support/scripted-provider.ts';
import type { ScriptedProvider } from '../support/scripted-provider.ts';

const KEY = 'sk-proj-Zq8Xw3Rt6Yp1Lk9Mn4Bv7Cd2';
const CENT = 1_000_000;

let provider: ScriptedProvider;
let env: Environment;
const lines: string[] = [];

beforeAll(async () => {
  provider = await startScriptedProvider();
  env = {
    OPENAI_API_KEY: KEY,
    OPENAI_BASE_URL: provider.url,
    // Prices that end between two micro-cents.
    AOS_LLM_PRICES: 'openai/odd=33.3/77.7',
  };
});
afterAll(() => provider.stop());
afterEach(() => {
  provider.script({});
  provider.seen.length = 0;
});

const step = (params: JsonObject, more: JsonObject = {}) => [
  { id: 'ask', skill: 'llm_invoke', params, retry: { max_attempts: 1 }, ...more },
];

/** The entries of the run's account, in micro-cents. */
async function entriesOf(aos: Harness, { run_id: runId }: Run) {
  const { transactions, account } = await aos.ledger(runId);
  expect(account.reserved_cents).toBe(0);
  expect(await aos.audit()).toEqual([]);
  return transactions.map(({ kind, basis, amount_cents: cents }) => ({
    kind,
    basis,
    microCents: Math.round(cents * CENT),
  }));
}

describe('a run that asks a model', () => {
  let aos: Harness;
  beforeAll(async () => {
    aos = await startHarness({ llm: env, onLog: (line) => void lines.push(line) });
  });
  afterAll(() => aos.stop());
  const worstOf = (params: JsonObject): number =>
    aos.deps.skills.get('llm_invoke')!.worstCaseMicroCents(params);

  test('holds the worst case and settles what was reported, to the micro-cent', async () => {
    const params = { prompt: 'Say hello.', model: 'odd', max_tokens: 50 };
    provider.script({ tokens: { input: 11, output: 7 } });
    const run = await aos.run(step(params), { budget_cents: 5 });
    expect(run).toMatchObject({ status: 'succeeded', output: { text: 'Hello.' } });

    // 11 × 33.3 + 7 × 77.7
    const settled = 910;
    const { prices } = readConfig(env).llm;
    const usage = { input: 11, output: 7, cacheRead: 0, cacheWrite: 0 };
    expect(prices.actual({ provider: 'openai', model: 'odd' }, usage)).toBe(settled);
    expect(await entriesOf(aos, run)).toEqual([
      { kind: 'hold', basis: 'worst_case', microCents: worstOf(params) },
      { kind: 'settle', basis: 'actual', microCents: settled },
    ]);
    expect(run.cost_cents).toBe(settled / CENT);
    expect(await aos.step(run.run_id, 'ask')).toMatchObject({
      cost_cents: settled / CENT,
      output: { cost_cents: settled / CENT, usage: { input_tokens: 11, output_tokens: 7 } },
    });
    const { rows } = await aos.pool.query<{ version: string }>(
      'SELECT DISTINCT price_table_version AS version FROM transactions WHERE run_id = $1',
      [run.run_id],
    );
    expect(rows).toEqual([{ version: expect.stringContaining(prices.version) }]);
    expect(rows[0]!.version).toMatch(/^http-[0-9a-f]{12}\+genai-prices-0\.1\.8\+[0-9a-f]{12}$/);
  });

  test('is presumed to have paid the worst when no usage was reported', async () => {
    const params = { prompt: 'Say hello.', max_tokens: 50 };
    provider.script({ usage: undefined });
    const run = await aos.run(step(params));
    const microCents = worstOf(params);
    expect(run).toMatchObject({
      status: 'succeeded',
      cost_cents: microCents / CENT,
      output: { cost_presumed: true },
    });
    expect(await entriesOf(aos, run)).toEqual([
      { kind: 'hold', basis: 'worst_case', microCents },
      { kind: 'settle', basis: 'presumed', microCents },
    ]);
  });

  test('pays for each try that may have been worked on, and for no other', async () => {
    const params = { prompt: 'Say hello.', max_tokens: 50 };
    provider.script(
      { status: 503 },
      { raw: (response) => void response.destroy() },
      { tokens: { input: 10, output: 5 } },
    );
    const retry = { max_attempts: 3, backoff_ms: 10 };
    const run = await aos.run(step(params, { retry }));
    expect(run).toMatchObject({ status: 'succeeded', steps: [{ tries: 3 }] });
    const worst = worstOf(params);
    expect(await entriesOf(aos, run)).toEqual([
      { kind: 'hold', basis: 'worst_case', microCents: worst },
      { kind: 'settle', basis: 'actual', microCents: 0 },
      { kind: 'hold', basis: 'worst_case', microCents: worst },
      { kind: 'settle', basis: 'presumed', microCents: worst },
      { kind: 'hold', basis: 'worst_case', microCents: worst },
      { kind: 'settle', basis: 'actual', microCents: 10 * 40 + 5 * 160 },
    ]);
  });

  test('whose max_tokens cannot fit its budget fails, and nobody is asked', async () => {
    const run = await aos.run(step({ prompt: 'a', model: 'gpt-4o', max_tokens: 4096 }), {
      budget_cents: 4,
    });
    expect(run).toMatchObject({
      status: 'failed',
      failure: { code: 'BUDGET_EXCEEDED' },
      cost_cents: 0,
    });
    expect(provider.seen).toEqual([]);
    expect(await entriesOf(aos, run)).toEqual([]);
  });

  test('of a price that nobody knows fails without a hold', async () => {
    const run = await aos.run(step({ prompt: 'a', model: 'openai/gpt-99' }));
    expect(run).toMatchObject({
      status: 'failed',
      failure: { code: 'MODEL_PRICE_UNKNOWN', recovery: [{ action: 'ask_operator' }] },
      cost_cents: 0,
    });
    expect(await entriesOf(aos, run)).toEqual([]);
    expect(provider.seen).toEqual([]);
  });

  test('takes its prompt from an earlier step, and hands its text on', async () => {
    provider.script({ text: 'Three.' });
    const run = await aos.run([
      { id: 'sum', skill: 'json_transform', params: { data: [1, 2], query: 'add' } },
      { id: 'ask', skill: 'llm_invoke', params: { prompt: 'Spell {{previous.output}}.' } },
      { id: 'low', skill: 'json_transform', params: { query: 'ascii_downcase' } },
    ]);
    expect(run).toMatchObject({ status: 'succeeded', output: 'three.' });
    expect(JSON.stringify(provider.seen[0]!.body)).toContain('Spell 3.');
  });

  test('has mistakes in its params told at submit', async () => {
    const { status, body } = await aos.request<JsonObject>('/api/v1/runs', {
      json: {
        plan: step({
          messages: [{ role: 'user', content: 'a' }],
          prompt: 'a',
          json_schema: { properties: { name: { pattern: '(a+)+' } } },
        }),
      },
    });
    expect(status).toBe(422);
    expect(body['errors']).toEqual([
      expect.objectContaining({ pointer: '/plan/0/params' }),
      expect.objectContaining({ pointer: '/plan/0/params/json_schema/properties/name/pattern' }),
    ]);
  });

  test('never wrote the key anywhere', async () => {
    provider.script({ status: 401, body: { error: { message: `Wrong key: ${KEY}` } } });
    const run = await aos.run(step({ prompt: 'a' }));
    expect(run).toMatchObject({ status: 'failed', failure: { code: 'PROVIDER_KEY_REFUSED' } });
    const skills = await aos.request('/api/v1/runtime/skills');
    const shown = JSON.stringify([run, await aos.step(run.run_id, 'ask'), skills.body]);
    const { rows } = await aos.pool.query<{ text: string }>(
      'SELECT events::text AS text FROM events UNION ALL SELECT tries::text FROM tries',
    );
    expect(lines.length).toBeGreaterThan(5);
    for (const text of [shown, ...lines, ...rows.map((row) => row.text)]) {
      expect(text).not.toContain(KEY.slice(3, 13));
    }
  });
});

test('a run without a configured provider fails and says what to do', async () => {
  const aos = await startHarness();
  try {
    const { body } = await aos.request<JsonObject>('/api/v1/runtime/skills/llm_invoke');
    expect(body).toMatchObject({
      available: false,
      availability: { fix: expect.stringContaining('OPENAI_API_KEY') },
    });
    const run = await aos.run(step({ prompt: 'Hello' }));
    expect(run).toMatchObject({
      status: 'failed',
      cost_cents: 0,
      failure: { code: 'PROVIDER_NOT_CONFIGURED', recovery: [{ action: 'ask_operator' }] },
    });
  } finally {
    await aos.stop();
  }
});

describe('a worker that is lost after the model has answered', () => {
  let aos: Harness;
  let workers: CrashingWorkers;
  beforeAll(async () => {
    aos = await startHarness({ llm: env, worker: false });
    workers = createCrashingWorkers(aos, env);
  });
  afterAll(async () => {
    await workers.stop();
    await aos.stop();
  });

  test('leaves no money lost: the lost answer counts at its worst, the second as it was', async () => {
    const params = { prompt: 'Say hello.', max_tokens: 50 };
    const first = await workers.start('after the model');
    const run = await aos.submit(step(params));
    await once(first, 'exit');
    expect(provider.seen).toHaveLength(1);
    await workers.start();
    const ended = await aos.ended(run.run_id);
    const worst = aos.deps.skills.get('llm_invoke')!.worstCaseMicroCents(params);
    const settled = 10 * 40 + 5 * 160;
    expect(ended).toMatchObject({
      status: 'succeeded',
      cost_cents: (worst + settled) / CENT,
      steps: [{ tries: 1 }],
    });
    expect(provider.seen).toHaveLength(2);
    expect(await entriesOf(aos, ended)).toEqual([
      { kind: 'hold', basis: 'worst_case', microCents: worst },
      { kind: 'settle', basis: 'presumed', microCents: worst },
      { kind: 'hold', basis: 'worst_case', microCents: worst },
      { kind: 'settle', basis: 'actual', microCents: settled },
    ]);
  });
});
