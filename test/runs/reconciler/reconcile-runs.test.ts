import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import type { Run } from '../../../src/contracts/run.ts';
import { adoptEngine } from '../../../src/runs/reconciler/adopt-engine.ts';
import { beginTry } from '../../../src/runs/tries/begin-try.ts';
import { cancelRun } from '../../../src/runs/cancel-run.ts';
import { closeRun } from '../../../src/runs/close-run.ts';
import { finishTry } from '../../../src/runs/tries/finish-try.ts';
import { closeOverdueRuns, reconcileRuns } from '../../../src/runs/reconciler/reconcile-runs.ts';
import { submitRun } from '../../../src/runs/submit-run.ts';
import { readEngineNamespace } from '../../../src/storage/engine.ts';
import { auditLedger } from '../../../src/storage/ledger-audit.ts';
import type { Logger } from '../../../src/telemetry/logger.ts';
import type { Engine } from '../../../src/temporal/engine.ts';
import { listUnsealedRuns } from '../../support/last-events.ts';
import { startHarness } from '../../support/harness.ts';
import type { Harness } from '../../support/harness.ts';
import { createScriptedSkill, fail, succeed } from '../../support/scripted-skill.ts';

const BY_OPERATOR = { tenantId: 'default', keyId: null, requestId: null };

const CENT = 1_000_000;

/** A skill that is stopped by its signal alone; `entered` resolves when a call has begun. */
function createStuckSkill() {
  let entered: () => void = () => {};
  const skill = createScriptedSkill({
    id: 'stuck',
    worstMicroCents: 10 * CENT,
    call: async ({ signal }) => {
      const stopped = new Promise((resolve) => signal.addEventListener('abort', resolve));
      entered();
      await stopped;
      return fail('CANCELLED', 2 * CENT);
    },
  });
  const nextCall = () =>
    new Promise<void>((resolve) => {
      entered = resolve;
    });
  return { skill, nextCall };
}

