import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import type { TenantAccount } from '../../src/contracts/account.ts';
import type { AgentView } from '../../src/contracts/agent.ts';
import type { AuditPage } from '../../src/contracts/audit.ts';
import type { CreatedKey, KeyView } from '../../src/contracts/key.ts';
import type { Run } from '../../src/contracts/run.ts';
import { closeRun } from '../../src/runs/close-run.ts';
import { beginTry } from '../../src/runs/tries/begin-try.ts';
import type { BegunCall } from '../../src/runs/tries/begin-try.ts';
import { finishTry } from '../../src/runs/tries/finish-try.ts';
import { auditLedger } from '../../src/storage/ledger-audit.ts';
import { startHarness } from '../support/harness.ts';
import type { Harness } from '../support/harness.ts';
import { listUnsealedRuns } from '../support/last-events.ts';
import { createScriptedSkill, succeed } from '../support/scripted-skill.ts';

const CENT = 1_000_000;

/** Holds 10 cents, and costs as many as its param says. */
const paid = () =>
  createScriptedSkill({
    id: 'paid',
    worstMicroCents: 10 * CENT,
    call: ({ params }) => succeed(null, (params['value'] as number) * CENT),
  });
const costing = (...cents: number[]) =>
  cents.map((value, n) => ({ id: `s${n}`, skill: 'paid', params: { value } }));

interface Told {
  type: string;
  data: Record<string, unknown>;
}

const eventsOf = async (aos: Harness, runId: string): Promise<Told[]> => {
  const { rows } = await aos.pool.query<{ type: string; data: string }>(
    'SELECT type, data FROM events WHERE run_id = $1 ORDER BY number',
    [runId],
  );
  return rows.map(({ type, data }) => ({ type, data: JSON.parse(data) as Told['data'] }));
};
/** `run 50` when the run was told that half of its budget is spent. */
const thresholdsOf = async (aos: Harness, runId: string): Promise<string[]> =>
  (await eventsOf(aos, runId))
    .filter(({ type }) => type === 'budget.threshold_reached')
    .map(({ data }) => `${String(data['level'])} ${String(data['percent'])}`);

