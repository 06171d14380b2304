import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import fc from 'fast-check';
import type { Failure } from '../../src/contracts/failures.ts';
import type { JsonObject } from '../../src/contracts/json.ts';
import type { CreatedKey } from '../../src/contracts/key.ts';
import {
  GOAL_LENGTH_MAX,
  QUERY_CONDITIONS_MAX,
  QUERY_INCLUDED_BYTES_MAX,
  QUERY_ORDERS_MAX,
} from '../../src/contracts/limits.ts';
import { PLAN_ROUTES } from '../../src/contracts/routes/plans.ts';
import { QUERY_SOURCES, TypedAnswer } from '../../src/contracts/typed-query.ts';
import { CATALOGUE } from '../../src/query/catalogue/catalogue.ts';
import { checkQuery } from '../../src/query/check/check-query.ts';
import { writeCursor } from '../../src/query/compile/order.ts';
import { createQuerySchema } from '../../src/query/query-schema.ts';
import { runQuery } from '../../src/query/run-query.ts';
import { insertAgentRow } from '../support/agent-row.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';
import { queries } from '../support/query-arbitraries.ts';
import { makeQueryWorld } from '../support/query-world.ts';

const PATH = '/api/v1/runtime/query';
type Fields = Record<string, unknown>;

const jq = (data: unknown, more: Fields = {}): Fields => ({
  id: 'only',
  skill: 'json_transform',
  params: { query: '.', data },
  ...more,
});

