import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import type { TryAddress } from '../../../src/contracts/activities.ts';
import type { Run } from '../../../src/contracts/run.ts';
import { executeInline } from '../../../src/runs/chains/execute-inline.ts';
import { abandonTry } from '../../../src/runs/tries/abandon-try.ts';
import { beginTry } from '../../../src/runs/tries/begin-try.ts';
import type { BegunCall } from '../../../src/runs/tries/begin-try.ts';
import { finishTry } from '../../../src/runs/tries/finish-try.ts';
import { startHarness } from '../../support/harness.ts';
import type { Harness } from '../../support/harness.ts';
import { createScriptedSkill, succeed } from '../../support/scripted-skill.ts';

const VALUE = 'zyxsesame9417';
const SUCCEEDED = { kind: 'outcome', next: { kind: 'end', status: 'succeeded' } };

/** Workers that are slow, lost or answered twice, with a step whose output is sealed. */
describe('the outcome of a sensitive step', () => {
  let aos: Harness;
  let viewer: string;
  beforeAll(async () => {
    const id = 'given';
    const call = () => {
      throw new Error('these tests play the worker themselves');
    };
    aos = await startHarness({
      worker: false,
      reconciler: false,
      skills: [createScriptedSkill({ id, call })],
    });
    viewer = await aos.createKey('default', null, 'viewer');
  });
  afterAll(() => aos.stop());

  const PLAN = [
    { id: 'a', skill: 'given', sensitive: true },
    { id: 'b', skill: 'json_transform', params: { query: '.', data: '{{steps.a.output}}' } },
    // A program that is only a path is quick on any machine, so no chain puts it off.
    {
      id: 'c',
      skill: 'json_transform',
      params: { query: '.', data: { word: '{{previous.output}}' } },
    },
  ];
  const addressOf = ({ run_id }: Run): TryAddress => ({
    run_id,
    execution: 1,
    step_id: 'a',
    role: 'main',
    try: 1,
  });
  async function begin(run: Run): Promise<BegunCall> {
    const begun = await beginTry(aos.deps, addressOf(run), uuidv7());
    if (begun.kind === 'reply') throw new Error(`no call: ${JSON.stringify(begun.reply)}`);
    return begun.call;
  }
  const finish = (call: BegunCall, output: string) => finishTry(aos.deps, call, succeed(output));
  const chain = ({ run_id }: Run, ready: string[], done: string[]) =>
    executeInline(aos.deps, { run_id, execution: 1, ready, done });
  const outputOf = async ({ run_id }: Run, id: string) =>
    (await aos.request(`/api/v1/runs/${run_id}/steps/${id}/output`)).body;
  async function rowsOf({ run_id }: Run) {
    const { rows } = await aos.pool.query<{ sealed: Buffer | null; row: string }>(
      'SELECT sealed, s::text AS row FROM steps s WHERE run_id = $1 ORDER BY index',
      [run_id],
    );
    for (const { row } of rows) expect(row).not.toContain(VALUE);
    return rows.map(({ sealed }) => sealed);
  }

  test('is that of the worker whose fence holds; a late one is told it, and changes nothing', async () => {
    const run = await aos.submit(PLAN);
    const old = await begin(run);
    const newer = await begin(run);
    expect(await finish(newer, VALUE)).toEqual(SUCCEEDED);
    const [sealed] = await rowsOf(run);
    expect(await finish(old, 'old')).toEqual(SUCCEEDED);
    expect(await rowsOf(run)).toEqual([sealed, null, null]);
    expect(await outputOf(run, 'a')).toBe(VALUE);
  });

  test('stands when its answer is lost: asked again, begun again or abandoned', async () => {
    const run = await aos.submit(PLAN);
    const call = await begin(run);
    expect(await finish(call, VALUE)).toEqual(SUCCEEDED);
    const sealed = await rowsOf(run);
    expect(await Promise.all([finish(call, VALUE), finish(call, VALUE)])).toEqual([
      SUCCEEDED,
      SUCCEEDED,
    ]);
    const again = await beginTry(aos.deps, addressOf(run), uuidv7());
    expect(again).toEqual({ kind: 'reply', reply: SUCCEEDED });
    expect(await abandonTry(aos.deps, addressOf(run))).toEqual(SUCCEEDED);
    expect(await rowsOf(run)).toEqual(sealed);
  });

  test('is read by chains, which seal their own: two at once, and one that comes after', async () => {
    const run = await aos.submit(PLAN);
    await finish(await begin(run), VALUE);
    const replies = await Promise.all([1, 2].map(() => chain(run, ['b'], ['a'])));
    expect(replies.filter(({ outcomes }) => outcomes.length === 2)).toHaveLength(1);
    expect(await aos.ended(run.run_id)).toMatchObject({ status: 'succeeded', sensitive: true });
    const sealed = await rowsOf(run);
    expect(sealed).toEqual([expect.any(Buffer), expect.any(Buffer), expect.any(Buffer)]);
    expect(await chain(run, ['b'], ['a'])).toMatchObject({ stop: 'closed' });
    expect(await rowsOf(run)).toEqual(sealed);
    expect(await outputOf(run, 'b')).toBe(VALUE);
    expect(await outputOf(run, 'c')).toEqual({ word: VALUE });
  });

  test('keeps, of a failure, what decides about the next try', async () => {
    const run = await aos.submit(PLAN);
    const call = await begin(run);
    const failure = {
      code: 'RATE_LIMITED',
      message: `not ${VALUE}`,
      retry_after_ms: 9_000,
      upstream_status: 429,
      errors: [{ pointer: `/${VALUE}`, code: 'X', message: VALUE }],
      limit: { name: 'hosts', value: ['a.example'], asked: VALUE },
    } as const;
    const end = () =>
      finishTry(aos.deps, call, {
        ok: false,
        failure: {
          ...failure,
          errors: [...failure.errors],
          limit: { ...failure.limit, value: ['a.example'] },
        },
        usage: { cost_micro_cents: 0 },
      });
    const retry = {
      kind: 'outcome',
      code: 'RATE_LIMITED',
      next: { kind: 'retry', delayMs: 9_000 },
    };
    expect(await end()).toEqual(retry);
    expect(await end()).toEqual(retry);
    const [tried] = (await aos.step(run.run_id, 'a')).try_list;
    expect(tried?.failure).toMatchObject({
      code: 'RATE_LIMITED',
      retryable: true,
      retry_after_ms: 9_000,
      upstream_status: 429,
      step_id: 'a',
    });
    expect(JSON.stringify(tried)).not.toContain(VALUE);
    expect(tried?.failure).not.toHaveProperty('limit');
    expect(tried?.failure).not.toHaveProperty('errors');
  });

  test('cannot be written in the open, whoever tries', async () => {
    const run = await aos.submit(PLAN);
    const write = aos.pool.query('UPDATE steps SET output = $2 WHERE run_id = $1', [
      run.run_id,
      '"open"',
    ]);
    await expect(write).rejects.toThrow('steps_sealed_if_sensitive');
    const answer = await aos.request(`/api/v1/runs/${run.run_id}/steps/a/output`, { key: viewer });
    expect(answer).toMatchObject({ status: 403 });
  });
});