describe('a run that spends', () => {
  let aos: Harness;
  let tenantId: string;
  let key: string;
  const lines: Record<string, unknown>[] = [];

  beforeAll(async () => {
    const onLog = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
    aos = await startHarness({ skills: [paid()], reconciler: false, onLog });
  });
  afterAll(() => aos.stop());
  beforeEach(async () => {
    tenantId = `tenant_${uuidv7()}`;
    key = await aos.createKey(tenantId, 100 * CENT);
  });
  afterEach(async () => {
    expect(await auditLedger(aos.pool, null)).toEqual([]);
    expect(await listUnsealedRuns(aos.pool)).toEqual([]);
  });

  async function run(costs: number[], budgetCents: number, extra = {}, asKey = key): Promise<Run> {
    const json = { plan: costing(...costs), budget_cents: budgetCents, ...extra };
    const { status, body } = await aos.request<Run>('/api/v1/runs', { json, key: asKey });
    expect({ status, body }).toMatchObject({ status: 202 });
    const path = `/api/v1/runs/${body.run_id}?wait=60s`;
    const { body: ended } = await aos.request<Run>(path, { key: asKey });
    expect(ended).toMatchObject({ status: 'succeeded' });
    return ended;
  }

  test('is told once of each part of its own budget, and of its tenant when it ends', async () => {
    const { run_id } = await run(
      Array.from({ length: 10 }, () => 10),
      100,
    );
    const told = (await eventsOf(aos, run_id)).filter(({ type }) => !type.startsWith('run.'));
    const spentAt = told.flatMap(({ type, data }, n) =>
      type === 'budget.threshold_reached' ? [`${String(data['level'])} ${n}`] : [],
    );
    // Two events a step; each threshold stands before the end of the step that has reached it.
    expect(spentAt).toEqual(['run 9', 'run 16', 'run 21', 'tenant 23', 'tenant 24', 'tenant 25']);
    expect((await eventsOf(aos, run_id)).at(-1)).toMatchObject({ type: 'run.succeeded' });
    expect(await thresholdsOf(aos, run_id)).toEqual([
      'run 50',
      'run 80',
      'run 100',
      'tenant 50',
      'tenant 80',
      'tenant 100',
    ]);
  });

  test('is told of what it reaches together with the runs before it', async () => {
    const first = await run([10, 10, 10, 10, 9], 60);
    expect(await thresholdsOf(aos, first.run_id)).toEqual(['run 50', 'run 80']);
    const second = await run([10, 10], 50);
    expect(await thresholdsOf(aos, second.run_id)).toEqual(['tenant 50']);
    const third = await run([9, 9], 30);
    expect(await thresholdsOf(aos, third.run_id)).toEqual(['run 50', 'tenant 80']);
    const fourth = await run([3], 10);
    expect(await thresholdsOf(aos, fourth.run_id)).toEqual([]);
  });

  test('is told of every part that one settlement reaches, with the numbers', async () => {
    const { run_id } = await run([8], 10);
    const account = `${run_id}/1`;
    const facts = { level: 'run', account_id: account, limit_cents: 10, spent_cents: 8 };
    const told = await eventsOf(aos, run_id);
    expect(told.map(({ type }) => type)).toEqual([
      'run.accepted',
      'run.started',
      'step.started',
      'budget.threshold_reached',
      'budget.threshold_reached',
      'step.succeeded',
      'run.succeeded',
    ]);
    expect(told.slice(3, 5).map(({ data }) => data)).toEqual([
      { ...facts, percent: 50 },
      { ...facts, percent: 80 },
    ]);
    const logged = lines.filter(
      (line) => line['event'] === 'budget.threshold_reached' && line['run_id'] === run_id,
    );
    expect(logged).toMatchObject([
      { budget_level: 'run', account_id: account, percent: 50 },
      { budget_level: 'run', account_id: account, percent: 80 },
    ]);
  });

  test('is told of all parts when it costs more than it may', async () => {
    await run([10, 10, 10, 10, 9], 60);
    const { run_id } = await run([70], 40);
    expect(await thresholdsOf(aos, run_id)).toEqual([
      'run 50',
      'run 80',
      'run 100',
      'tenant 50',
      'tenant 80',
      'tenant 100',
    ]);
    const { data } = (await eventsOf(aos, run_id)).at(-2)!;
    expect(data).toMatchObject({ limit_cents: 100, spent_cents: 119 });
  });

  test('is told of the budgets of its agent and its key', async () => {
    const agentId = `agent_${uuidv7()}`;
    await aos.pool.query(
      'INSERT INTO agents (id, tenant_id, name, budget_micro_cents) VALUES ($1, $2, $1, $3)',
      [agentId, tenantId, 30 * CENT],
    );
    const { body } = await aos.request<CreatedKey>('/api/v1/keys', {
      json: { name: 'own', role: 'operator', budget_cents: 20 },
      key,
    });
    const { run_id } = await run([8, 8], 20, { agent_id: agentId }, body.key);
    expect(await thresholdsOf(aos, run_id)).toEqual([
      'run 50',
      'run 80',
      'agent 50',
      'key 50',
      'key 80',
    ]);
    expect((await eventsOf(aos, run_id)).at(-2)!.data).toEqual({
      level: 'key',
      account_id: `key/${body.id}`,
      percent: 80,
      limit_cents: 20,
      spent_cents: 16,
    });
  });

  test('is named by the agent, the key and the tenant whose parts it has reached', async () => {
    const { body: agent } = await aos.request<AgentView>('/api/v1/agents', {
      json: { name: 'named', budget_cents: 20, budget_period: 'daily' },
      key,
    });
    const { body: own } = await aos.request<CreatedKey>('/api/v1/keys', {
      json: { name: 'own', role: 'operator', budget_cents: 25 },
      key,
    });
    const unspent = { reached: false, reached_at: null, run_id: null };
    const parts = [50, 80, 100].map((percent) => ({ percent, ...unspent }));
    expect([agent.thresholds, own.thresholds]).toEqual([parts, parts]);
    const { run_id } = await run([8, 8], 18, { agent_id: agent.agent_id }, own.key);
    const reached = { reached: true, reached_at: expect.any(String), run_id };
    const { body: agentAfter } = await aos.request<AgentView>(`/agents/${agent.agent_id}`, { key });
    expect(agentAfter.thresholds).toEqual([
      { percent: 50, ...reached },
      { percent: 80, ...reached },
      { percent: 100, ...unspent },
    ]);
    const { body: keyAfter } = await aos.request<KeyView>(`/api/v1/keys/${own.id}`, { key });
    expect(keyAfter.thresholds).toEqual([{ percent: 50, ...reached }, ...parts.slice(1)]);
    const { body: account } = await aos.request<TenantAccount>('/api/v1/account', { key });
    expect(account.thresholds).toEqual(parts);
  });

  test('reaches parts that a higher limit takes back and a lower one reaches again', async () => {
    const { run_id } = await run([10, 10, 10, 10], 50);
    const limitTo = async (cents: number | null) => {
      lines.length = 0;
      const { status, body } = await aos.request<TenantAccount>('/api/v1/account', {
        method: 'PATCH',
        json: { limit_cents: cents },
        key,
      });
      expect(status).toBe(200);
      return {
        runs: body.thresholds.map((each) => (each.reached ? each.run_id : undefined)),
        logged: lines
          .filter(({ event }) => event === 'budget.threshold_reached')
          .map((line) => [line['budget_level'], line['percent'], line['run_id']]),
      };
    };
    const audited = async () => {
      const path = '/api/v1/audit?operation=updateAccount&limit=1';
      return (await aos.request<AuditPage>(path, { key })).body.data[0]!.detail;
    };
    const none = [undefined, undefined, undefined];
    expect(await limitTo(200)).toEqual({ runs: none, logged: [] });
    expect(await audited()).toEqual({ limit_cents: 200 });
    const [half, most] = [50, 80].map((percent) => ['tenant', percent, undefined]);
    expect(await limitTo(50)).toEqual({ runs: [null, null, undefined], logged: [half, most] });
    expect(await audited()).toEqual({ limit_cents: 50, thresholds_reached: [50, 80] });
    // What stays reached is not reached anew.
    expect(await limitTo(60)).toEqual({ runs: [null, undefined, undefined], logged: [] });
    expect(await limitTo(null)).toEqual({ runs: none, logged: [] });
    const all = ['tenant', 100, undefined];
    expect(await limitTo(40)).toEqual({ runs: [null, null, null], logged: [half, most, all] });
    const raised = await aos.request<{ account: TenantAccount }>('/api/v1/account/topup', {
      json: { amount_cents: 50 },
      key,
    });
    expect(raised.body.account.thresholds.map(({ reached }) => reached)).toEqual([
      false,
      false,
      false,
    ]);
    const second = await run([5], 15);
    expect(await thresholdsOf(aos, second.run_id)).toEqual(['tenant 50']);
    const { body } = await aos.request<TenantAccount>('/api/v1/account', { key });
    expect(body.thresholds[0]).toMatchObject({ reached: true, run_id: second.run_id });
    expect(run_id).not.toBe(second.run_id);
  });

  test('has an agent whose lower limit is told to the audit, the log and the metric', async () => {
    const { body: agent } = await aos.request<AgentView>('/api/v1/agents', {
      json: { name: 'lowered', budget_cents: 60 },
      key,
    });
    await run([8], 10, { agent_id: agent.agent_id });
    const metric = async () =>
      /aos_budget_thresholds_total\{level="agent",percent="80"\} (\d+)/.exec(
        await aos.deps.metrics.register.metrics(),
      )?.[1] ?? '0';
    const before = await metric();
    lines.length = 0;
    const { body } = await aos.request<AgentView>(`/agents/${agent.agent_id}`, {
      method: 'PATCH',
      json: { budget_cents: 10 },
      key,
    });
    expect(body.thresholds).toEqual([
      { percent: 50, reached: true, reached_at: expect.any(String), run_id: null },
      { percent: 80, reached: true, reached_at: expect.any(String), run_id: null },
      { percent: 100, reached: false, reached_at: null, run_id: null },
    ]);
    const path = `/api/v1/audit?operation=updateAgent`;
    expect((await aos.request<AuditPage>(path, { key })).body.data).toMatchObject([
      { subject: agent.agent_id, detail: { budget_cents: 10, thresholds_reached: [50, 80] } },
    ]);
    const { rows } = await aos.pool.query<{ agent_id: string; data: string }>(
      `SELECT agent_id, data FROM events WHERE run_id IS NULL AND agent_id = $1 ORDER BY position`,
      [agent.agent_id],
    );
    const data = rows.map((row) => JSON.parse(row.data) as unknown);
    expect(data).toMatchObject([
      { percent: 50, run_id: null },
      { percent: 80, limit_cents: 10 },
    ]);
    const told = lines.filter(({ event }) => event === 'budget.threshold_reached');
    expect(told).toMatchObject([
      { budget_level: 'agent', account_id: `agent/${agent.agent_id}`, percent: 50 },
      { budget_level: 'agent', account_id: `agent/${agent.agent_id}`, percent: 80 },
    ]);
    expect(Number(await metric())).toBe(Number(before) + 1);
  });

  test('is told nothing of budgets without a limit, or of 0', async () => {
    await aos.request('/api/v1/account', { method: 'PATCH', json: { limit_cents: null }, key });
    expect(await thresholdsOf(aos, (await run([4], 100)).run_id)).toEqual([]);
    const plan = [{ skill: 'json_transform', params: { data: 1, query: '.' } }];
    const json = { plan, budget_cents: 0 };
    const { body } = await aos.request<Run>('/api/v1/runs', { json, key });
    await aos.request(`/api/v1/runs/${body.run_id}?wait=60s`, { key });
    expect(await thresholdsOf(aos, body.run_id)).toEqual([]);
  });

  test('counts on a metric, by level and part', async () => {
    const count = async (level: string, percent: number): Promise<number> => {
      const text = await aos.deps.metrics.register.metrics();
      const name = `aos_budget_thresholds_total{level="${level}",percent="${percent}"}`;
      return Number(
        text
          .split('\n')
          .find((line) => line.startsWith(name))
          ?.split(' ')[1] ?? 0,
      );
    };
    const before = [await count('run', 50), await count('run', 80)];
    await run([6], 10);
    expect([await count('run', 50), await count('run', 80)]).toEqual([before[0]! + 1, before[1]]);
  });
});