describe('the typed language', () => {
  let aos: Harness;
  beforeAll(async () => {
    aos = await startHarness();
  });
  afterAll(() => aos.stop());

  const ask = async (json: Fields, key = aos.key): Promise<TypedAnswer> => {
    const { status, body } = await aos.request(PATH, { json, key });
    expect({ status, body }).toMatchObject({ status: 200 });
    return TypedAnswer.strict().parse(body);
  };
  const refuse = async (json: Fields): Promise<[string, string | undefined][]> => {
    const { status, body } = await aos.request<Failure>(PATH, { json });
    expect({ status, code: body.code }).toEqual({ status: 422, code: 'INVALID_REQUEST' });
    return body.errors!.map(({ pointer, did_you_mean }) => [pointer, did_you_mean]);
  };

  test('answers the question that the reference shows', async () => {
    const [, shown] = /```json\n([^]*?)```/.exec(PLAN_ROUTES.askQuestion.description)!;
    await aos.run([jq(1)]);
    const { data, warnings } = await ask(JSON.parse(shown!) as Fields);
    expect(warnings).toEqual([]);
    expect(data).toContainEqual(expect.objectContaining({ skill: 'json_transform' }));
  });

  test('says which fields there are, in whole sentences', async () => {
    const { body } = await aos.request<Failure>(PATH, {
      json: { from: 'failures', select: ['words'] },
    });
    expect(body.detail).toContain('`failures` has no field `words`. It has `id`, `level`, `code`');
  });

  test('tells what runs left behind, every source with all of its fields', async () => {
    const agent_id = await insertAgentRow(aos.pool);
    const labels = { team: 'a' };
    await aos.run([jq(1)], { agent_id, goal: 'One.', labels });
    const bad = await aos.run([{ skill: 'fs_read', params: { path: 'gone.txt' } }], { labels });
    for (const from of QUERY_SOURCES) {
      const { data, warnings } = await ask({ from, select: Object.keys(CATALOGUE[from].fields) });
      expect({ from, warnings, isEmpty: data.length === 0 }).toEqual({
        from,
        warnings: [],
        isEmpty: false,
      });
    }
    const where = {
      and: [
        { field: 'labels.team', op: 'eq', value: 'a' },
        { field: 'status', op: 'eq', value: 'failed' },
      ],
    };
    const failed = await ask({
      from: 'runs',
      where,
      select: ['run_id', 'failure_code', 'labels.team'],
    });
    expect(failed.data).toEqual([
      { run_id: bad.run_id, failure_code: 'FS_NOT_FOUND', 'labels.team': 'a' },
    ]);
    const byCode = await ask({
      from: 'failures',
      where: { field: 'level', op: 'eq', value: 'try' },
      group_by: ['code', { field: 'at', bucket: 'day' }],
      aggregates: [{ fn: 'count', as: 'times' }],
    });
    expect(byCode.data).toMatchObject([{ code: 'FS_NOT_FOUND', times: 1 }]);
    const events = await ask({
      from: 'events',
      where: { field: 'run_id', op: 'eq', value: bad.run_id },
      order_by: [{ field: 'number' }],
      select: ['number', 'type'],
    });
    expect(events.data.map(({ number }) => number)).toEqual(
      events.data.map((_, index) => index + 1),
    );
    expect(events.data.at(-1)).toMatchObject({ type: 'run.failed' });
  });

  test('tells every mistake at once, where it is and what was probably meant', async () => {
    const mistakes = await refuse({
      from: 'runs',
      where: {
        and: [
          { field: 'statsu', op: 'eq', value: 'failed' },
          { field: 'status', op: 'eq', value: 'faild' },
          { field: 'status', op: 'gt', value: 'failed' },
          { field: 'cost_cents', op: 'gte', value: '5' },
          { field: 'created_at', op: 'gte', value: 'yesterday' },
          { or: [] },
          { field: 'goal', op: 'eq', value: null },
          { feild: 'goal', op: 'eq' },
        ],
      },
      select: ['run_id', 'costs_cents'],
      order_by: [{ field: 'labels' }, { field: 'created_at', direction: 'down' }],
      limit: 0,
    });
    expect(mistakes).toEqual([
      ['/where/and/0/field', 'status'],
      ['/where/and/1/value', 'failed'],
      ['/where/and/2/op', undefined],
      ['/where/and/3/value', undefined],
      ['/where/and/4/value', undefined],
      ['/where/and/5/or', undefined],
      ['/where/and/6/value', undefined],
      ['/where/and/7', undefined],
      ['/select/1', 'cost_cents'],
      ['/order_by/0/field', undefined],
      ['/order_by/1/direction', undefined],
      ['/limit', undefined],
    ]);
  });

  test.each<[string, Fields, string]>([
    ['no such source', { from: 'run' }, '/from'],
    ['a misspelt key', { from: 'runs', wher: {} }, '/wher'],
    [
      'a sum of texts',
      { from: 'runs', aggregates: [{ fn: 'sum', field: 'goal' }] },
      '/aggregates/0/field',
    ],
    [
      'a percentile of nothing',
      { from: 'runs', aggregates: [{ fn: 'percentile', field: 'cost_cents' }] },
      '/aggregates/0/p',
    ],
    [
      'two of one name',
      { from: 'runs', aggregates: [{ fn: 'count' }, { fn: 'count' }] },
      '/aggregates',
    ],
    [
      'a bucket of words',
      { from: 'runs', group_by: [{ field: 'goal', bucket: 'day' }] },
      '/group_by/0/bucket',
    ],
    ['groups of all labels', { from: 'runs', group_by: ['labels'] }, '/group_by/0'],
    ['fields beside groups', { from: 'runs', group_by: ['status'], select: ['goal'] }, '/select'],
    ['inputs of events', { from: 'events', include: ['inputs'] }, '/include/0'],
    ['too many rows with outputs', { from: 'runs', include: ['outputs'], limit: 101 }, '/limit'],
    [
      'a NUL character',
      { from: 'runs', where: { field: 'goal', op: 'eq', value: 'a\0' } },
      '/where/value',
    ],
    [
      'half a character',
      { from: 'runs', where: { field: 'goal', op: 'eq', value: '\ud800' } },
      '/where/value',
    ],
    [
      'a time that Postgres has not',
      { from: 'runs', where: { field: 'created_at', op: 'eq', value: '0000-01-01' } },
      '/where/value',
    ],
    [
      'an order of what is not told',
      { from: 'runs', group_by: ['status'], order_by: [{ field: 'goal' }] },
      '/order_by/0/field',
    ],
  ])('refuses %s', async (_what, question, pointer) => {
    expect((await refuse(question)).map(([at]) => at)).toEqual([pointer]);
  });

  test('has a bound on conditions and on their depth', async () => {
    const one = { field: 'status', op: 'eq', value: 'failed' };
    const many = { and: Array.from({ length: QUERY_CONDITIONS_MAX }, () => one) };
    expect(await refuse({ from: 'runs', where: many })).toHaveLength(1);
    let deep: Fields = one;
    for (let level = 0; level < 20; level += 1) deep = { not: deep };
    expect(await refuse({ from: 'runs', where: deep })).toHaveLength(1);
  });

  test('takes a cursor of its own question alone', async () => {
    const question = { from: 'runs', limit: 1 };
    const { next_cursor } = await ask(question);
    expect((await ask({ ...question, limit: 2, cursor: next_cursor })).data[0]).toBeDefined();
    for (const other of [
      { from: 'steps' },
      { from: 'runs', order_by: [{ field: 'created_at' }] },
    ]) {
      const { status, body } = await aos.request(PATH, { json: { ...other, cursor: next_cursor } });
      expect({ status, body }).toMatchObject({ status: 400, body: { code: 'CURSOR_INVALID' } });
    }
  });

  test('takes no cursor where there is one page', async () => {
    const question = { from: 'runs', aggregates: [{ fn: 'count' }] };
    const checked = checkQuery(question);
    const forged = writeCursor('query' in checked ? checked.query.fingerprint : '', []);
    const { status, body } = await aos.request(PATH, { json: { ...question, cursor: forged } });
    expect({ status, body }).toMatchObject({ status: 400, body: { code: 'CURSOR_INVALID' } });
  });

  test('goes on behind the longest texts', async () => {
    const goals = ['a', 'b'].map((last) => `${'\u0001'.repeat(GOAL_LENGTH_MAX - 1)}${last}`);
    for (const goal of goals) await aos.run([jq(1)], { goal, labels: { of: 'longest' } });
    const question = {
      from: 'runs',
      where: { field: 'labels.of', op: 'eq', value: 'longest' },
      select: ['goal'],
      order_by: Array.from({ length: QUERY_ORDERS_MAX }, () => ({ field: 'goal' })),
      limit: 1,
    };
    const first = await ask(question);
    const second = await ask({ ...question, cursor: first.next_cursor });
    expect([...first.data, ...second.data]).toEqual(goals.map((goal) => ({ goal })));
  });

  test('`query_type` goes before `from`, as older clients ask', async () => {
    const { body } = await aos.request(PATH, {
      json: { query_type: 'allowed_skills', from: 'runs' },
    });
    expect(body).toMatchObject({ query_type: 'allowed_skills', warnings: [{ pointer: '/from' }] });
  });

  test('inputs and outputs are told only when asked for, and large ones by where they are', async () => {
    const large = 'x'.repeat(QUERY_INCLUDED_BYTES_MAX);
    const { run_id } = await aos.run([jq({ told: 'here' }), jq(large, { id: 'large' })], {
      input: { n: 1 },
    });
    const where = { field: 'run_id', op: 'eq', value: run_id };
    const plain = await ask({ from: 'steps', where });
    expect(JSON.stringify(plain)).not.toContain('told');
    const order_by = [{ field: 'index' }];
    const steps = await ask({
      from: 'steps',
      where,
      order_by,
      select: ['step_id'],
      include: ['inputs', 'outputs'],
    });
    expect(steps.data).toEqual([
      { step_id: 'only', params: { query: '.', data: { told: 'here' } }, output: { told: 'here' } },
      {
        step_id: 'large',
        params: { ref: `/api/v1/runs/${run_id}/steps/large`, bytes: expect.any(Number) },
        output: { ref: `/api/v1/runs/${run_id}/steps/large/output`, bytes: large.length + 2 },
      },
    ]);
    const runs = await ask({
      from: 'runs',
      where,
      select: ['run_id'],
      include: ['inputs', 'outputs'],
    });
    expect(runs.data).toEqual([
      {
        run_id,
        input: { n: 1 },
        plan: { ref: null, bytes: expect.any(Number) },
        output: { ref: `/api/v1/runs/${run_id}/steps/large/output`, bytes: large.length + 2 },
      },
    ]);
  });

  test('of a failure that is too large to be told its size is', async () => {
    const { run_id } = await aos.run([{ skill: 'fs_read', params: { path: 'gone.txt' } }]);
    const large = JSON.stringify({ message: 'x'.repeat(QUERY_INCLUDED_BYTES_MAX) });
    await aos.pool.query('UPDATE runs SET failure = $2 WHERE id = $1', [run_id, large]);
    const where = { field: 'run_id', op: 'eq', value: run_id };
    const { data } = await ask({ from: 'runs', where, select: ['failure'] });
    expect(data).toEqual([{ failure: { bytes: large.length } }]);
  });

  test('a key that is bound to an agent sees what is of that agent alone', async () => {
    const agent_id = await insertAgentRow(aos.pool);
    await insertAgentRow(aos.pool);
    await aos.run([jq(1)], { agent_id, goal: 'Mine.' });
    const { body } = await aos.request<CreatedKey>('/api/v1/keys', {
      json: { name: 'bound', role: 'viewer', agent_id },
    });
    for (const from of QUERY_SOURCES) {
      const select = ['agent_id'];
      const { data } = await ask({ from, select, limit: 1000 }, body.key);
      expect(data.every((row) => row['agent_id'] === agent_id)).toBe(true);
      expect({ from, found: data.length > 0 }).toEqual({ from, found: from !== 'failures' });
      const own = await ask(
        { from, where: { not: { field: 'agent_id', op: 'eq', value: agent_id } } },
        body.key,
      );
      expect(own.data).toEqual([]);
    }
  });

  test('a question that takes too long is given up, and told what to narrow', async () => {
    await makeQueryWorld(aos.pool, 'many', { seed: 3, runs: 20, mark: '' });
    await aos.pool.query(
      `INSERT INTO events (run_id, number, tenant_id, type, data)
       SELECT (SELECT id FROM runs WHERE tenant_id = 'many' LIMIT 1), 1000 + n, 'many', 'run.started', '{}'
       FROM generate_series(1, 100000) n`,
    );
    const checked = checkQuery({
      from: 'events',
      where: { not: { field: 'step_id', op: 'contains', value: 'x' } },
      group_by: ['id', 'type'],
      aggregates: [{ fn: 'count_distinct', field: 'id' }],
    });
    if ('problems' in checked) throw new Error(JSON.stringify(checked.problems));
    const viewer = { tenantId: 'many', agentId: null };
    const answer = runQuery(aos.pool, checked.query, viewer, { timeoutMs: 1 });
    await expect(answer).rejects.toMatchObject({
      failure: {
        code: 'QUERY_TIMEOUT',
        status: 422,
        recovery: [
          { action: 'fix_request', why: expect.stringContaining('range of time') },
          { why: expect.stringContaining('`run_id`') },
          { why: expect.stringContaining('`contains`') },
          { why: expect.stringContaining('fewer groups') },
        ],
      },
    });
    // The setting ended with its transaction: whoever has the connection next is not hurried.
    const settings = await Promise.all(
      Array.from({ length: 20 }, () => aos.pool.query('SHOW statement_timeout')),
    );
    expect(new Set(settings.map(({ rows }) => JSON.stringify(rows[0])))).toEqual(
      new Set(['{"statement_timeout":"0"}']),
    );
  });

  test('its schema is served, and every well-formed question fits it', async () => {
    const { body } = await aos.request<JsonObject>('/api/v1/runtime/query-schema');
    expect(body).toEqual(createQuerySchema());
    const ajv = new Ajv2020({
      strict: true,
      strictRequired: false,
      strictTypes: false,
      allErrors: false,
    });
    ajvFormats.default(ajv);
    const fits = ajv.compile(body);
    const world = await makeQueryWorld(aos.pool, 'schema', { seed: 4, runs: 10, mark: '' });
    fc.assert(
      fc.property(queries(world), (question) => {
        const asks = !fits(question) ? JSON.stringify([question, fits.errors]) : 'fits';
        expect(asks).toBe('fits');
      }),
      { numRuns: 300 },
    );
    for (const wrong of [
      { from: 'run' },
      { from: 'runs', select: ['name'] },
      { from: 'runs', where: { field: 'status', op: 'eq', value: 'done' } },
      { from: 'runs', where: { field: 'status', op: 'gt', value: 'failed' } },
      { from: 'runs', where: { field: 'cost_cents', op: 'in', value: 1 } },
      { from: 'runs', where: { and: [] } },
      { from: 'runs', aggregates: [{ fn: 'sum', field: 'goal' }] },
      { from: 'runs', aggregates: [{ fn: 'percentile', field: 'cost_cents' }] },
      { from: 'runs', group_by: [{ field: 'status', bucket: 'day' }] },
      { from: 'events', include: ['outputs'] },
      { from: 'runs', limit: 0 },
    ]) {
      expect({ wrong, fits: fits(wrong) }).toEqual({ wrong, fits: false });
      expect(checkQuery(wrong)).toHaveProperty('problems');
    }
  });
});
