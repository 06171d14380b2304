import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { AgentView } from '../../src/contracts/agent.ts';
import type { Failure } from '../../src/contracts/failures.ts';
import type { JsonObject } from '../../src/contracts/json.ts';
import type { Answer, Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';

/** Far beyond what it takes. */
const GIVE_UP_MS = 20_000;

let aos: Harness;
beforeAll(async () => {
  aos = await startHarness({ worker: false, reconciler: false });
});
afterAll(async () => {
  expect(await aos.audit()).toEqual([]);
  await aos.stop();
});

async function createAgent(limits: JsonObject): Promise<string> {
  const json = { name: 'racer', ...limits };
  return (await aos.request<AgentView>('/api/v1/agents', { json })).body.agent_id;
}

async function untilOneWaits(): Promise<void> {
  const giveUpAt = Date.now() + GIVE_UP_MS;
  for (;;) {
    const { rowCount } = await aos.pool.query(
      `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    if (rowCount === 1) return;
    if (Date.now() > giveUpAt) throw new Error('nobody waits for the agent');
  }
}

/** Changes the agent in a transaction that ends only when a submission, checked by what was before, waits for it. */
async function submitDuring(agentId: string, change: string): Promise<Answer<Failure>> {
  const client = await aos.pool.connect();
  try {
    await client.query('BEGIN');
    await client.query(`UPDATE agents SET ${change} WHERE id = $1`, [agentId]);
    const submitting = aos.request<Failure>('/api/v1/runs', {
      json: {
        agent_id: agentId,
        plan: [{ skill: 'json_transform', params: { query: '1' } }],
        budget_cents: 5,
      },
    });
    await untilOneWaits();
    await client.query('COMMIT');
    return await submitting;
  } finally {
    client.release();
  }
}

describe.each([
  ['with limited runs', { max_concurrent_runs: 5 }],
  ['without', {}],
])('a submission for an agent %s, that changes meanwhile,', (_kind, limits) => {
  test.each([
    ['is archived', `status = 'archived'`, 409, 'AGENT_ARCHIVED'],
    ['loses the skill', `allowed_skills = '{}'`, 403, 'SKILL_NOT_ALLOWED'],
    ['gets a lower cap', 'max_run_cost_micro_cents = 1', 402, 'RUN_CAP_EXCEEDED'],
    ['gets a lower budget', 'budget_micro_cents = 1', 402, 'BUDGET_EXCEEDED'],
  ])('is refused when it %s', async (_what, change, status, code) => {
    const answer = await submitDuring(await createAgent(limits), change);
    expect(answer).toMatchObject({ status, body: { code } });
  });

  test('is accepted when it is only called by another name, and obeys what else it has', async () => {
    const id = await createAgent(limits);
    expect((await submitDuring(id, `name = 'other', max_concurrent_runs = 1`)).status).toBe(202);
    const next = await submitDuring(id, `name = 'third'`);
    expect(next).toMatchObject({ status: 409, body: { code: 'CONCURRENT_RUNS_EXCEEDED' } });
  });
});
