import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import type { CloseReason } from '../../src/contracts/activities.ts';
import { createFailure } from '../../src/contracts/failures.ts';
import type { Run } from '../../src/contracts/run.ts';
import type { SkillResult } from '../../src/contracts/skill.ts';
import { beginTry } from '../../src/runs/tries/begin-try.ts';
import type { BegunCall } from '../../src/runs/tries/begin-try.ts';
import { recordCancel } from '../../src/runs/cancel-run.ts';
import { closeLockedRun, closeRun } from '../../src/runs/close-run.ts';
import { finishTry } from '../../src/runs/tries/finish-try.ts';
import { auditLedger } from '../../src/storage/ledger-audit.ts';
import { withTransaction } from '../../src/storage/pool.ts';
import { lockRun } from '../../src/storage/runs.ts';
import { listUnsealedRuns } from '../support/last-events.ts';
import { startHarness } from '../support/harness.ts';
import type { Harness } from '../support/harness.ts';
import { createScriptedSkill, fail, succeed } from '../support/scripted-skill.ts';

const CENT = 1_000_000;

describe('closing a run', () => {
  let aos: Harness;

  beforeAll(async () => {
    const paid = { id: 'paid', worstMicroCents: 10 * CENT, call: () => succeed(null) };
    aos = await startHarness({
      worker: false,
      reconciler: false,
      skills: [createScriptedSkill(paid)],
    });
  });
  afterAll(() => aos.stop());
  afterEach(async () => {
    const violations = await auditLedger(aos.pool, null);
    if (violations.length > 0)
      throw new Error(`the ledger is broken: ${JSON.stringify(violations)}`);
    expect(await listUnsealedRuns(aos.pool)).toEqual([]);
  });

  /** A run of independent paid steps under a tenant of its own. */
  async function submit(
    ids: string[],
    budgetCents = 100,
    tenantLimit: number | null = null,
    step = {},
  ) {
    const tenantId = `tenant_${uuidv7()}`;
    const key = await aos.createKey(tenantId, tenantLimit);
    const plan = { steps: ids.map((id) => ({ id, skill: 'paid', depends_on: [], ...step })) };
    const json = { plan, budget_cents: budgetCents };
    const { body } = await aos.request<Run>('/api/v1/runs', { key, json });
    return { id: body.run_id, tenantId, key };
  }
  type Submitted = Awaited<ReturnType<typeof submit>>;

  async function begin({ id }: Submitted, stepId: string): Promise<BegunCall> {
    const address = { run_id: id, execution: 1, step_id: stepId, role: 'main' as const, try: 1 };
    const begun = await beginTry(aos.deps, address, uuidv7());
    if (begun.kind === 'reply') throw new Error(`no call: ${JSON.stringify(begun.reply)}`);
    return begun.call;
  }
  const call = async (run: Submitted, stepId: string, result: SkillResult) =>
    finishTry(aos.deps, await begin(run, stepId), result);
  const close = ({ id }: Submitted, reason: CloseReason = { kind: 'done' }, execution = 1) =>
    closeRun(aos.deps, { run_id: id, execution, reason });
  const view = async ({ id, key }: Submitted): Promise<Run> =>
    (await aos.request<Run>(`/api/v1/runs/${id}`, { key })).body;

  async function accountsOf({ id, tenantId }: Submitted) {
    const { rows } = await aos.pool.query<Record<string, unknown>>(
      `SELECT reserved_micro_cents / ${CENT} AS reserved, settled_micro_cents / ${CENT} AS settled,
         overage_micro_cents / ${CENT} AS overage, closed_at IS NOT NULL AS closed
       FROM accounts WHERE id = $1 OR id = $2 ORDER BY id`,
      [`${id}/1`, `tenant/${tenantId}`],
    );
    return { run: rows[0], tenant: rows[1] };
  }
  const holdsOf = async ({ id }: Submitted): Promise<number> =>
    (await aos.pool.query('SELECT 1 FROM holds WHERE run_id = $1', [id])).rows.length;
  const eventsOf = async ({ id }: Submitted): Promise<string[]> => {
    const { rows } = await aos.pool.query<{ type: string; step_id: string | null }>(
      'SELECT type, step_id FROM events WHERE run_id = $1 ORDER BY number',
      [id],
    );
    return rows.map(({ type, step_id }) => (step_id === null ? type : `${type} ${step_id}`));
  };
  const balances = (reserved: number, settled: number, overage: number, closed: boolean) => ({
    reserved,
    settled,
    overage,
    closed,
  });

  test('that succeeded passes what it spent on to the tenant and releases the rest', async () => {
    const run = await submit(['a', 'b']);
    await call(run, 'a', succeed('first', 4 * CENT));
    await call(run, 'b', succeed('second', 3 * CENT));
    expect(await accountsOf(run)).toEqual({
      run: balances(0, 7, 0, false),
      tenant: balances(100, 0, 0, false),
    });
    expect(await close(run)).toEqual({ status: 'succeeded' });
    expect(await accountsOf(run)).toEqual({
      run: balances(0, 7, 0, true),
      tenant: balances(0, 7, 0, false),
    });
    expect(await view(run)).toMatchObject({ status: 'succeeded', output: 'second', cost_cents: 7 });
    expect((await eventsOf(run)).at(-1)).toBe('run.succeeded');
    expect(await holdsOf(run)).toBe(0);
  });

  test('is done once: of ten callers with different reasons all get the end of the first', async () => {
    const run = await submit(['a']);
    await begin(run, 'a');
    const reasons: CloseReason[] = [
      { kind: 'done' },
      { kind: 'cancelled' },
      { kind: 'step_failed', step_id: 'a' },
      { kind: 'closed' },
      { kind: 'cancelled' },
    ];
    const ends = await Promise.all([...reasons, ...reasons].map((reason) => close(run, reason)));
    expect(new Set(ends.map((end) => JSON.stringify(end))).size).toBe(1);
    expect(await close(run, { kind: 'done' })).toEqual(ends[0]);
    expect((await eventsOf(run)).filter((type) => type.startsWith('run.'))).toEqual([
      'run.accepted',
      'run.started',
      `run.${ends[0]!.status}`,
    ]);
    expect(await accountsOf(run)).toEqual({
      run: balances(0, 10, 0, true),
      tenant: balances(0, 10, 0, false),
    });
  });

  test('ends tries that are out as lost and presumed paid, and leaves steps never begun as they are', async () => {
    const run = await submit(['a', 'b', 'c']);
    await call(run, 'a', succeed('one', 4 * CENT));
    await begin(run, 'b');
    expect(await close(run)).toEqual({ status: 'failed', code: 'STEP_LOST' });
    expect(await view(run)).toMatchObject({
      status: 'failed',
      failure: { code: 'STEP_LOST', step_id: 'b' },
      cost_cents: 14,
      steps: [
        { status: 'succeeded', cost_cents: 4 },
        { status: 'failed', cost_cents: 10, failure: { code: 'STEP_LOST' } },
        { status: 'pending', cost_cents: 0 },
      ],
    });
    expect(await eventsOf(run)).toEqual([
      'run.accepted',
      'run.started',
      'step.started a',
      'step.succeeded a',
      'step.started b',
      'step.failed b',
      'run.failed',
    ]);
    expect(await accountsOf(run)).toEqual({
      run: balances(0, 14, 0, true),
      tenant: balances(0, 14, 0, false),
    });
    expect(await holdsOf(run)).toBe(0);
  });

  test('under a recorded cancel cancels what is out and what waits between two tries', async () => {
    const run = await submit(['a', 'b', 'c'], 100, null, { retry: { max_attempts: 3 } });
    await begin(run, 'a');
    await call(run, 'b', fail('HTTP_5XX', CENT));
    await recordCancel(aos.deps, { run_id: run.id, execution: 1, reason: 'changed my mind' });
    expect(await close(run)).toEqual({ status: 'cancelled', code: 'CANCELLED' });
    expect(await view(run)).toMatchObject({
      status: 'cancelled',
      failure: { code: 'CANCELLED', detail: 'changed my mind' },
      cost_cents: 11,
      steps: [
        { status: 'cancelled', failure: { code: 'CANCELLED' } },
        { status: 'cancelled', failure: { code: 'HTTP_5XX' } },
        { status: 'pending' },
      ],
    });
  });

  test('gives a step between two tries the failure of its last one', async () => {
    const run = await submit(['a'], 100, null, { retry: { max_attempts: 3 } });
    await call(run, 'a', fail('HTTP_5XX', CENT));
    expect((await view(run)).steps).toMatchObject([{ status: 'running' }]);
    expect(await close(run)).toEqual({ status: 'failed', code: 'HTTP_5XX' });
    expect(await view(run)).toMatchObject({
      failure: { code: 'HTTP_5XX', step_id: 'a' },
      steps: [{ status: 'failed', failure: { code: 'HTTP_5XX' }, cost_cents: 1, tries: 1 }],
    });
  });

  test('names the step that the workflow names, of several that have failed', async () => {
    const run = await submit(['a', 'b']);
    await call(run, 'a', fail('HTTP_4XX'));
    await call(run, 'b', fail('HTTP_4XX'));
    expect(await close(run, { kind: 'step_failed', step_id: 'b' })).toEqual({
      status: 'failed',
      code: 'HTTP_4XX',
    });
    expect(await view(run)).toMatchObject({ failure: { code: 'HTTP_4XX', step_id: 'b' } });
  });

  test('that has done all its steps is a success, even under a cancel that came too late', async () => {
    const run = await submit(['a']);
    await call(run, 'a', succeed('all', 4 * CENT));
    await recordCancel(aos.deps, { run_id: run.id, execution: 1, reason: 'too late' });
    expect(await close(run, { kind: 'cancelled' })).toEqual({ status: 'succeeded' });
    expect(await view(run)).toMatchObject({ status: 'succeeded', output: 'all' });
  });

  test('with overage passes it on, to the overage of the tenant where it does not fit', async () => {
    const run = await submit(['a'], 20, 20 * CENT);
    await call(run, 'a', succeed('dear', 50 * CENT));
    expect(await accountsOf(run)).toMatchObject({ run: balances(0, 20, 30, false) });
    await close(run);
    expect(await accountsOf(run)).toEqual({
      run: balances(0, 20, 30, true),
      tenant: balances(0, 20, 30, false),
    });
    expect(await view(run)).toMatchObject({ cost_cents: 50 });
    const json = { plan: [{ skill: 'paid' }], budget_cents: 1 };
    const refused = await aos.request('/api/v1/runs', { key: run.key, json });
    expect(refused).toMatchObject({ status: 402, body: { code: 'BUDGET_EXCEEDED' } });
  });

  test('without a budget passes nothing on', async () => {
    const run = await submit(['a'], 0);
    expect(await close(run)).toEqual({ status: 'failed', code: 'INTERNAL' });
    expect(await accountsOf(run)).toEqual({
      run: balances(0, 0, 0, true),
      tenant: balances(0, 0, 0, false),
    });
  });

  test('at its deadline says so', async () => {
    const run = await submit(['a']);
    await aos.pool.query(
      `UPDATE runs SET deadline_at = now() - interval '1 second' WHERE id = $1`,
      [run.id],
    );
    expect(await close(run)).toEqual({ status: 'failed', code: 'DEADLINE_EXCEEDED' });
  });

  test('for the will of an operator counts as cancelled', async () => {
    const run = await submit(['a']);
    const failure = createFailure('TERMINATED', 'by an operator');
    const end = await withTransaction(aos.pool, async (tx) =>
      closeLockedRun(tx, (await lockRun(tx, run.id))!, { kind: 'failed', failure }),
    );
    expect(end).toEqual({ status: 'cancelled', code: 'TERMINATED' });
    expect(await view(run)).toMatchObject({
      status: 'cancelled',
      failure: { detail: 'by an operator' },
    });
  });

  test('is not for an execution that is not its current one, nor for a run that nobody knows', async () => {
    const run = await submit(['a']);
    expect(await close(run, { kind: 'done' }, 2)).toEqual({ status: 'unknown' });
    expect(await close({ ...run, id: 'run_unknown' })).toEqual({ status: 'unknown' });
    expect((await view(run)).status).toBe('queued');
    expect(await accountsOf(run)).toMatchObject({ tenant: balances(100, 0, 0, false) });
  });
});
