import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createCrashingWorkers } from '../support/crashing-workers.ts';
import type { CrashingWorkers } from '../support/crashing-workers.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';
import { createScriptedSkill, succeed } from '../support/scripted-skill.ts';

const CENT = 1_000_000;

/** The api knows the skill's contract; what it does is in the worker processes. */
const effect = createScriptedSkill({
  id: 'effect',
  worstMicroCents: 10 * CENT,
  call: () => succeed(null),
});

describe('a worker that is lost', () => {
  let aos: Harness;
  let world: Server;
  let effects: string[] = [];
  let onEffect = () => {};
  let answerAfter: Promise<void> | undefined;
  let workers: CrashingWorkers;

  beforeAll(async () => {
    aos = await startHarness({ skills: [effect], worker: false });
    world = createServer((request, response) => {
      effects.push(String(request.headers['idempotency-key']));
      onEffect();
      void (answerAfter ?? Promise.resolve()).then(() => response.end('ok'));
    });
    world.listen(0, '127.0.0.1');
    await once(world, 'listening');
    const { port } = world.address() as AddressInfo;
    workers = createCrashingWorkers(aos, { TEST_EFFECT_URL: `http://127.0.0.1:${port}/` });
  });
  afterEach(async () => {
    await workers.stop();
    effects = [];
    onEffect = () => {};
    answerAfter = undefined;
  });
  afterAll(async () => {
    world.close();
    world.closeAllConnections();
    await aos.stop();
  });

  /** Runs one step whose first worker is lost at `crashAt`; a second one takes over. */
  async function runThroughCrash(crashAt: string, safe: boolean) {
    const first = await workers.start(crashAt);
    const run = await aos.submit([{ id: 'one', skill: 'effect', params: { value: { safe } } }]);
    await once(first, 'exit');
    await workers.start();
    const ended = await aos.ended(run.run_id);
    const { account, transactions } = await aos.ledger(run.run_id);
    expect(account.reserved_cents).toBe(0);
    expect(await aos.audit()).toEqual([]);
    return {
      run: ended,
      kinds: transactions.map((entry) => `${entry.kind} ${entry.amount_cents} ${entry.basis}`),
    };
  }

  test('between hold and call: a call that may be repeated is, and the lost one is presumed spent', async () => {
    const { run, kinds } = await runThroughCrash('before the effect', true);
    expect(run).toMatchObject({ status: 'succeeded', cost_cents: 14, steps: [{ tries: 1 }] });
    expect(effects).toEqual([`${run.run_id}/one/1`]);
    expect(kinds).toEqual([
      'hold 10 worst_case',
      'settle 10 presumed',
      'hold 10 worst_case',
      'settle 4 actual',
    ]);
  });

  test('between hold and call: any other call ends as an unknown effect', async () => {
    const { run, kinds } = await runThroughCrash('before the effect', false);
    expect(run).toMatchObject({
      status: 'failed',
      failure: { code: 'EFFECT_UNKNOWN' },
      cost_cents: 10,
    });
    expect(run.status === 'failed' && run.failure.detail).toContain(`${run.run_id}/one/1`);
    expect(effects).toEqual([]);
    expect(kinds).toEqual(['hold 10 worst_case', 'settle 10 presumed']);
  });

  test('between call and record: a repeated call carries the same key', async () => {
    const { run } = await runThroughCrash('after the effect', true);
    expect(run).toMatchObject({ status: 'succeeded', cost_cents: 14 });
    expect(effects).toEqual([`${run.run_id}/one/1`, `${run.run_id}/one/1`]);
  });

  test('between call and record: a call that may not be repeated is made once', async () => {
    const { run } = await runThroughCrash('after the effect', false);
    expect(run).toMatchObject({
      status: 'failed',
      failure: { code: 'EFFECT_UNKNOWN' },
      cost_cents: 10,
    });
    expect(effects).toHaveLength(1);
  });

  test('after the record: the outcome stands, and nothing is called again', async () => {
    const { run, kinds } = await runThroughCrash('after the record', false);
    expect(run).toMatchObject({ status: 'succeeded', cost_cents: 4 });
    expect(effects).toHaveLength(1);
    expect(kinds).toEqual(['hold 10 worst_case', 'settle 4 actual']);
  });

  test('in the middle of a compensation: the next one goes on with it, and presumes the lost call spent', async () => {
    const first = await workers.start('after the compensation');
    const safe = { skill: 'effect', params: { value: { safe: true } } };
    const run = await aos.submit([
      { id: 'one', ...safe, compensate: safe },
      { id: 'two', ...safe, compensate: safe },
      { id: 'bad', skill: 'http_call', params: { url: 'http://127.0.0.1:9/' } },
    ]);
    await once(first, 'exit');
    await workers.start();
    const ended = await aos.ended(run.run_id);
    expect(ended).toMatchObject({
      status: 'failed',
      failure: { code: 'EGRESS_BLOCKED' },
      steps: [{ status: 'compensated' }, { status: 'compensated' }, { status: 'failed' }],
      // Two steps, two compensations, and one call that was lost with its worker.
      cost_cents: 4 * 4 + 10,
    });
    expect(effects).toEqual([
      `${run.run_id}/one/1`,
      `${run.run_id}/two/1`,
      `${run.run_id}/two/1/compensate`,
      `${run.run_id}/two/1/compensate`,
      `${run.run_id}/one/1/compensate`,
    ]);
    const { account } = await aos.ledger(run.run_id);
    expect(account.reserved_cents).toBe(0);
    expect(await aos.audit()).toEqual([]);
  });

  test('by its heartbeat alone and comes back late corrects what was presumed, and changes no outcome', async () => {
    await workers.start('mute');
    let release = () => {};
    answerAfter = new Promise((resolve) => {
      release = resolve;
    });
    const called = new Promise<void>((resolve) => {
      onEffect = resolve;
    });
    const run = await aos.submit([
      { id: 'one', skill: 'effect', params: { value: { safe: true } } },
    ]);
    await called;
    answerAfter = undefined;
    expect(await aos.ended(run.run_id)).toMatchObject({ status: 'succeeded', cost_cents: 14 });

    release();
    const adjusted = async () => {
      const { rows } = await aos.pool.query<{ amount: number }>(
        `SELECT amount_micro_cents AS amount FROM transactions WHERE run_id = $1 AND kind = 'adjust'`,
        [run.run_id],
      );
      return rows;
    };
    const deadline = Date.now() + 10_000;
    while ((await adjusted()).length === 0 && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await adjusted()).toEqual([{ amount: -6 * CENT }]);
    expect(await aos.audit()).toEqual([]);
    expect(effects).toEqual([`${run.run_id}/one/1`, `${run.run_id}/one/1`]);
  });
});
