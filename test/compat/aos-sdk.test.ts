import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runProgram } from '../../src/embedded/run-program.ts';
import { at, expectFields } from '../support/fields.ts';
import type { Fields } from '../support/fields.ts';
import { startHarness } from '../support/harness.ts';
import type { Harness } from '../support/harness.ts';
import { findPythonSdk } from '../support/python-sdk.ts';
import type { Transport } from '../support/python-sdk.ts';

const DRIVER = fileURLToPath(new URL('aos-sdk.py', import.meta.url));
const SEVEN = [
  'http_call',
  'llm_invoke',
  'json_transform',
  'fs_read',
  'fs_write',
  'webhook_send',
  'email_send',
];
/** Its parts may have to be fetched first. */
const DRIVE_MS_MAX = 600_000;

const raised = (status: number, code: string) => ({
  raised: { status_code: status, response: { code, detail: expect.any(String) } },
});

describe.each<Transport>(['httpx', 'requests'])('aos-sdk 0.1.0 of PyPI, by %s', (transport) => {
  let aos: Harness;
  let web: Server;
  let told: Fields;
  beforeAll(async () => {
    web = createServer((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end('{"price": 43210}');
    });
    web.listen(0, '127.0.0.1');
    await once(web, 'listening');
    const target = `127.0.0.1:${(web.address() as AddressInfo).port}`;
    aos = await startHarness({ egressAllow: target });
    const packages = await findPythonSdk(transport);
    // Without the packages of the machine, which may hold the other transport.
    const args = ['-S', '-s', DRIVER, aos.url, aos.key, `http://${target}/`];
    const env = {
      ...process.env,
      PYTHONPATH: packages,
      PYTHONDONTWRITEBYTECODE: '1',
      AOS_API_KEY: aos.key,
      AOS_BASE_URL: aos.url,
      NO_PROXY: '127.0.0.1',
    } as Record<string, string>;
    const { ok, output } = await runProgram('python3', args, { timeoutMs: DRIVE_MS_MAX, env });
    expect({ ok, output }).toMatchObject({ ok: true });
    told = JSON.parse(output) as Fields;
  }, DRIVE_MS_MAX);
  afterAll(async () => {
    expect(await aos.audit()).toEqual([]);
    await aos.stop();
    web.closeAllConnections();
    web.close();
    await once(web, 'close');
  });

  const agentId = (): string => told['create_agent'] as string;

  test('is the published one, and speaks as it should', () => {
    expect(told).toMatchObject({ version: '0.1.0', transport });
  });

  test('lists and describes skills', () => {
    for (const name of ['list_skills', 'by_its_older_name']) {
      const { skills, count } = told[name] as { skills: Fields[]; count: number };
      expect(count).toBe(skills.length);
      expect(skills.map(({ id }) => id)).toEqual(expect.arrayContaining(SEVEN));
      for (const skill of skills)
        expectFields(skill, { id: 'str', name: 'str', description: 'str', version: 'str' });
    }
    expect(told['describe_skill']).toMatchObject({ id: 'http_call', skill_id: 'http_call' });
    expect(told['describe_unknown_skill']).toMatchObject(raised(404, 'SKILL_NOT_FOUND'));
  });

  test('asks what can be done', () => {
    expect(told['get_capabilities']).toMatchObject({
      agent_id: null,
      skills: { http_call: { available: true }, llm_invoke: { available: false } },
      skills_available: expect.arrayContaining(['http_call', 'json_transform']),
      budget_remaining_cents: 9_000_000_000,
      budget: { total_cents: 9_000_000_000, remaining_cents: 9_000_000_000 },
    });
    expect(told['get_capabilities_of']).toMatchObject({ agent_id: agentId() });
    expect(told['get_resource_contract']).toMatchObject({ resource_id: 'default' });
    expect(at(told, 'get_resource_contract.max_concurrency')).toBeGreaterThanOrEqual(1);
  });

  test('makes an agent and gives it a goal, which has failed within the poll for want of a model', () => {
    expect(agentId()).toMatch(/^agent_/);
    expect(told['post_goal']).toMatch(/^run_/);
    expect(told['poll_run']).toMatchObject({
      run_id: told['post_goal'],
      agent_id: agentId(),
      goal: 'ping',
      status: 'failed',
      attempts: 1,
      plan: null,
      outcome: { success: false, error: { code: 'PLANNER_UNAVAILABLE' } },
    });
    expect(told['post_goal_of_nobody']).toMatchObject(raised(404, 'AGENT_NOT_FOUND'));
  });

  test('simulates a plan', () => {
    expect(told['simulate']).toMatchObject({
      feasible: true,
      budget_sufficient: true,
      estimated_cost_cents: 5,
      budget_remaining_cents: 995,
      step_estimates: [{ skill_id: 'http_call' }, { skill_id: 'llm_invoke' }],
      risks: expect.arrayContaining([expect.objectContaining({ risk_type: 'TIMEOUT' })]),
    });
    expect(told['simulate_in_full']).toMatchObject({
      feasible: false,
      status: 'budget_insufficient',
      budget_remaining_cents: -5,
      reason: expect.any(String),
    });
    expect(told['simulate_nothing']).toMatchObject(raised(422, 'INVALID_REQUEST'));
  });

  test('runs a plan and reads its result, from the run and from its agent', () => {
    const { run_id: runId } = told['create_run'] as Fields;
    expect(told['create_run']).toMatchObject({ agent_id: agentId(), goal: 'Watch the price' });
    expect('outcome' in (told['create_run'] as Fields)).toBe(false);
    const ended = {
      run_id: runId,
      id: runId,
      agent_id: agentId(),
      status: 'succeeded',
      outcome: { success: true, result: 'BTC: $43210', data: 'BTC: $43210' },
    };
    expect(told['get_run']).toMatchObject({ ...ended, current_step: 3, total_steps: 3 });
    expect(told['poll_made_run']).toMatchObject({
      ...ended,
      attempts: 3,
      plan: [{ skill: 'http_call' }, { skill: 'json_transform' }, { skill: 'json_transform' }],
      tool_calls: [
        { skill: 'http_call', ok: true },
        { skill: 'json_transform', ok: true, result_preview: '43210' },
        { skill: 'json_transform', ok: true, result_preview: '"BTC: $43210"' },
      ],
    });
    expect(told['create_broken_run']).toMatchObject(raised(422, 'SKILL_NOT_FOUND'));
    expect(told['get_unknown_run']).toMatchObject(raised(404, 'RUN_NOT_FOUND'));
  });

  test('runs for an agent that nobody has made, with and without a plan', () => {
    const { run_id: runId } = told['create_run_of_nobody'] as Fields;
    const ended = { run_id: runId, status: 'succeeded', outcome: { result: 42 } };
    expect(told['get_run_of_nobody']).toMatchObject(ended);
    expect(told['poll_run_of_nobody']).toMatchObject({ ...ended, agent_id: 'my-first-agent' });
    expect(told['get_run_planless']).toMatchObject({
      goal: 'Say hello',
      status: 'failed',
      outcome: { success: false, error: { code: 'PLANNER_UNAVAILABLE' } },
    });
  });

  test('recalls what its agent has done', () => {
    const recall = told['recall'] as { entries: Fields[] };
    expect(recall).toMatchObject({
      total: 1,
      entries: [{ id: at(told, 'create_run.run_id'), content: expect.stringContaining('43210') }],
    });
    expectFields(recall.entries[0], { id: 'str', content: 'str', score: 'num', timestamp: 'str' });
    expect(told['recall_nothing']).toEqual({ entries: [], total: 0 });
    expect(told['recall_of_nobody']).toMatchObject(raised(404, 'AGENT_NOT_FOUND'));
  });

  test('asks the five questions, and one that is none', () => {
    const results = (name: string): unknown => at(told, `${name}.result`);
    expect(results('remaining_budget_cents')).toMatchObject({
      remaining_cents: expect.any(Number),
      spent_cents: expect.any(Number),
      total_cents: expect.any(Number),
    });
    const { history } = results('what_did_i_try_already') as { history: Fields[] };
    expect(history.map(({ skill_id: skill, ok }) => [skill, ok])).toEqual([
      ['json_transform', true],
      ['json_transform', true],
      ['http_call', true],
    ]);
    expect(at(told, 'allowed_skills.result.skills')).toEqual(
      expect.arrayContaining(['http_call', 'json_transform', 'llm_invoke']),
    );
    expect(results('last_step_outcome')).toMatchObject({ outcome: { ok: true } });
    expect(results('skills_available_for_goal')).toMatchObject({
      goal: 'fetch a page',
      skills: expect.arrayContaining(['http_call']),
    });
    expect(results('query_unknown')).toMatchObject({ error: expect.any(String) });
    expect(at(told, 'query_unknown.supported_queries')).toEqual(
      expect.arrayContaining([
        'remaining_budget_cents',
        'what_did_i_try_already',
        'allowed_skills',
        'last_step_outcome',
        'skills_available_for_goal',
      ]),
    );
  });

  test('is told as an AOSError that its key is wrong', () => {
    expect(told['with_a_wrong_key']).toMatchObject(raised(401, 'UNAUTHENTICATED'));
  });

  test('has a command, each of whose words works', () => {
    const printed = (word: string): Fields => JSON.parse(told[`aos ${word}`] as string) as Fields;
    expect(told['aos version']).toBe('aos-sdk 0.1.0\n');
    expect(printed('health')).toMatchObject({ status: 'healthy' });
    expect(printed('capabilities')).toMatchObject({ skills: { http_call: { available: true } } });
    expect(printed('skills')['count']).toBeGreaterThanOrEqual(SEVEN.length);
    expect(printed('skill')).toMatchObject({ id: 'llm_invoke' });
    expect(printed('simulate')).toMatchObject({ feasible: true, budget_remaining_cents: 95 });
  });
});