describe('what is spent', () => {
  let aos: Harness;
  let runId: string;
  const lines: Record<string, unknown>[] = [];

  beforeAll(async () => {
    const onLog = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>);
    aos = await startHarness({ skills: [paid()], worker: false, reconciler: false, onLog });
  });
  afterAll(() => aos.stop());
  afterEach(async () => expect(await listUnsealedRuns(aos.pool)).toEqual([]));

  /** A run of a tenant that has just its budget. */
  async function submit(budgetCents: number, tenantKey?: string): Promise<void> {
    const key = tenantKey ?? (await aos.createKey(`tenant_${uuidv7()}`, budgetCents * CENT));
    const json = { plan: costing(0, 0), budget_cents: budgetCents };
    runId = (await aos.request<Run>('/api/v1/runs', { json, key })).body.run_id;
  }

  async function begin(stepId: string, fence = uuidv7()): Promise<BegunCall> {
    const address = { run_id: runId, execution: 1, step_id: stepId, role: 'main' as const, try: 1 };
    const begun = await beginTry(aos.deps, address, fence);
    if (begun.kind === 'reply') throw new Error(`no call: ${JSON.stringify(begun.reply)}`);
    return begun.call;
  }
  const close = () =>
    closeRun(aos.deps, { run_id: runId, execution: 1, reason: { kind: 'cancelled' } });

  test('is told once, however often the outcome and the end of the run are recorded', async () => {
    await submit(10);
    const call = await begin('s0');
    for (let n = 0; n < 3; n += 1) await finishTry(aos.deps, call, succeed(null, 6 * CENT));
    expect(await thresholdsOf(aos, runId)).toEqual(['run 50']);
    await Promise.all([close(), close(), close()]);
    await close();
    expect(await thresholdsOf(aos, runId)).toEqual(['run 50', 'tenant 50']);
  });

  test('is told for what is presumed of a lost worker, and not again at the close', async () => {
    await submit(10);
    await begin('s0');
    // The first worker's call is presumed to have cost all that was held.
    await expect(begin('s0')).rejects.toThrow('BUDGET_EXCEEDED');
    const told = await thresholdsOf(aos, runId);
    expect(told).toEqual(['run 50', 'run 80', 'run 100']);
    await close();
    expect((await thresholdsOf(aos, runId)).slice(told.length)).toEqual([
      'tenant 50',
      'tenant 80',
      'tenant 100',
    ]);
  });

  test('is counted with what is over the limit', async () => {
    const tenantKey = await aos.createKey(`tenant_${uuidv7()}`, 100 * CENT);
    await submit(40, tenantKey);
    const [waiting, call] = [runId, await begin('s0')];
    await submit(60, tenantKey);
    await finishTry(aos.deps, await begin('s0'), succeed(null, 70 * CENT));
    await close();
    expect((await thresholdsOf(aos, runId)).at(-1)).toBe('tenant 50');
    // 60 cents are settled and 10 over: ten more are 80.
    runId = waiting;
    await finishTry(aos.deps, call, succeed(null, 10 * CENT));
    await close();
    expect(await thresholdsOf(aos, runId)).toEqual(['tenant 80']);
  });

  test('is told once when it comes after the end', async () => {
    const tenantKey = await aos.createKey(`tenant_${uuidv7()}`, 100 * CENT);
    await submit(100, tenantKey);
    const late = await begin('s0');
    await close();
    expect(await thresholdsOf(aos, runId)).toEqual([]);
    lines.length = 0;
    for (let n = 0; n < 3; n += 1) await finishTry(aos.deps, late, succeed(null, 60 * CENT));
    // The run has had its last event, so this one is the tenant's alone.
    expect(await thresholdsOf(aos, runId)).toEqual([]);
    const { rows } = await aos.pool.query<{ data: string }>(
      `SELECT e.data FROM events e JOIN runs r ON r.tenant_id = e.tenant_id WHERE r.id = $1 AND e.run_id IS NULL`,
      [runId],
    );
    expect(rows.map(({ data }) => JSON.parse(data) as unknown)).toEqual([
      expect.objectContaining({ level: 'tenant', percent: 50, spent_cents: 60, run_id: runId }),
    ]);
    expect(lines.filter(({ event }) => event === 'budget.threshold_reached')).toMatchObject([
      { run_id: runId, budget_level: 'tenant', percent: 50 },
    ]);
    const { body } = await aos.request<TenantAccount>('/api/v1/account', { key: tenantKey });
    expect(body.thresholds).toMatchObject([
      { percent: 50, reached: true, reached_at: expect.any(String), run_id: runId },
      { percent: 80, reached: false, reached_at: null, run_id: null },
      { percent: 100, reached: false },
    ]);
  });
});
