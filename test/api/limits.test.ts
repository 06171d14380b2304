import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { LIMIT_GROUPS, LIMIT_TABLE } from '../../src/contracts/limit-table.ts';
import * as LIMITS from '../../src/contracts/limits.ts';
import { LimitsAnswer } from '../../src/contracts/limits-view.ts';
import type { LimitView } from '../../src/contracts/limits-view.ts';
import type { CreatedKey } from '../../src/contracts/key.ts';
import { insertAgentRow } from '../support/agent-row.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';

const PATH = '/api/v1/limits';
const CENT = 1_000_000;

let aos: Harness;
beforeAll(async () => {
  aos = await startHarness({
    worker: false,
    reconciler: false,
    ratePerMinute: 4321,
    llm: { AOS_LLM_CONCURRENCY: '3' },
  });
});
afterAll(() => aos.stop());

const read = async (query = '', key?: string): Promise<LimitsAnswer> => {
  const { status, body } = await aos.request(PATH + query, { ...(key && { key }) });
  expect({ status, body }).toMatchObject({ status: 200 });
  return LimitsAnswer.strict().parse(body);
};
const limitsOf = ({ groups }: LimitsAnswer): LimitView[] => groups.flatMap(({ limits }) => limits);

describe('the table of limits', () => {
  test.each(Object.keys(LIMITS))('says where %s is met, or why nobody meets it', (name) => {
    expect(LIMIT_TABLE).toHaveProperty(name);
    const entry = LIMIT_TABLE[name as keyof typeof LIMITS];
    const said = 'internal' in entry ? entry.internal : entry.appliesTo;
    expect(said.length).toBeGreaterThan(5);
  });

  test('holds nothing that is no constant', () => {
    expect(Object.keys(LIMIT_TABLE).filter((name) => !Object.hasOwn(LIMITS, name))).toEqual([]);
  });
});

describe('GET /api/v1/limits', () => {
  test('answers every limit that is met, once, with its value and unit', async () => {
    const body = await read();
    const views = limitsOf(body);
    const met = Object.entries(LIMIT_TABLE).filter(([, entry]) => !('internal' in entry));
    expect(views.map(({ name }) => name.toUpperCase()).toSorted()).toEqual(
      met.map(([name]) => name).toSorted(),
    );
    expect(body.count).toBe(met.length);
    expect(body.groups.map(({ group }) => group)).toEqual(Object.keys(LIMIT_GROUPS));
    const values = new Map<string, unknown>(Object.entries(LIMITS));
    for (const view of views.filter(({ setting }) => setting === undefined))
      expect(view.value).toEqual(values.get(view.name.toUpperCase()));
    const unitOf = (name: string) => views.find((view) => view.name === name)?.unit;
    expect(
      ['plan_bytes_max', 'steps_per_plan_max', 'wait_ms_max', 'goal_length_max'].map(unitOf),
    ).toEqual(['bytes', 'count', 'ms', 'characters']);
    expect(['llm_max_tokens_max', 'budget_cents_max', 'rate_per_minute_max'].map(unitOf)).toEqual([
      'tokens',
      'cents',
      'per_minute',
    ]);
  });

  test('answers what the operator has set, and what it would be without', async () => {
    const views = limitsOf(await read());
    expect(views.filter(({ setting }) => setting !== undefined)).toMatchObject([
      { setting: 'AOS_RATE_LIMIT_PER_MINUTE', value: 4321, default: 60_000 },
      { setting: 'AOS_LLM_CONCURRENCY', value: 3, default: 8 },
    ]);
  });

  test('answers what limits the key and the agent that is asked about', async () => {
    const agent_id = await insertAgentRow(aos.pool, {
      allowed_hosts: ['api.example.org'],
      max_run_cost_micro_cents: 7 * CENT,
      max_concurrent_runs: 2,
    });
    const { body: made } = await aos.request<CreatedKey>('/api/v1/keys', {
      json: { name: 'slow', role: 'viewer', rate_limit_per_minute: 70, budget_cents: 9 },
    });
    const { yours } = await read(`?agent_id=${agent_id}`, made.key);
    expect(yours).toMatchObject({
      key: { id: made.id, rate_limit_per_minute: 70, rate_limit_source: 'key' },
      agent: { agent_id, allowed_hosts: ['api.example.org'], max_run_cost_cents: 7 },
      rates: [{ level: 'key', limit_per_minute: 70, remaining: 69 }],
      concurrency: { limit: 2, open: 0, remaining: 2 },
    });
    expect(yours.budgets.map(({ level }) => level)).toEqual(['agent', 'key', 'tenant']);
    const plain = await read();
    expect(plain.yours).toMatchObject({
      key: { rate_limit_per_minute: 4321, rate_limit_source: 'AOS_RATE_LIMIT_PER_MINUTE' },
      agent: null,
    });
    expect(await read('?agent_id=nobody')).toMatchObject({
      yours: { agent: null },
      warnings: [{ code: 'AGENT_NOT_FOUND' }],
    });
  });

  test("hides another tenant's agent", async () => {
    const stranger = await aos.createKey('stranger');
    const agentId = await insertAgentRow(aos.pool, { max_concurrent_runs: 2 });
    expect(await read(`?agent_id=${agentId}`, stranger)).toMatchObject({ yours: { agent: null } });
  });
});
