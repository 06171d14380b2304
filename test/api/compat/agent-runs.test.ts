import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AgentRun, ProvenancePage } from '../../../src/contracts/compat.ts';
import type { Failure } from '../../../src/contracts/failures.ts';
import { COMPAT_ROUTES } from '../../../src/contracts/routes/compat.ts';
import type { Run, RunPage } from '../../../src/contracts/run.ts';
import { insertAgentRow } from '../../support/agent-row.ts';
import { at, expectFields } from '../../support/fields.ts';
import type { Kind } from '../../support/fields.ts';
import { startHarness } from '../../support/harness.ts';
import type { Harness } from '../../support/harness.ts';
import { createScriptedSkill, fail, succeed } from '../../support/scripted-skill.ts';

const CENT = 1_000_000;
const ENDED: Record<string, Kind> = {
  run_id: 'str',
  agent_id: 'str',
  goal: 'str',
  status: 'str',
  attempts: 'int',
  created_at: 'str',
  completed_at: 'str',
  plan: 'any',
  tool_calls: 'arr',
};
const jq = (query: string, data: unknown = 1) => ({
  skill: 'json_transform',
  params: { query, data },
});

describe("an agent's runs, for clients of the earlier AOS", () => {
  let aos: Harness;
  let agentId: string;
  const dear = createScriptedSkill({
    id: 'dear',
    worstMicroCents: 3 * CENT,
    call: () => succeed('x'.repeat(300_000), 2 * CENT),
  });
  const broken = createScriptedSkill({ id: 'broken', call: () => fail('HTTP_5XX') });
  beforeAll(async () => {
    aos = await startHarness({ skills: [dear, broken] });
    agentId = await insertAgentRow(aos.pool);
  });
  afterAll(async () => {
    expect(await aos.audit()).toEqual([]);
    await aos.stop();
  });

  const read = async <T = AgentRun>(agent: string, runId: string, key?: string) => {
    const path = `/agents/${encodeURIComponent(agent)}/runs/${runId}`;
    return aos.request<T>(path, key === undefined ? {} : { key });
  };

  test('a goal without a model has failed within the poll, with its reason and its recovery', async () => {
    const goal = { goal: 'ping', force_skill: 'http_call' };
    const made = await aos.request<Run>(`/agents/${agentId}/goals`, { json: goal });
    expect(made).toMatchObject({ status: 202, body: { status: 'queued' } });
    await aos.ended(made.body.run_id);
    const { status, body } = await read(agentId, made.body.run_id);
    expect(status).toBe(200);
    expectFields(body, { ...ENDED, 'outcome.error.code': 'str' });
    expect(AgentRun.parse(body)).toMatchObject({
      agent_id: agentId,
      goal: 'ping',
      status: 'failed',
      attempts: 1,
      plan: null,
      tool_calls: [{ skill: 'plan_goal', ok: false, failure: { code: 'PLANNER_UNAVAILABLE' } }],
      outcome: { error: { code: 'PLANNER_UNAVAILABLE' } },
    });
  });

  test('a run submitted with an agent that nobody has made shows its plan and every call', async () => {
    const plan = [
      jq('.', { a: 1 }),
      { id: 'shaky', skill: 'broken', params: {}, fallback: jq('"plan B"') },
      { id: 'big', skill: 'dear', params: {} },
      { ...jq('.'), id: 'never', when: { ref: 'input', op: 'eq', value: 'go' } },
    ];
    const run = await aos.run(plan, { agent_id: 'my-first-agent', budget_cents: 10 });
    const { status, body } = await read('my-first-agent', run.run_id);
    expect(status).toBe(200);
    expectFields(body, ENDED);
    expect(AgentRun.parse(body)).toMatchObject({ ...run, goal: '', plan });
    const [first, shaky, big, ...others] = body.tool_calls;
    expect(others).toEqual([]);
    expect(first).toMatchObject({
      index: 0,
      skill: 'json_transform',
      role: 'main',
      status: 'succeeded',
      ok: true,
      tries: 1,
      params: { query: '.', data: { a: 1 } },
      result_preview: '{"a":1}',
      output_bytes: 7,
    });
    expect(shaky).toMatchObject({
      step_id: 'shaky',
      skill: 'json_transform',
      role: 'fallback',
      ok: true,
      params: { query: '"plan B"' },
      result_preview: '"plan B"',
    });
    expect(big).toMatchObject({ skill: 'dear', ok: true, cost_cents: 2 });
    expect(big!.result_preview).toBe(`"${'x'.repeat(999)}`);
    expect(body.attempts).toBe(body.tool_calls.reduce((sum, { tries }) => sum + tries, 0));
    expect(body.attempts).toBeGreaterThan(3);
  });

  test('before the end it is queued, without an end and without calls', async () => {
    const idle = await startHarness({ worker: false, reconciler: false });
    const run = await idle.submit([jq('.')], { agent_id: 'a b/c', goal: 'Wait.' });
    const { status, body } = await idle.request<AgentRun>(
      `/api/v1/agents/${encodeURIComponent('a b/c')}/runs/${run.run_id}`,
    );
    expect(status).toBe(200);
    expect(AgentRun.parse(body)).toMatchObject({ status: 'queued', attempts: 0, tool_calls: [] });
    expectFields(body, { outcome: 'absent', completed_at: 'absent', plan: 'arr' });
    await idle.stop();
  });

  test('a run is found under its own agent alone, in its own tenant alone', async () => {
    const run = await aos.run([jq('.')], { agent_id: agentId, goal: 'Mine.' });
    const stranger = await aos.createKey('stranger');
    for (const [agent, runId, key] of [
      ['my-first-agent', run.run_id, undefined],
      [agentId, 'run_unknown', undefined],
      [agentId, '%00', undefined],
      [agentId, run.run_id.replace(/.$/, 'z'), undefined],
      ['\0', run.run_id, undefined],
      [agentId, run.run_id, stranger],
    ] as const) {
      const answer = await read<Failure>(agent, runId, key);
      expect(answer).toMatchObject({ status: 404, body: { code: 'RUN_NOT_FOUND' } });
    }
    expect((await read(agentId, run.run_id)).status).toBe(200);
  });

  const LISTS = ['/agents/:id/runs', '/api/v1/agents/:id/runs', '/agents/:id/provenance'];

  test.each([...LISTS, '/agents/:id/recall?query=x'])(
    '%s is 404 for an agent that is nobody, and for another tenant',
    async (path) => {
      const stranger = await aos.createKey('stranger');
      for (const [id, key] of [
        ['agent_unknown', aos.key],
        ['%00', aos.key],
        ['x'.repeat(300), aos.key],
        [agentId, stranger],
      ] as const) {
        const answer = await aos.request<Failure>(path.replace(':id', id), { key });
        expect(answer).toMatchObject({ status: 404, body: { code: 'AGENT_NOT_FOUND' } });
      }
    },
  );

  test('a key that is bound to another agent reads none of it', async () => {
    const other = await insertAgentRow(aos.pool);
    const run = await aos.run([jq('.')], { agent_id: agentId });
    const key = await aos.createKey('bound');
    await aos.pool.query(
      `UPDATE api_keys SET tenant_id = 'default', agent_id = $1 WHERE tenant_id = 'bound'`,
      [other],
    );
    for (const path of [`runs/${run.run_id}`, 'runs', 'provenance', 'recall?query=x']) {
      const refused = await aos.request<Failure>(`/agents/${agentId}/${path}`, { key });
      expect(refused).toMatchObject({ status: 403, body: { code: 'KEY_BOUND_TO_AGENT' } });
    }
    for (const path of ['runs', 'provenance', 'recall'])
      expect((await aos.request(`/agents/${other}/${path}`, { key })).status).toBe(200);
  });

  test('they are listed newest first, page by page, and those of no other agent', async () => {
    const id = await insertAgentRow(aos.pool);
    expect((await aos.request<RunPage>(`/agents/${id}/runs?limit=5`)).body).toEqual({
      data: [],
      has_more: false,
      next_cursor: null,
    });
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1)
      ids.unshift((await aos.run([jq(String(n))], { agent_id: id })).run_id);
    for (const list of ['runs', 'provenance']) {
      const path = `/agents/${id}/${list}?limit=2`;
      const first = (await aos.request<RunPage>(path)).body;
      const second = (await aos.request<RunPage>(`${path}&cursor=${first.next_cursor}`)).body;
      expect(first.has_more).toBe(true);
      expect(second).toMatchObject({ has_more: false, next_cursor: null });
      expect([...first.data, ...second.data].map((each) => each.run_id)).toEqual(ids);
      const forged = await aos.request<Failure>(`${path}&cursor=forged`);
      expect(forged).toMatchObject({ status: 400, body: { code: 'CURSOR_INVALID' } });
      const tooMany = await aos.request<Failure>(`/agents/${id}/${list}?limit=0`);
      expect(tooMany).toMatchObject({ status: 422, body: { code: 'INVALID_REQUEST' } });
    }
  });

  test('provenance tells equal plans by equal hashes, and what each run has cost', async () => {
    const id = await insertAgentRow(aos.pool);
    const extra = { agent_id: id, goal: 'Buy.', budget_cents: 10 };
    const buy = { skill: 'dear', params: { b: 1, a: 2 } };
    await aos.run([buy], extra);
    await aos.run([{ params: { a: 2, b: 1 }, skill: 'dear' }], extra);
    await aos.run([jq('.')], extra);
    const goal = await aos.request<Run>(`/agents/${id}/goals`, { json: { goal: 'No model.' } });
    await aos.ended(goal.body.run_id);
    const { body } = await aos.request<ProvenancePage>(`/agents/${id}/provenance?limit=5`);
    const { data } = ProvenancePage.parse(body);
    expect(data.map(({ status, cost_cents }) => [status, cost_cents])).toEqual([
      ['failed', 0],
      ['succeeded', 0],
      ['succeeded', 2],
      ['succeeded', 2],
    ]);
    const [none, other, again, once] = data.map(({ plan_hash: hash }) => hash);
    expect(none).toBeNull();
    expect(once).toMatch(/^[0-9a-f]{64}$/);
    expect(again).toBe(once);
    expect(other).not.toBe(once);
    for (const each of data) {
      expect(each).toMatchObject({ agent_id: id, price_table_version: expect.any(String) });
      expectFields(each, { run_id: 'str', created_at: 'str', completed_at: 'str' });
    }
  });

  test('the examples of the routes are of their shapes', () => {
    for (const { answers } of Object.values(COMPAT_ROUTES)) {
      const { schema, example } = answers[200];
      expect(schema.parse(example)).toEqual(example);
      expect(at(example, 'detail')).toBeUndefined();
    }
  });
});
