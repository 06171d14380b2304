import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Run } from '../../src/contracts/run.ts';
import { createWrittenRuns } from '../../src/runs/written-runs.ts';
import { withTransaction } from '../../src/storage/pool.ts';
import { addRunCost } from '../../src/storage/runs.ts';
import { addStepCost } from '../../src/storage/steps.ts';
import { findWholeRun } from '../../src/storage/whole-runs.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';

const CENT = 1_000_000;
const PLAN = ['a', 'b'].map((id) => ({
  id,
  skill: 'json_transform',
  params: { data: { text: 'é\ud800' }, query: '.' },
}));

let aos: Harness;
beforeAll(async () => {
  aos = await startHarness();
});
afterAll(() => aos.stop());

const tenantOf = async (id: string): Promise<string> =>
  (await aos.pool.query<{ tenant_id: string }>('SELECT tenant_id FROM runs WHERE id = $1', [id]))
    .rows[0]!.tenant_id;
const read = async (id: string) => {
  const { status, headers, body } = await aos.request<Run>(`/api/v1/runs/${id}`);
  const names = ['content-type', 'content-length', 'etag'];
  return { status, body, headers: names.map((name) => headers.get(name)) };
};

describe('an ended run that was read before', () => {
  test('is answered alike, and found as it was written', async () => {
    const { id } = await aos.run(PLAN);
    const tenantId = await tenantOf(id);
    const first = await read(id);
    expect(first).toMatchObject({ status: 200, body: { id, status: 'succeeded' } });
    expect(await read(id)).toEqual(first);

    const runs = createWrittenRuns(aos);
    expect(await runs.find(tenantId, id)).toBeUndefined();
    const written = runs.write((await findWholeRun(aos.pool, tenantId, id))!);
    expect(JSON.parse(written.json.toString())).toEqual(first.body);
    expect(await runs.find(tenantId, id)).toBe(written);
    expect(await runs.find('another', id)).toBeUndefined();
  });

  test('is shown with a cost that became known since, which is no event', async () => {
    const { id } = await aos.run(PLAN);
    const before = await read(id);
    await withTransaction(aos.pool, (tx) => addRunCost(tx, id, CENT));
    const ofRun = await read(id);
    expect(ofRun.body).toEqual({ ...before.body, cost_cents: before.body.cost_cents + 1 });

    await withTransaction(aos.pool, (tx) => addStepCost(tx, id, 'b', 2 * CENT));
    const ofStep = await read(id);
    const [a, b] = ofRun.body.steps!;
    expect(ofStep.body).toEqual({
      ...ofRun.body,
      steps: [a, { ...b, cost_cents: b!.cost_cents + 2 }],
    });
    expect(await read(id)).toEqual(ofStep);
  });

  test('is not there for another tenant, and no longer there once its row is gone', async () => {
    const { id } = await aos.run(PLAN);
    await read(id);
    const key = await aos.createKey('another-tenant');
    expect(await aos.request(`/api/v1/runs/${id}`, { key })).toMatchObject({ status: 404 });

    const tenantId = await tenantOf(id);
    const runs = createWrittenRuns(aos);
    runs.write((await findWholeRun(aos.pool, tenantId, id))!);
    await aos.pool.query('UPDATE runs SET tenant_id = $2 WHERE id = $1', [id, 'another-tenant']);
    expect(await runs.find(tenantId, id)).toBeUndefined();
    expect(await read(id)).toMatchObject({ status: 404 });
  });

  test('is refused to a key that is bound to another agent', async () => {
    const { id } = await aos.run(PLAN);
    await read(id);
    const agent = await aos.request<{ id: string }>('/api/v1/agents', { json: { name: 'other' } });
    const json = { name: 'bound', role: 'viewer', agent_id: agent.body.id };
    const { key } = (await aos.request<{ key: string }>('/api/v1/keys', { json })).body;
    expect(await aos.request(`/api/v1/runs/${id}`, { key })).toMatchObject({
      status: 403,
      body: { code: 'KEY_BOUND_TO_AGENT' },
    });
  });
});

test('an open run is never kept', async () => {
  const { id } = await aos.run(PLAN);
  const tenantId = await tenantOf(id);
  const runs = createWrittenRuns(aos);
  const whole = (await findWholeRun(aos.pool, tenantId, id))!;
  runs.write({ ...whole, status: 'running' });
  expect(await runs.find(tenantId, id)).toBeUndefined();
});
