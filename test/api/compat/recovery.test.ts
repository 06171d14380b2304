import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  CostsimStatus,
  RecoveryCandidatePage,
  RecoveryStats,
} from '../../../src/contracts/compat.ts';
import { FAILURE_CODES } from '../../../src/contracts/failure-codes.ts';
import type { Failure } from '../../../src/contracts/failures.ts';
import { RECOVERABLE_CODES } from '../../../src/domain/recoverable.ts';
import { insertAgentRow } from '../../support/agent-row.ts';
import { startHarness } from '../../support/harness.ts';
import type { Harness } from '../../support/harness.ts';
import { createScriptedSkill, fail } from '../../support/scripted-skill.ts';

const STATS = '/api/v1/recovery/stats';
const CANDIDATES = '/api/v1/recovery/candidates';

describe('what something can be done about', () => {
  let aos: Harness;
  let agentId: string;
  const runs: string[] = [];
  const broken = createScriptedSkill({
    id: 'broken',
    call: ({ params }) => fail(params['value'] as 'HTTP_4XX'),
  });
  const jq = { skill: 'json_transform', params: { query: '.', data: 1 } };
  const breaks = (value: string) => ({
    id: 'b',
    skill: 'broken',
    params: { value },
    retry: { max_attempts: 1 },
  });

  const stats = async (key = aos.key): Promise<RecoveryStats> =>
    RecoveryStats.parse((await aos.request(STATS, { key })).body);
  const list = async (query = '', key = aos.key): Promise<RecoveryCandidatePage> =>
    RecoveryCandidatePage.parse((await aos.request(`${CANDIDATES}${query}`, { key })).body);

  beforeAll(async () => {
    aos = await startHarness({ skills: [broken] });
    agentId = await insertAgentRow(aos.pool);
  });
  afterAll(async () => {
    expect(await aos.audit()).toEqual([]);
    await aos.stop();
  });

  test('is nothing at first', async () => {
    expect(await stats()).toEqual({ total_candidates: 0, by_code: {}, by_action: {} });
    expect(await list()).toEqual({ data: [], has_more: false, next_cursor: null });
  });

  test('is every failed run, counted by its code, with what can be done', async () => {
    const named = { agent_id: agentId, goal: 'Say "code":"TLS_FAILED".' };
    for (const [code, extra] of [
      ['HTTP_4XX', {}],
      ['HTTP_5XX', named],
      ['HTTP_4XX', {}],
    ] as const)
      runs.unshift((await aos.run([breaks(code)], extra)).run_id);
    await aos.run([jq]);
    await aos.run([{ ...breaks('HTTP_5XX'), fallback: jq }]);
    expect(await stats()).toEqual({
      total_candidates: 3,
      by_code: { HTTP_4XX: 2, HTTP_5XX: 1 },
      by_action: { fix_plan: 2, retry_later: 1 },
    });
    const { data } = await list();
    expect(data.map(({ id, code }) => [id, code])).toEqual([
      [runs[0], 'HTTP_4XX'],
      [runs[1], 'HTTP_5XX'],
      [runs[2], 'HTTP_4XX'],
    ]);
    expect(data[1]).toMatchObject({
      ...named,
      run_id: runs[1],
      step_id: 'b',
      category: 'TRANSIENT',
      message: 'scripted HTTP_5XX',
      retryable: true,
      action: 'retry_later',
      recovery: [{ action: 'retry_later' }],
    });
    expect(data[0]).not.toHaveProperty('agent_id');
  });

  test('is no run that was stopped on request, and none that is open', async () => {
    const before = await stats();
    const held = await startHarness({ worker: false, reconciler: false });
    const open = await held.submit([jq]);
    expect(await stats()).toEqual(before);
    await held.request(`/api/v1/runs/${open.run_id}/cancel`, { json: {} });
    expect((await held.request<RecoveryStats>(STATS)).body.total_candidates).toBe(0);
    await held.stop();
  });

  test('is told page by page', async () => {
    const ids: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const page: RecoveryCandidatePage = await list(`?limit=1${cursor && `&cursor=${cursor}`}`);
      expect(page.data).toHaveLength(1);
      ids.push(page.data[0]!.id);
      cursor = page.next_cursor;
    }
    expect(ids).toEqual(runs);
    const forged = await aos.request<Failure>(`${CANDIDATES}?cursor=1`);
    expect(forged).toMatchObject({ status: 400, body: { code: 'CURSOR_INVALID' } });
  });

  test('is the own of a tenant, and of an agent for a key that is bound to it', async () => {
    const stranger = await aos.createKey('stranger');
    expect(await stats(stranger)).toMatchObject({ total_candidates: 0 });
    expect((await list('', stranger)).data).toEqual([]);
    await aos.pool.query(
      `UPDATE api_keys SET tenant_id = 'default', agent_id = $1 WHERE tenant_id = 'stranger'`,
      [agentId],
    );
    const bound = await aos.createKey('late');
    await aos.pool.query(
      `UPDATE api_keys SET tenant_id = 'default', agent_id = $1 WHERE tenant_id = 'late'`,
      [agentId],
    );
    expect(await stats(bound)).toMatchObject({ total_candidates: 1, by_code: { HTTP_5XX: 1 } });
    expect((await list('', bound)).data.map(({ id }) => id)).toEqual([runs[1]]);
  });

  test('is named by the catalogue: what has an action', () => {
    expect(RECOVERABLE_CODES).toContain('HTTP_5XX');
    expect(RECOVERABLE_CODES).not.toContain('CANCELLED');
    for (const code of RECOVERABLE_CODES) expect(FAILURE_CODES[code].action).not.toBe('none');
  });

  test('the code of a failure from before there was a column for it is found by the migration', async () => {
    const odd = JSON.stringify({
      detail: 'It says "code":"TLS_FAILED", \\"code":"DNS_FAILED".',
      code: 'HTTP_4XX',
      recovery: [{ body: { code: 'TIMEOUT' } }],
    });
    const migration = await readFile(
      new URL('../../../src/storage/migrations/000003.sql', import.meta.url),
      'utf8',
    );
    const [, expression] = /SET failure_code = (.*) WHERE/.exec(migration)!;
    const { rows } = await aos.pool.query(
      `SELECT ${expression} AS code FROM (SELECT $1::text AS failure) runs`,
      [odd],
    );
    expect(rows).toEqual([{ code: 'HTTP_4XX' }]);
  });

  test('what simulations take their costs from is told without a prefix', async () => {
    const { status, body } = await aos.request<CostsimStatus>('/costsim/v2/status');
    expect(status).toBe(200);
    expect(CostsimStatus.parse(body)).toMatchObject({
      status: 'ok',
      basis: 'contract',
      price_table_version: aos.deps.priceTableVersion,
    });
  });
});
