import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import type { Mend } from '../../src/telemetry/instruments.ts';
import { adoptEngine } from '../../src/runs/reconciler/adopt-engine.ts';
import { expireHolds } from '../../src/runs/reconciler/expire-holds.ts';
import { closeOverdueRuns, reconcileRuns } from '../../src/runs/reconciler/reconcile-runs.ts';
import { beginTry } from '../../src/runs/tries/begin-try.ts';
import { cancelRun } from '../../src/runs/cancel-run.ts';
import { submitRun } from '../../src/runs/submit-run.ts';
import { closeRun } from '../../src/runs/close-run.ts';
import type { Engine } from '../../src/temporal/engine.ts';
import { parseExposition, valueOf } from '../support/exposition.ts';
import { startHarness } from '../support/harness.ts';
import type { Harness } from '../support/harness.ts';
import { createScriptedSkill, succeed } from '../support/scripted-skill.ts';

const BY_OPERATOR = { tenantId: 'default', keyId: null, requestId: null };

const CENT = 1_000_000;
const paid = createScriptedSkill({
  id: 'paid',
  worstMicroCents: CENT,
  call: () => succeed('paid', CENT),
});

describe('the metrics of the reconciler', () => {
  let aos: Harness;
  beforeAll(async () => {
    aos = await startHarness({ worker: false, reconciler: false, skills: [paid] });
  });
  afterAll(() => aos.stop());

  const scrape = async () => parseExposition(await aos.deps.metrics.register.metrics());
  const mends = async (kind: Mend): Promise<number> =>
    valueOf(await scrape(), 'aos_mends_total', { kind });
  const ends = async (status: string, code: string): Promise<number> =>
    valueOf(await scrape(), 'aos_runs_ended_total', { status, code });
  const away = () => Promise.reject(new Error('Temporal does not answer'));
  /** As if Temporal had never heard of any run. */
  const engine = (changes: Partial<Engine> = {}) => ({
    ...aos.deps,
    engine: {
      ...aos.engine,
      startExecution: () => Promise.resolve(),
      describeExecution: () => Promise.resolve('unknown' as const),
      cancelExecution: () => Promise.resolve('unknown' as const),
      terminateExecution: () => Promise.resolve(),
      ...changes,
    },
  });
  const change = (runId: string, to: string) =>
    aos.pool.query(`UPDATE runs SET ${to} WHERE id = $1`, [runId]);
  /** A run that is accepted and not started, and that the reconciler may look at. */
  async function accept(): Promise<string> {
    const submitter = await aos.submitterOf('default');
    const plan = [{ id: 'a', skill: 'paid' }];
    const { run } = await submitRun(
      { ...engine({ startExecution: away }), rates: aos.rates },
      {
        ...submitter,
        request: { plan, budget_cents: 10, labels: {} },
        body: { plan },
        idempotencyKey: undefined,
        warnings: [],
      },
    );
    await change(run.id, `check_at = now() - interval '1 second'`);
    return run.id;
  }

  test('count a run that was not started, and one that could not be', async () => {
    const runId = await accept();
    await reconcileRuns(engine({ startExecution: away }));
    expect([await mends('started'), await mends('failed')]).toEqual([0, 1]);
    await change(runId, `check_at = now() - interval '1 second'`);
    await reconcileRuns(engine());
    expect([await mends('started'), await mends('failed')]).toEqual([1, 1]);
    await closeRun(aos.deps, { run_id: runId, execution: 1, reason: { kind: 'closed' } });
  });

  test('count what was closed, with its end, once for whoever closes it again', async () => {
    const runId = await accept();
    await change(runId, `deadline_at = now() - interval '1 hour'`);
    await closeOverdueRuns(engine());
    await closeOverdueRuns(engine());
    expect(await mends('overdue')).toBe(1);
    expect(await ends('failed', 'DEADLINE_EXCEEDED')).toBe(1);
    const again = { run_id: runId, execution: 1, reason: { kind: 'closed' } } as const;
    expect(await closeRun(aos.deps, again)).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(await ends('failed', 'DEADLINE_EXCEEDED')).toBe(1);

    const terminated = await accept();
    await reconcileRuns(engine({ describeExecution: () => Promise.resolve('terminated') }));
    expect([await mends('closed'), await ends('cancelled', 'TERMINATED')]).toEqual([1, 1]);
    expect(terminated).not.toBe(runId);
  });

  test('count the end of a run that is cancelled before it started', async () => {
    const runId = await accept();
    await cancelRun(engine(), BY_OPERATOR, runId, 'not needed');
    expect(await ends('cancelled', 'CANCELLED')).toBe(1);
  });

  test('count a hold that expired', async () => {
    const runId = await accept();
    const address = { run_id: runId, execution: 1, step_id: 'a', role: 'main', try: 1 } as const;
    await beginTry(aos.deps, address, uuidv7());
    await aos.pool.query('UPDATE holds SET expires_at = now() WHERE expires_at IS NOT NULL');
    await expireHolds(engine({ isTryAlive: () => Promise.resolve(false) }));
    expect(await mends('hold_expired')).toBe(1);
    await closeRun(aos.deps, { run_id: runId, execution: 1, reason: { kind: 'closed' } });
    const lost = { skill: 'paid', role: 'main', status: 'failed', code: 'STEP_LOST' };
    expect(valueOf(await scrape(), 'aos_tries_ended_total', lost)).toBe(1);
  });

  test("count that Temporal's store was replaced", async () => {
    const first = engine({ namespaceId: () => Promise.resolve('one') });
    await adoptEngine(first, true);
    expect(await mends('engine_replaced')).toBe(0);
    await adoptEngine(engine({ namespaceId: () => Promise.resolve('other') }), true);
    expect(await mends('engine_replaced')).toBe(1);
  });
});