describe('the reconciler', () => {
  let aos: Harness;
  const stuck = createStuckSkill();
  const paid = createScriptedSkill({
    id: 'paid',
    worstMicroCents: 10 * CENT,
    call: () => succeed('paid', 4 * CENT),
  });

  beforeAll(async () => {
    aos = await startHarness({ reconciler: false, skills: [stuck.skill, paid] });
  });
  afterAll(() => aos.stop());
  afterEach(async () => {
    const { rows } = await aos.pool.query('SELECT id, status FROM runs WHERE completed_at IS NULL');
    const violations = await auditLedger(aos.pool, null);
    const { rows: held } = await aos.pool.query(
      'SELECT id FROM accounts WHERE reserved_micro_cents > 0',
    );
    const wrong = [...rows, ...violations, ...held, ...(await listUnsealedRuns(aos.pool))];
    if (wrong.length > 0) throw new Error(`the test leaves this behind: ${JSON.stringify(wrong)}`);
  });

  const away = () => Promise.reject(new Error('Temporal does not answer'));
  const reconcile = (engine: Partial<Engine> = {}, logger: Partial<Logger> = {}) =>
    reconcileRuns({
      ...aos.deps,
      engine: { ...aos.engine, ...engine },
      logger: { ...aos.deps.logger, ...logger },
    });
  const due = (...runs: Pick<Run, 'run_id'>[]) =>
    aos.pool.query(`UPDATE runs SET check_at = now() - interval '1 second' WHERE id = ANY($1)`, [
      runs.map((run) => run.run_id),
    ]);

  /** Accepts a run as an API does that is killed before it starts the execution. */
  async function accept(ids: string[], skill = 'paid'): Promise<{ run_id: string }> {
    const submitter = await aos.submitterOf('default');
    const plan = ids.map((id) => ({ id, skill }));
    const engine = { ...aos.engine, startExecution: away };
    const { run } = await submitRun(
      { ...aos.deps, engine, rates: aos.rates },
      {
        ...submitter,
        request: { plan, budget_cents: 100, labels: {} },
        body: { plan },
        idempotencyKey: undefined,
        warnings: [],
      },
    );
    return { run_id: run.id };
  }
  /** Begins a try as a worker does that is lost right after; ends it too when there is a cost. */
  async function work(
    { run_id }: { run_id: string },
    step_id: string,
    costCents?: number,
    execution = 1,
  ) {
    const address = { run_id, execution, step_id, role: 'main' as const, try: 1 };
    const begun = await beginTry(aos.deps, address, uuidv7());
    if (begun.kind !== 'call') throw new Error(`no call: ${JSON.stringify(begun.reply)}`);
    if (costCents !== undefined)
      await finishTry(aos.deps, begun.call, succeed('before', costCents * CENT));
  }
  async function startStuck(): Promise<Run> {
    const called = stuck.nextCall();
    const run = await aos.submit([{ id: 'a', skill: 'stuck' }], { budget_cents: 100 });
    await called;
    return run;
  }
  const view = async ({ run_id }: { run_id: string }): Promise<Run> =>
    (await aos.request<Run>(`/api/v1/runs/${run_id}`)).body;
  const restarts = async ({ run_id }: { run_id: string }): Promise<number> =>
    (
      await aos.pool.query(`SELECT 1 FROM events WHERE run_id = $1 AND type = 'run.restarted'`, [
        run_id,
      ])
    ).rows.length;
  const close = ({ run_id }: { run_id: string }, execution: number) =>
    closeRun(aos.deps, { run_id, execution, reason: { kind: 'done' } });

  describe('starts', () => {
    test('a run that was accepted and never started, when its time has come', async () => {
      const run = await accept(['a']);
      expect(await reconcile()).toEqual({});
      expect((await view(run)).status).toBe('queued');
      await due(run);
      expect(await reconcile()).toEqual({ started: 1 });
      expect(await aos.ended(run.run_id)).toMatchObject({
        status: 'succeeded',
        execution: 1,
        cost_cents: 4,
      });
      expect(await restarts(run)).toBe(0);
    });

    test('no run twice within ten seconds', async () => {
      const run = await accept(['a']);
      await due(run);
      const started: string[] = [];
      const note = {
        startExecution: async ({ run_id }: { run_id: string }) => void started.push(run_id),
      };
      expect(await reconcile(note)).toEqual({ started: 1 });
      expect(await reconcile(note)).toEqual({});
      expect(started).toEqual([run.run_id]);
      const { rows } = await aos.pool.query<{ seconds: number }>(
        'SELECT extract(epoch FROM check_at - now())::float8 AS seconds FROM runs WHERE id = $1',
        [run.run_id],
      );
      expect(rows[0]!.seconds).toBeGreaterThan(8);
      expect(rows[0]!.seconds).toBeLessThanOrEqual(10);
      await close(run, 1);
    });

    test('a run again when starting it failed, and goes on to the others', async () => {
      const [first, second] = [await accept(['a']), await accept(['a'])];
      await due(first, second);
      const errors: unknown[] = [];
      const failing: Partial<Engine> = {
        startExecution: (input, labels) =>
          input.run_id === first.run_id ? away() : aos.engine.startExecution(input, labels),
      };
      const mends = await reconcile(failing, {
        error: (event, _error, fields) => errors.push([event, fields?.['run_id']]),
      });
      expect(mends).toEqual({ started: 1 });
      expect(errors).toEqual([['run.mend_failed', first.run_id]]);
      expect(await aos.ended(second.run_id)).toMatchObject({ status: 'succeeded' });
      await due(first);
      expect(await reconcile()).toEqual({ started: 1 });
      expect(await aos.ended(first.run_id)).toMatchObject({ status: 'succeeded', execution: 1 });
    });
  });

  describe('leaves alone', () => {
    test('a run that is running', async () => {
      const run = await startStuck();
      await due(run);
      expect(await reconcile()).toEqual({});
      expect(await view(run)).toMatchObject({ status: 'running', execution: 1 });
      await aos.request(`/api/v1/runs/${run.run_id}/cancel`, { json: {} });
      expect(await aos.ended(run.run_id)).toMatchObject({ status: 'cancelled', cost_cents: 2 });
    });

    test('every run when Temporal does not answer', async () => {
      const run = await accept(['a']);
      await work(run, 'a');
      await due(run);
      expect(await reconcile({ describeExecution: away })).toEqual({});
      expect(await view(run)).toMatchObject({ status: 'running', execution: 1 });
      expect(await close(run, 1)).toMatchObject({ status: 'failed' });
    });
  });

  describe('closes', () => {
    test('a run whose execution an operator terminated, and nothing stays reserved', async () => {
      const run = await startStuck();
      await aos.client.workflow.getHandle(`${run.run_id}.1`).terminate('by an operator');
      await due(run);
      expect(await reconcile()).toEqual({ closed: 1 });
      const ended = await view(run);
      expect(ended).toMatchObject({ status: 'cancelled', failure: { code: 'TERMINATED' } });
      expect((await aos.ledger(run.run_id)).account).toMatchObject({
        reserved_cents: 0,
        settled_cents: 10,
      });
    });

    test('a run whose execution timed out in Temporal', async () => {
      const run = await accept(['a']);
      await due(run);
      expect(await reconcile({ describeExecution: () => Promise.resolve('timed_out') })).toEqual({
        closed: 1,
      });
      expect(await view(run)).toMatchObject({
        status: 'failed',
        failure: { code: 'EXECUTION_LOST' },
      });
    });

    test('an overdue run, a minute after its deadline, and ends its execution', async () => {
      const run = await startStuck();
      const overdueBy = (seconds: number) =>
        aos.pool.query(
          `UPDATE runs SET deadline_at = now() - $2 * interval '1 second' WHERE id = $1`,
          [run.run_id, seconds],
        );
      const deps = { ...aos.deps, engine: aos.engine };
      await overdueBy(50);
      expect(await closeOverdueRuns(deps)).toBe(0);
      await overdueBy(61);
      expect(await closeOverdueRuns(deps)).toBe(1);
      expect(await view(run)).toMatchObject({
        status: 'failed',
        failure: { code: 'DEADLINE_EXCEEDED' },
      });
      expect((await aos.ledger(run.run_id)).account).toMatchObject({ reserved_cents: 0 });
      expect(await aos.engine.describeExecution(run.run_id, 1)).toBe('terminated');
      expect(await closeOverdueRuns(deps)).toBe(0);
    });

    test('an overdue run also while Temporal is away', async () => {
      const run = await accept(['a']);
      await work(run, 'a');
      await aos.pool.query(
        `UPDATE runs SET deadline_at = now() - interval '2 minutes' WHERE id = $1`,
        [run.run_id],
      );
      const engine = { ...aos.engine, terminateExecution: away, describeExecution: away };
      expect(await closeOverdueRuns({ ...aos.deps, engine })).toBe(1);
      expect(await view(run)).toMatchObject({
        status: 'failed',
        failure: { code: 'DEADLINE_EXCEEDED' },
      });
    });
  });

  test('goes on past an overdue run that cannot be closed', async () => {
    const [poison, other] = [await accept(['a']), await accept(['a'])];
    await aos.pool.query(`
      CREATE FUNCTION refuse_close() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'this run cannot be closed'; END $$;
      CREATE TRIGGER refuse_close BEFORE UPDATE ON runs FOR EACH ROW
        WHEN (NEW.completed_at IS NOT NULL AND NEW.id = '${poison.run_id}') EXECUTE FUNCTION refuse_close()`);
    await aos.pool.query(
      `UPDATE runs SET deadline_at = now() - interval '2 minutes' WHERE id = ANY($1)`,
      [[poison.run_id, other.run_id]],
    );
    const deps = { ...aos.deps, engine: aos.engine };
    expect(await closeOverdueRuns(deps)).toBe(1);
    expect(await view(other)).toMatchObject({ status: 'failed' });
    expect(await view(poison)).toMatchObject({ status: 'queued' });
    await aos.pool.query('DROP TRIGGER refuse_close ON runs');
    expect(await closeOverdueRuns(deps)).toBe(1);
  });

  describe('gives a successor to', () => {
    test.each(['completed', 'failed', 'cancelled'] as const)(
      'an execution that %s behind our back',
      async (state) => {
        const run = await accept(['a']);
        await due(run);
        const describeExecution: Engine['describeExecution'] = (id, execution) =>
          execution === 1 ? Promise.resolve(state) : aos.engine.describeExecution(id, execution);
        expect(await reconcile({ describeExecution })).toEqual({ restarted: 1 });
        expect(await aos.ended(run.run_id)).toMatchObject({
          status: 'succeeded',
          execution: 2,
          cost_cents: 4,
        });
        expect(await restarts(run)).toBe(1);
      },
    );

    test('an execution that Temporal has lost: it goes on where that one stood', async () => {
      const run = await accept(['done', 'lost', 'after']);
      await work(run, 'done', 3);
      await work(run, 'lost');
      const callsBefore = paid.calls.length;
      await due(run);
      expect(await reconcile()).toEqual({ restarted: 1 });
      const ended = await aos.ended(run.run_id);
      expect(ended).toMatchObject({
        status: 'succeeded',
        execution: 2,
        // The lost call is presumed paid: 3 + (10 + 4) + 4.
        cost_cents: 21,
        steps: [
          { status: 'succeeded', cost_cents: 3, tries: 1 },
          { status: 'succeeded', cost_cents: 14, tries: 1 },
          { status: 'succeeded', cost_cents: 4, tries: 1 },
        ],
      });
      expect(paid.calls.slice(callsBefore).map((call) => call.effectKey)).toEqual([
        `${run.run_id}/lost/1`,
        `${run.run_id}/after/1`,
      ]);
      expect((await aos.step(run.run_id, 'lost')).try_list).toMatchObject([
        { number: 1, execution: 2 },
      ]);
    });

    test('two fruitless executions; the third one ends the run', async () => {
      const run = await accept(['a']);
      await work(run, 'a');
      const lost: Partial<Engine> = {
        startExecution: () => Promise.resolve(),
        describeExecution: () => Promise.resolve('failed'),
      };
      for (const execution of [2, 3]) {
        await due(run);
        expect(await reconcile(lost)).toEqual({ restarted: 1 });
        expect(await view(run)).toMatchObject({ status: 'queued', execution });
      }
      await due(run);
      expect(await reconcile(lost)).toEqual({ closed: 1 });
      expect(await view(run)).toMatchObject({
        status: 'failed',
        execution: 3,
        failure: { code: 'EXECUTION_LOST' },
        cost_cents: 10,
      });
    });

    test('more executions as long as each has brought a new outcome', async () => {
      const run = await accept(['a', 'b']);
      await work(run, 'a');
      const lost: Partial<Engine> = {
        startExecution: () => Promise.resolve(),
        describeExecution: () => Promise.resolve('failed'),
      };
      for (let execution = 2; execution <= 3; execution += 1) {
        await due(run);
        expect(await reconcile(lost)).toEqual({ restarted: 1 });
      }
      await work(run, 'a', 4, 3);
      await due(run);
      expect(await reconcile(lost)).toEqual({ restarted: 1 });
      expect(await view(run)).toMatchObject({ status: 'queued', execution: 4 });
      await close(run, 4);
    });

    test('one that could not be started, which is then started itself and counts for nothing', async () => {
      const run = await accept(['a']);
      await work(run, 'a');
      const unknown = () => Promise.resolve('unknown' as const);
      await due(run);
      await reconcile({ startExecution: away, describeExecution: unknown });
      expect(await view(run)).toMatchObject({ status: 'queued', execution: 2 });
      const started: number[] = [];
      await due(run);
      const reply = await reconcile({
        startExecution: ({ execution }) => Promise.resolve(void started.push(execution)),
        describeExecution: unknown,
      });
      expect({ reply, started }).toEqual({ reply: { started: 1 }, started: [2] });
      await close(run, 2);
    });
  });

  describe('tells again a cancel', () => {
    const cancelUntold = (run: { run_id: string }) => {
      const engine: Engine = { ...aos.engine, cancelExecution: () => Promise.resolve('pending') };
      return cancelRun({ ...aos.deps, engine }, BY_OPERATOR, run.run_id, 'changed my mind');
    };

    test('that the execution has not heard', async () => {
      const run = await startStuck();
      expect((await cancelUntold(run)).status).toBe('running');
      await due(run);
      expect(await reconcile()).toEqual({ cancel_told: 1 });
      expect(await aos.ended(run.run_id)).toMatchObject({
        status: 'cancelled',
        failure: { code: 'CANCELLED', detail: 'changed my mind' },
        cost_cents: 2,
      });
    });

    test('of a run that was never started, by closing it', async () => {
      const run = await accept(['a']);
      const callsBefore = paid.calls.length;
      expect((await cancelUntold(run)).status).toBe('queued');
      await due(run);
      expect(await reconcile()).toEqual({ closed: 1 });
      expect(await view(run)).toMatchObject({
        status: 'cancelled',
        failure: { detail: 'changed my mind' },
      });
      expect(paid.calls).toHaveLength(callsBefore);
    });
  });

  describe('of several', () => {
    test('does each mend once, however many look at the same time', async () => {
      const queued = await Promise.all([1, 2, 3, 4, 5, 6].map(() => accept(['a'])));
      const lost = await Promise.all([1, 2, 3, 4, 5, 6].map(() => accept(['a'])));
      await Promise.all(lost.map((run) => work(run, 'a', 1)));
      await due(...queued, ...lost);
      const started: string[] = [];
      const startExecution: Engine['startExecution'] = (input, labels) => {
        started.push(`${input.run_id}.${input.execution}`);
        return aos.engine.startExecution(input, labels);
      };
      const mends = await Promise.all([1, 2, 3, 4].map(() => reconcile({ startExecution })));
      const sum = (name: string) => mends.reduce((total, each) => total + (each[name] ?? 0), 0);
      expect({ started: sum('started'), restarted: sum('restarted') }).toEqual({
        started: 6,
        restarted: 6,
      });
      expect(started.toSorted()).toEqual(
        [
          ...queued.map((run) => `${run.run_id}.1`),
          ...lost.map((run) => `${run.run_id}.2`),
        ].toSorted(),
      );
      for (const run of [...queued, ...lost]) {
        expect(await aos.ended(run.run_id)).toMatchObject({ status: 'succeeded' });
      }
    });

    test('does not mend what another has mended while it asked Temporal', async () => {
      const run = await accept(['a', 'b']);
      await work(run, 'a', 1);
      await due(run);
      const started: number[] = [];
      const startExecution: Engine['startExecution'] = async ({ execution }) =>
        void started.push(execution);
      const describeExecution: Engine['describeExecution'] = async () => {
        await due(run);
        await reconcile({ startExecution, describeExecution: () => Promise.resolve('unknown') });
        return 'unknown';
      };
      await reconcile({ startExecution, describeExecution });
      expect(started).toEqual([2]);
      expect(await restarts(run)).toBe(1);
      expect((await view(run)).execution).toBe(2);
      await close(run, 2);
    });
  });

  describe("whose Temporal has another namespace's id", () => {
    const warned: string[] = [];
    const adopt = (id: string, mayAdopt: boolean) =>
      adoptEngine(
        {
          ...aos.deps,
          engine: { ...aos.engine, namespaceId: () => Promise.resolve(id) },
          logger: { ...aos.deps.logger, warn: (event) => warned.push(event) },
        },
        mayAdopt,
      );
    const isDue = async ({ run_id }: { run_id: string }): Promise<boolean> =>
      (
        await aos.pool.query('SELECT 1 FROM runs WHERE id = $1 AND check_at < clock_timestamp()', [
          run_id,
        ])
      ).rows.length > 0;

    test('takes the first one as its own, touches nothing for a stranger, and starts all anew when told to', async () => {
      const run = await accept(['a', 'b']);
      await work(run, 'a', 1);
      expect(await readEngineNamespace(aos.pool)).toBeUndefined();
      expect(await adopt('first', false)).toBe(true);
      expect(await adopt('first', false)).toBe(true);
      expect(warned).toEqual([]);

      expect(await adopt('stranger', false)).toBe(false);
      expect(warned).toEqual(['engine.unknown']);
      expect(await readEngineNamespace(aos.pool)).toBe('first');
      expect(await isDue(run)).toBe(false);

      expect(await adopt('second', true)).toBe(true);
      expect(warned).toEqual(['engine.unknown', 'engine.replaced']);
      expect(await readEngineNamespace(aos.pool)).toBe('second');
      expect(await isDue(run)).toBe(true);
      expect(await reconcile()).toEqual({ restarted: 1 });
      expect(await aos.ended(run.run_id)).toMatchObject({
        status: 'succeeded',
        execution: 2,
        cost_cents: 5,
      });
      expect(await adopt('first', false)).toBe(false);
    });

    test('asks the real one for its id', async () => {
      expect(await aos.engine.namespaceId()).toMatch(/^[0-9a-f-]{36}$/);
    });
  });
});
