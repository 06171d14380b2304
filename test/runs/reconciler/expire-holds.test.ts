import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { HOLD_GRACE_MS } from '../../../src/contracts/limits.ts';
import type { Run } from '../../../src/contracts/run.ts';
import { beginTry } from '../../../src/runs/tries/begin-try.ts';
import { closeRun } from '../../../src/runs/close-run.ts';
import { expireHolds } from '../../../src/runs/reconciler/expire-holds.ts';
import { auditLedger } from '../../../src/storage/ledger-audit.ts';
import type { Engine } from '../../../src/temporal/engine.ts';
import { startHarness } from '../../support/harness.ts';
import type { Harness } from '../../support/harness.ts';
import { createScriptedSkill, succeed } from '../../support/scripted-skill.ts';

const CENT = 1_000_000;

describe('the hold of a step', () => {
  let aos: Harness;
  let run: Run;
  /** What the engine was asked. */
  let asked: unknown[][];

  beforeAll(async () => {
    const paid = { worstMicroCents: 10 * CENT, call: () => succeed(null) };
    aos = await startHarness({
      worker: false,
      reconciler: false,
      skills: [
        createScriptedSkill({ ...paid, id: 'per_call' }),
        createScriptedSkill({ ...paid, id: 'per_effect', per: 'none' }),
      ],
    });
  });
  afterAll(() => aos.stop());
  beforeEach(async () => {
    asked = [];
    await submit('per_call');
  });

  /** Takes another run for the test's own, with its first try begun. */
  async function submit(skill: string): Promise<void> {
    run = await aos.submit([{ id: 'a', skill }], { budget_cents: 100 });
    await begin();
  }
  const begin = () =>
    beginTry(
      aos.deps,
      { run_id: run.run_id, execution: 1, step_id: 'a', role: 'main', try: 1 },
      uuidv7(),
    );
  const pass = (isTryAlive: Engine['isTryAlive']) =>
    expireHolds({
      ...aos.deps,
      engine: {
        ...aos.engine,
        isTryAlive: (...question) => {
          asked.push(question);
          return isTryAlive(...question);
        },
      },
    });
  const alive = () => Promise.resolve(true);
  const gone = () => Promise.resolve(false);

  const comeOfAge = () =>
    aos.pool.query(
      `UPDATE holds SET expires_at = now() - interval '1 second' WHERE run_id = $1 AND step_id = 'a'`,
      [run.run_id],
    );
  const openHolds = async (): Promise<{ account: string; leftMs: number | null }[]> => {
    const { rows } = await aos.pool.query<{ account: string; leftMs: number | null }>(
      `SELECT account_id AS account, (extract(epoch FROM expires_at - now()) * 1000)::float8 AS "leftMs"
       FROM holds WHERE run_id = $1 ORDER BY account_id`,
      [run.run_id],
    );
    return rows;
  };
  const kinds = async () =>
    (await aos.ledger(run.run_id)).transactions.map(
      (entry) => `${entry.kind} ${entry.amount_cents}`,
    );
  const reserved = async () => (await aos.ledger(run.run_id)).account.reserved_cents;

  test('is left alone until its time is over, which is two minutes after the deadline of its try', async () => {
    expect(await pass(gone)).toBe(0);
    expect(asked).toEqual([]);
    const [own, onTenant] = await openHolds();
    expect(own!.leftMs).toBeGreaterThan(30_000 + HOLD_GRACE_MS - 10_000);
    expect(own!.leftMs).toBeLessThanOrEqual(30_000 + HOLD_GRACE_MS);
    expect(onTenant).toEqual({ account: 'tenant/default', leftMs: null });
  });

  test('ends by an entry of its own when the engine knows no live try', async () => {
    await comeOfAge();
    expect(await pass(gone)).toBe(1);
    expect(asked).toEqual([[run.run_id, 1, 'a', 'main', 1]]);
    expect(await kinds()).toEqual(['hold 10', 'expire 10']);
    expect((await aos.ledger(run.run_id)).transactions[1]).toMatchObject({
      actor: 'reconciler',
      step_id: 'a',
      try: 1,
      execution: 1,
    });
    expect(await reserved()).toBe(0);
    expect(await openHolds()).toEqual([{ account: 'tenant/default', leftMs: null }]);
    expect(await pass(gone)).toBe(0);
    expect(await auditLedger(aos.pool, null)).toEqual([]);
  });

  test('lives on while its try does, and is asked about later', async () => {
    await comeOfAge();
    expect(await pass(alive)).toBe(0);
    expect(await reserved()).toBe(10);
    expect((await openHolds())[0]!.leftMs).toBeGreaterThan(HOLD_GRACE_MS - 10_000);
    expect(await pass(gone)).toBe(0);
    expect(asked).toHaveLength(1);
  });

  test('lives on when its try begins again while the engine is asked', async () => {
    await comeOfAge();
    const expired = await pass(async () => {
      await begin();
      return false;
    });
    expect(expired).toBe(0);
    expect(await kinds()).toEqual(['hold 10', 'settle 10', 'hold 10']);
    expect(await reserved()).toBe(10);
    expect(await auditLedger(aos.pool, null)).toEqual([]);
  });

  test.each([true, false])(
    'goes with a newer fence that takes it over while the engine is asked, and answers %s',
    async (isAlive) => {
      await submit('per_effect');
      await comeOfAge();
      let newer: Awaited<ReturnType<typeof begin>> | undefined;
      const expired = await pass(async () => {
        newer = await begin();
        return isAlive;
      });
      expect(expired).toBe(0);
      expect(await kinds()).toEqual(['hold 10']);
      const { rows } = await aos.pool.query<{ fence: string }>(
        `SELECT fence FROM holds WHERE run_id = $1 AND step_id = 'a' AND expires_at > now()`,
        [run.run_id],
      );
      expect(newer).toMatchObject({ kind: 'call', call: { fence: rows[0]?.fence } });
    },
  );

  test('is ended by one of two when the run is closed while the engine is asked', async () => {
    await comeOfAge();
    const expired = await pass(async () => {
      await closeRun(aos.deps, { run_id: run.run_id, execution: 1, reason: { kind: 'done' } });
      return false;
    });
    expect(expired).toBe(0);
    expect(await kinds()).toEqual(['hold 10', 'settle 10']);
    expect(await auditLedger(aos.pool, null)).toEqual([]);
  });

  test('ends once when several reconcilers look at the same time', async () => {
    await comeOfAge();
    const counts = await Promise.all([1, 2, 3, 4].map(() => pass(gone)));
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(1);
    expect(await kinds()).toEqual(['hold 10', 'expire 10']);
  });

  test('stays when the engine does not answer', async () => {
    await comeOfAge();
    expect(await pass(() => Promise.reject(new Error('no answer')))).toBe(0);
    expect(await reserved()).toBe(10);
    expect(await pass(gone)).toBe(1);
  });
});
