import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import type { TryAddress } from '../../../src/contracts/activities.ts';
import type { Run } from '../../../src/contracts/run.ts';
import { abandonTry } from '../../../src/runs/tries/abandon-try.ts';
import { beginTry } from '../../../src/runs/tries/begin-try.ts';
import type { BegunCall } from '../../../src/runs/tries/begin-try.ts';
import { recordCancel } from '../../../src/runs/cancel-run.ts';
import { closeRun } from '../../../src/runs/close-run.ts';
import { expireHolds } from '../../../src/runs/reconciler/expire-holds.ts';
import { finishTry, OutcomeNotMine } from '../../../src/runs/tries/finish-try.ts';
import { auditLedger } from '../../../src/storage/ledger-audit.ts';
import { listUnsealedRuns } from '../../support/last-events.ts';
import { startHarness } from '../../support/harness.ts';
import type { Harness } from '../../support/harness.ts';
import { createScriptedSkill, fail, succeed } from '../../support/scripted-skill.ts';

const CENT = 1_000_000;
const neverCalled = () => {
  throw new Error('these tests play the worker themselves');
};
const TEN_CENTS = { worstMicroCents: 10 * CENT, call: neverCalled };

/** A worker that is slow, lost or answered twice: what the activity does, call by call and without an engine. */
describe('a worker', () => {
  let aos: Harness;

  beforeAll(async () => {
    aos = await startHarness({
      worker: false,
      reconciler: false,
      skills: [
        createScriptedSkill({ ...TEN_CENTS, id: 'per_call' }),
        createScriptedSkill({ ...TEN_CENTS, id: 'once', idempotent: false }),
        createScriptedSkill({ ...TEN_CENTS, id: 'per_effect', per: 'none' }),
        createScriptedSkill({ id: 'free', call: neverCalled }),
      ],
    });
  });
  afterAll(() => aos.stop());
  afterEach(async () => {
    const violations = await auditLedger(aos.pool, null);
    if (violations.length > 0)
      throw new Error(`the ledger is broken: ${JSON.stringify(violations)}`);
    expect(await listUnsealedRuns(aos.pool)).toEqual([]);
  });

  const submit = (skill: string, extra = {}): Promise<Run> =>
    aos.submit([{ id: 'a', skill, ...extra }], { budget_cents: 100 });
  const addressOf = ({ run_id }: Run, changes: Partial<TryAddress> = {}): TryAddress => ({
    run_id,
    execution: 1,
    step_id: 'a',
    role: 'main',
    try: 1,
    ...changes,
  });
  const ask = (address: TryAddress) => beginTry(aos.deps, address, uuidv7());
  async function begin(run: Run, changes: Partial<TryAddress> = {}): Promise<BegunCall> {
    const begun = await ask(addressOf(run, changes));
    if (begun.kind === 'reply') throw new Error(`no call: ${JSON.stringify(begun.reply)}`);
    return begun.call;
  }
  const finish = (call: BegunCall, costCents: number, output = 'done') =>
    finishTry(aos.deps, call, succeed(output, costCents * CENT));
  const close = ({ run_id }: Run) =>
    closeRun(aos.deps, { run_id, execution: 1, reason: { kind: 'done' } });

  /** The entries on the run's own account, each as kind, cents and basis. */
  const entriesOf = async (run: Run): Promise<string[]> =>
    (await aos.ledger(run.run_id)).transactions.map(
      (entry) => `${entry.kind} ${entry.amount_cents} ${entry.basis}`,
    );
  /** What everybody who counts says that the run has cost: account, step and tries. */
  async function costsOf(run: Run) {
    const [{ account }, step] = await Promise.all([
      aos.ledger(run.run_id),
      aos.step(run.run_id, 'a'),
    ]);
    return {
      reserved: account.reserved_cents,
      account: account.settled_cents + account.overage_cents,
      step: step.cost_cents,
      tries: step.try_list.reduce((sum, each) => sum + each.cost_cents, 0),
    };
  }
  const costs = (cents: number) => ({ reserved: 0, account: cents, step: cents, tries: cents });
  async function spentByTenant(): Promise<number> {
    const { rows } = await aos.pool.query<{ spent: number }>(
      `SELECT (settled_micro_cents + overage_micro_cents) / ${CENT} AS spent FROM accounts WHERE id = 'tenant/default'`,
    );
    return rows[0]!.spent;
  }
  const runRow = async ({ run_id }: Run): Promise<Run> =>
    (await aos.request<Run>(`/api/v1/runs/${run_id}`)).body;
  const eventTypes = async ({ run_id }: Run): Promise<string[]> => {
    const { rows } = await aos.pool.query<{ type: string }>(
      'SELECT type FROM events WHERE run_id = $1 ORDER BY number',
      [run_id],
    );
    return rows.map((row) => row.type);
  };
  const SUCCEEDED = { kind: 'outcome', next: { kind: 'end', status: 'succeeded' } };
  const failedWith = (code: string) => ({
    kind: 'outcome',
    code,
    next: { kind: 'end', status: 'failed' },
  });
  const CANCELLED = {
    kind: 'outcome',
    code: 'CANCELLED',
    next: { kind: 'end', status: 'cancelled' },
  };

  describe('whose try was taken over', () => {
    test('has its call presumed paid, and corrects that when it comes late; its outcome does not count', async () => {
      const run = await submit('per_call');
      const old = await begin(run);
      const newer = await begin(run);
      expect(newer.effectKey).toBe(old.effectKey);
      expect(newer.fence).not.toBe(old.fence);
      expect(await entriesOf(run)).toEqual([
        'hold 10 worst_case',
        'settle 10 presumed',
        'hold 10 worst_case',
      ]);

      expect(await finish(newer, 3, 'newer')).toEqual(SUCCEEDED);
      expect(await finish(old, 4, 'old')).toEqual(SUCCEEDED);
      expect((await entriesOf(run)).slice(3)).toEqual(['settle 3 actual', 'adjust -6 actual']);
      expect(await costsOf(run)).toEqual(costs(7));
      expect(await aos.step(run.run_id, 'a')).toMatchObject({ output: 'newer', tries: 1 });
      expect((await eventTypes(run)).filter((type) => type === 'step.succeeded')).toHaveLength(1);
    });

    test('corrects what was presumed also while the newer call is still out', async () => {
      const run = await submit('per_call');
      const old = await begin(run);
      const newer = await begin(run);
      await expect(finish(old, 4, 'old')).rejects.toThrow(OutcomeNotMine);
      expect((await entriesOf(run)).slice(3)).toEqual(['adjust -6 actual']);
      expect((await aos.step(run.run_id, 'a')).status).toBe('running');

      expect(await finish(newer, 3, 'newer')).toEqual(SUCCEEDED);
      expect(await costsOf(run)).toEqual(costs(7));
      expect(await aos.step(run.run_id, 'a')).toMatchObject({ output: 'newer' });
    });

    test('pays for what its call cost above what was presumed', async () => {
      const run = await submit('per_call');
      const old = await begin(run);
      const newer = await begin(run);
      await finish(newer, 0);
      await finish(old, 12);
      expect((await entriesOf(run)).at(-1)).toBe('adjust 2 actual');
      expect(await costsOf(run)).toEqual(costs(12));
    });

    test('says its cost once, though its answer is lost and the run closes before it says so again', async () => {
      const before = await spentByTenant();
      const run = await submit('per_call');
      const old = await begin(run);
      const newer = await begin(run);
      await finish(newer, 3);
      await finish(old, 4);
      await close(run);
      expect(await finish(old, 4)).toEqual(SUCCEEDED);
      expect(await costsOf(run)).toEqual(costs(7));
      expect((await spentByTenant()) - before).toBe(7);
    });

    test('costs nothing when the skill is free, and goes on under the same effect key', async () => {
      const run = await submit('free');
      const old = await begin(run);
      const newer = await begin(run);
      expect(newer.effectKey).toBe(`${run.run_id}/a/1`);
      expect(old.effectKey).toBe(newer.effectKey);
      await expect(finish(old, 0, 'old')).rejects.toThrow(OutcomeNotMine);
      expect(await finish(newer, 0, 'newer')).toEqual(SUCCEEDED);
      expect(await finish(old, 0, 'old')).toEqual(SUCCEEDED);
      expect(await aos.step(run.run_id, 'a')).toMatchObject({ output: 'newer' });
      expect(await entriesOf(run)).toEqual([]);
    });

    test('leaves its open hold to the newer one when the skill is priced per effect, and posts nothing', async () => {
      const run = await submit('per_effect');
      const old = await begin(run);
      const newer = await begin(run);
      expect(newer.holdId).toBe(old.holdId);
      await expect(finish(old, 5, 'old')).rejects.toThrow(OutcomeNotMine);
      expect(await entriesOf(run)).toEqual(['hold 10 worst_case']);
      await finish(newer, 2, 'newer');
      expect(await finish(old, 5, 'old')).toEqual(SUCCEEDED);
      expect(await entriesOf(run)).toEqual(['hold 10 worst_case', 'settle 2 actual']);
      expect(await costsOf(run)).toEqual(costs(2));
    });

    test('counts each call once when five begin and end the same try at the same time', async () => {
      const run = await submit('per_call');
      const calls = await Promise.all([1, 2, 3, 4, 5].map(() => begin(run)));
      const outcomes = await Promise.allSettled(calls.map((call, n) => finish(call, n + 1)));
      expect(outcomes.filter((each) => each.status === 'fulfilled').length).toBeGreaterThanOrEqual(
        1,
      );
      expect(await costsOf(run)).toEqual(costs(1 + 2 + 3 + 4 + 5));
      expect((await eventTypes(run)).filter((type) => type === 'step.succeeded')).toHaveLength(1);
    });

    test('ends as EFFECT_UNKNOWN, presumed paid, when the call may not be repeated; its true cost comes late', async () => {
      const run = await submit('once');
      const old = await begin(run);
      const unknown = failedWith('EFFECT_UNKNOWN');
      expect(await ask(addressOf(run))).toEqual({ kind: 'reply', reply: unknown });
      expect(await costsOf(run)).toEqual(costs(10));

      expect(await finish(old, 4, 'old')).toEqual(unknown);
      expect(await entriesOf(run)).toEqual([
        'hold 10 worst_case',
        'settle 10 presumed',
        'adjust -6 actual',
      ]);
      expect(await costsOf(run)).toEqual(costs(4));
      const step = await aos.step(run.run_id, 'a');
      expect(step).toMatchObject({ status: 'failed', failure: { code: 'EFFECT_UNKNOWN' } });
      expect(step.output).toBeUndefined();
      expect(step.failure!.detail).toContain(`${run.run_id}/a/1`);
    });

    test('may be repeated when the step says so', async () => {
      const run = await submit('once', { idempotent: true });
      await begin(run);
      const newer = await begin(run);
      expect(await finish(newer, 1)).toEqual(SUCCEEDED);
      expect(await costsOf(run)).toEqual(costs(11));
    });
  });

  describe('that comes after the run was closed', () => {
    test.each([
      ['less than presumed', 4],
      ['just what was presumed', 10],
      ['more than presumed', 13],
    ])('has its cost counted on the tenant: %s', async (_what, actual) => {
      const before = await spentByTenant();
      const run = await submit('per_call');
      const call = await begin(run);
      expect(await close(run)).toEqual({ status: 'failed', code: 'STEP_LOST' });
      expect((await spentByTenant()) - before).toBe(10);
      expect(await costsOf(run)).toEqual(costs(10));

      expect(await finish(call, actual)).toEqual(failedWith('STEP_LOST'));
      expect(await finish(call, actual)).toEqual(failedWith('STEP_LOST'));
      expect((await spentByTenant()) - before).toBe(actual);
      expect(await runRow(run)).toMatchObject({ status: 'failed', cost_cents: actual });
      // A closed account is never touched again.
      expect(await costsOf(run)).toEqual({ reserved: 0, account: 10, step: actual, tries: actual });
    });

    test('finds its try cancelled when that was why the run was closed', async () => {
      const run = await submit('per_call');
      const call = await begin(run);
      await recordCancel(aos.deps, { run_id: run.run_id, execution: 1, reason: 'enough' });
      expect(await close(run)).toEqual({ status: 'cancelled', code: 'CANCELLED' });
      expect(await finish(call, 4)).toEqual(CANCELLED);
      expect(await aos.step(run.run_id, 'a')).toMatchObject({ status: 'cancelled', cost_cents: 4 });
    });
  });

  describe('whose commit was answered to nobody', () => {
    test('finds its own outcome, and posts no second entry', async () => {
      const run = await submit('per_call');
      const call = await begin(run);
      expect(await finish(call, 4)).toEqual(SUCCEEDED);
      const events = await eventTypes(run);
      expect(await Promise.all([finish(call, 4), finish(call, 4)])).toEqual([SUCCEEDED, SUCCEEDED]);
      expect(await entriesOf(run)).toEqual(['hold 10 worst_case', 'settle 4 actual']);
      expect(await eventTypes(run)).toEqual(events);
      expect(await costsOf(run)).toEqual(costs(4));
    });

    test('finds its own failure, as retryable as it was', async () => {
      const run = await submit('per_call');
      const call = await begin(run);
      const end = () => finishTry(aos.deps, call, fail('HTTP_5XX', 4 * CENT, 250));
      const outcome = await end();
      // The skill asks for less than the back-off of the policy.
      expect(outcome).toEqual({
        kind: 'outcome',
        code: 'HTTP_5XX',
        next: { kind: 'retry', delayMs: 500 },
      });
      expect(await end()).toEqual(outcome);
      expect(await costsOf(run)).toEqual(costs(4));
    });

    test('finds what was decided then, though there is no time for it any more', async () => {
      const run = await submit('per_call', { on_error: 'skip' });
      const end = await finishTry(aos.deps, await begin(run), fail('HTTP_5XX'));
      expect(end).toMatchObject({ next: { kind: 'retry', delayMs: 500 } });
      await aos.pool.query('UPDATE runs SET deadline_at = now() WHERE id = $1', [run.run_id]);
      expect(await ask(addressOf(run))).toEqual({ kind: 'reply', reply: end });
      expect(await abandonTry(aos.deps, addressOf(run))).toEqual(end);
      expect(await ask(addressOf(run, { try: 2 }))).toEqual({
        kind: 'reply',
        reply: failedWith('DEADLINE_EXCEEDED'),
      });
      expect(await aos.step(run.run_id, 'a')).toMatchObject({ status: 'failed' });
    });

    test('holds once when it is the beginning that was answered to nobody', async () => {
      const run = await submit('per_call');
      const fence = uuidv7();
      const first = await beginTry(aos.deps, addressOf(run), fence);
      const second = await beginTry(aos.deps, addressOf(run), fence);
      expect(first).toMatchObject({ kind: 'call', call: { fence, holdId: expect.any(String) } });
      expect(second).toMatchObject({
        call: { fence, holdId: (first as { call: BegunCall }).call.holdId },
      });
      expect(await entriesOf(run)).toEqual(['hold 10 worst_case']);
      expect((await eventTypes(run)).filter((type) => type === 'step.started')).toHaveLength(1);
      await finish((second as { call: BegunCall }).call, 4);
      expect(await costsOf(run)).toEqual(costs(4));
    });
  });

  describe('whose try is abandoned', () => {
    test('before it began: there is nothing to abandon', async () => {
      const run = await submit('per_call');
      expect(await abandonTry(aos.deps, addressOf(run))).toEqual({ kind: 'not_begun' });
      expect(await entriesOf(run)).toEqual([]);
      expect((await aos.step(run.run_id, 'a')).status).toBe('pending');
    });

    test('while it is out: the step is lost and presumed paid, and the true cost comes late', async () => {
      const run = await submit('per_call');
      const call = await begin(run);
      const lost = failedWith('STEP_LOST');
      expect(await abandonTry(aos.deps, addressOf(run))).toEqual(lost);
      expect(await abandonTry(aos.deps, addressOf(run))).toEqual(lost);
      expect(await costsOf(run)).toEqual(costs(10));
      expect(await finish(call, 4)).toEqual(lost);
      expect(await entriesOf(run)).toEqual([
        'hold 10 worst_case',
        'settle 10 presumed',
        'adjust -6 actual',
      ]);
      expect(await costsOf(run)).toEqual(costs(4));
    });

    test('after it ended: its outcome stands', async () => {
      const run = await submit('per_call');
      await finish(await begin(run), 4);
      expect(await abandonTry(aos.deps, addressOf(run))).toEqual(SUCCEEDED);
      expect(await costsOf(run)).toEqual(costs(4));
    });

    test('under a recorded cancel: it is cancelled', async () => {
      const run = await submit('per_call');
      await begin(run);
      await recordCancel(aos.deps, { run_id: run.run_id, execution: 1, reason: 'enough' });
      expect(await abandonTry(aos.deps, addressOf(run))).toEqual(CANCELLED);
      expect(await aos.step(run.run_id, 'a')).toMatchObject({
        status: 'cancelled',
        failure: { detail: 'enough' },
      });
      expect(await costsOf(run)).toEqual(costs(10));
    });

    test('at the very moment it ends: one of the two is the outcome, and the cost is the true one', async () => {
      const run = await submit('per_call');
      const call = await begin(run);
      const replies = await Promise.all([finish(call, 4), abandonTry(aos.deps, addressOf(run))]);
      expect(replies[0]).toEqual(replies[1]);
      expect(await costsOf(run)).toEqual(costs(4));
    });
  });

  describe('whose hold has expired', () => {
    const engine = () => ({ ...aos.engine, isTryAlive: () => Promise.resolve(false) });
    const expire = async ({ run_id }: Run) => {
      await aos.pool.query(
        `UPDATE holds SET expires_at = now() - interval '1 second' WHERE run_id = $1 AND step_id IS NOT NULL`,
        [run_id],
      );
      return expireHolds({ ...aos.deps, engine: engine() });
    };

    test('posts its cost as an adjustment, once', async () => {
      const run = await submit('per_call');
      const call = await begin(run);
      expect(await expire(run)).toBe(1);
      expect(await costsOf(run)).toEqual(costs(0));
      expect(await finish(call, 4)).toEqual(SUCCEEDED);
      expect(await finish(call, 4)).toEqual(SUCCEEDED);
      expect(await entriesOf(run)).toEqual([
        'hold 10 worst_case',
        'expire 10 actual',
        'adjust 4 actual',
      ]);
      expect(await costsOf(run)).toEqual(costs(4));
    });

    test('posts its cost once, though the run closes before it says so again', async () => {
      const before = await spentByTenant();
      const run = await submit('per_call');
      const call = await begin(run);
      await expire(run);
      await finish(call, 4);
      await close(run);
      expect(await finish(call, 4)).toEqual(SUCCEEDED);
      expect((await spentByTenant()) - before).toBe(4);
      expect(await runRow(run)).toMatchObject({ status: 'succeeded', cost_cents: 4 });
    });

    test('posts its cost on the tenant when the run was closed meanwhile', async () => {
      const before = await spentByTenant();
      const run = await submit('per_call');
      const call = await begin(run);
      await expire(run);
      expect(await close(run)).toEqual({ status: 'failed', code: 'STEP_LOST' });
      expect((await spentByTenant()) - before).toBe(0);
      expect(await finish(call, 4)).toMatchObject({ code: 'STEP_LOST' });
      expect((await spentByTenant()) - before).toBe(4);
      expect(await runRow(run)).toMatchObject({ cost_cents: 4 });
    });

    test('takes a new hold when the try is taken up again', async () => {
      const run = await submit('per_call');
      const old = await begin(run);
      await expire(run);
      const newer = await begin(run);
      await finish(newer, 3);
      await finish(old, 4);
      expect(await entriesOf(run)).toEqual([
        'hold 10 worst_case',
        'expire 10 actual',
        'hold 10 worst_case',
        'settle 3 actual',
        'adjust 4 actual',
      ]);
      expect(await costsOf(run)).toEqual(costs(7));
    });

    test('takes a new hold also when the skill is priced per effect, so that no cost goes unseen', async () => {
      const run = await submit('per_effect');
      await begin(run);
      await expire(run);
      const newer = await begin(run);
      await finish(newer, 3);
      expect(await costsOf(run)).toEqual(costs(3));
    });
  });

  describe('may not begin', () => {
    const nothing = async (run: Run) => {
      expect(await entriesOf(run)).toEqual([]);
      expect(await aos.step(run.run_id, 'a')).toMatchObject({
        status: 'pending',
        tries: 0,
        try_list: [],
      });
    };

    test('on a closed run', async () => {
      const run = await submit('per_call');
      await close(run);
      expect(await ask(addressOf(run))).toEqual({ kind: 'reply', reply: { kind: 'closed' } });
      await nothing(run);
    });

    test('on a run whose cancel is recorded', async () => {
      const run = await submit('per_call');
      await recordCancel(aos.deps, { run_id: run.run_id, execution: 1, reason: 'enough' });
      expect(await ask(addressOf(run))).toEqual({ kind: 'reply', reply: { kind: 'cancelled' } });
      await nothing(run);
    });

    test('in an execution that is not the current one', async () => {
      const run = await submit('per_call');
      await aos.pool.query('UPDATE runs SET execution = 2 WHERE id = $1', [run.run_id]);
      for (const execution of [1, 3]) {
        expect(await ask(addressOf(run, { execution }))).toEqual({
          kind: 'reply',
          reply: { kind: 'closed' },
        });
        expect(await abandonTry(aos.deps, addressOf(run, { execution }))).toEqual({
          kind: 'closed',
        });
      }
      await nothing(run);
    });

    test('for a run or a step that Postgres does not know', async () => {
      const run = await submit('per_call');
      const closed = { kind: 'reply', reply: { kind: 'closed' } };
      expect(await ask(addressOf(run, { run_id: 'run_unknown' }))).toEqual(closed);
      expect(await ask(addressOf(run, { step_id: 'unknown' }))).toEqual(closed);
      await nothing(run);
    });

    test('while the money it may need is held by another step, and may once that has returned', async () => {
      const run = await aos.submit(
        { steps: ['b', 'a'].map((id) => ({ id, skill: 'per_call', depends_on: [] })) },
        { budget_cents: 14 },
      );
      const other = await begin(run, { step_id: 'b' });
      expect(await ask(addressOf(run))).toEqual({ kind: 'reply', reply: { kind: 'busy' } });
      expect(await aos.step(run.run_id, 'a')).toMatchObject({ status: 'pending', try_list: [] });
      await finish(other, 4);
      await finish(await begin(run), 4);
      expect(await entriesOf(run)).toEqual([
        'hold 10 worst_case',
        'settle 4 actual',
        'hold 10 worst_case',
        'settle 4 actual',
      ]);
    });

    test('again for want of money: what was lost stays paid, and the late worker corrects it', async () => {
      const run = await aos.submit([{ id: 'a', skill: 'per_call' }], { budget_cents: 15 });
      const old = await begin(run);
      const refused = await ask(addressOf(run));
      expect(refused).toMatchObject({
        reply: failedWith('BUDGET_EXCEEDED'),
      });
      expect(await costsOf(run)).toEqual(costs(10));
      expect(await finish(old, 4)).toMatchObject({ code: 'BUDGET_EXCEEDED' });
      expect(await costsOf(run)).toEqual(costs(4));
    });

    test('again while another step holds the money: what was lost is paid, once', async () => {
      const run = await aos.submit(
        { steps: ['a', 'b'].map((id) => ({ id, skill: 'per_call', depends_on: [] })) },
        { budget_cents: 25 },
      );
      const old = await begin(run);
      const other = await begin(run, { step_id: 'b' });
      // The same attempt asks twice, as after a commit whose answer was lost: it never gets a call without a hold.
      for (const fence of ['again', 'again', 'another']) {
        const reply = await beginTry(aos.deps, addressOf(run), fence);
        expect(reply).toEqual({ kind: 'reply', reply: { kind: 'busy' } });
      }
      await finish(other, 2);
      await finish(await begin(run), 3);
      await finish(old, 4);
      const step = await aos.step(run.run_id, 'a');
      expect(step).toMatchObject({ cost_cents: 7, try_list: [{ cost_cents: 7 }] });
      expect((await aos.ledger(run.run_id)).account).toMatchObject({
        settled_cents: 9,
        reserved_cents: 0,
      });
    });
  });

  describe('at the deadline of the run', () => {
    const passDeadline = ({ run_id }: Run) =>
      aos.pool.query(`UPDATE runs SET deadline_at = now() - interval '1 second' WHERE id = $1`, [
        run_id,
      ]);

    test.each(['TIMEOUT', 'CANCELLED'] as const)(
      'that was stopped by it (%s) fails for good, with what it cost',
      async (code) => {
        const run = await submit('per_call', { retry: { max_attempts: 5 } });
        const call = await begin(run);
        await passDeadline(run);
        expect(await finishTry(aos.deps, call, fail(code, 2 * CENT))).toEqual(
          failedWith('DEADLINE_EXCEEDED'),
        );
        expect(await aos.step(run.run_id, 'a')).toMatchObject({ status: 'failed' });
        expect(await costsOf(run)).toEqual(costs(2));
        expect(await close(run)).toEqual({ status: 'failed', code: 'DEADLINE_EXCEEDED' });
      },
    );

    test('that made it just in time has succeeded', async () => {
      const run = await submit('per_call');
      const call = await begin(run);
      await passDeadline(run);
      expect(await finish(call, 4)).toEqual(SUCCEEDED);
      expect(await costsOf(run)).toEqual(costs(4));
    });

    test('begins nothing, and holds nothing', async () => {
      const run = await submit('per_call');
      await passDeadline(run);
      expect(await ask(addressOf(run))).toMatchObject({
        reply: failedWith('DEADLINE_EXCEEDED'),
      });
      expect(await entriesOf(run)).toEqual([]);
    });

    test('does not repeat a lost call: it is presumed paid', async () => {
      const run = await submit('per_call');
      const old = await begin(run);
      await passDeadline(run);
      expect(await ask(addressOf(run))).toMatchObject({
        reply: failedWith('DEADLINE_EXCEEDED'),
      });
      expect(await costsOf(run)).toEqual(costs(10));
      await finish(old, 4);
      expect(await costsOf(run)).toEqual(costs(4));
    });

    test('calls no longer than until then', async () => {
      const run = await aos.submit({ steps: [{ id: 'a', skill: 'per_call' }], deadline_ms: 5_000 });
      const { timeoutMs } = await begin(run);
      expect(timeoutMs).toBeGreaterThan(0);
      expect(timeoutMs).toBeLessThanOrEqual(5_000);
    });
  });
});
