import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { uuidv7 } from 'uuidv7';
import { TenantAccount, ToppedUp, UpdatedAccount } from '../../src/contracts/account.ts';
import type { AuditPage } from '../../src/contracts/audit.ts';
import type { Failure } from '../../src/contracts/failures.ts';
import { placeHold, settleHold } from '../../src/storage/ledger.ts';
import { withTransaction } from '../../src/storage/pool.ts';
import { listEntries } from '../../src/storage/transactions.ts';
import { startHarness } from '../support/harness.ts';
import type { Answer, Harness } from '../support/harness.ts';

const ACCOUNT = '/api/v1/account';
const TOP_UP = '/api/v1/account/topup';
const CENT = 1_000_000;

describe("the tenant's account", () => {
  let aos: Harness;
  let tenantId: string;
  let accountId: string;
  /** Of an admin. */
  let key: string;

  beforeAll(async () => {
    aos = await startHarness({ worker: false, reconciler: false });
  });
  afterAll(() => aos.stop());
  beforeEach(async () => {
    tenantId = `tenant_${uuidv7()}`;
    accountId = `tenant/${tenantId}`;
    key = await aos.createKey(tenantId, 100 * CENT);
  });

  const read = async (asKey = key): Promise<TenantAccount> => {
    const { status, body } = await aos.request(ACCOUNT, { key: asKey });
    expect(status).toBe(200);
    return TenantAccount.parse(body);
  };
  const patch = <T = UpdatedAccount>(json: unknown, asKey = key): Promise<Answer<T>> =>
    aos.request<T>(ACCOUNT, { method: 'PATCH', json, key: asKey });
  const topUp = <T = ToppedUp>(
    json: unknown,
    idempotencyKey?: string,
    asKey = key,
  ): Promise<Answer<T>> =>
    aos.request<T>(TOP_UP, {
      json,
      key: asKey,
      headers: idempotencyKey === undefined ? {} : { 'Idempotency-Key': idempotencyKey },
    });
  const entries = async () =>
    (await listEntries(aos.pool, accountId, 0, 1_000)).map(
      ({ kind, amount_micro_cents: amount }) => `${kind} ${amount / CENT}`,
    );
  const changes = async () =>
    (await aos.request<AuditPage>('/api/v1/audit?kind=change', { key })).body.data.map(
      ({ operation, subject, detail, key_id }) => ({ operation, subject, detail, key_id }),
    );
  /** Holds money of the tenant, and settles it by a cost. */
  async function spend(heldCents: number, costCents?: number): Promise<void> {
    const id = `hold_${uuidv7()}`;
    const step = { stepId: 's', generation: 1, role: 'main' as const, try: 1, fence: 'f' };
    await withTransaction(aos.pool, async (tx) => {
      const amountMicroCents = heldCents * CENT;
      const hold = { id, accountId, amountMicroCents, runId: 'no run', ...step, expiresAt: null };
      const subject = { actor: 'test' };
      await placeHold(tx, { hold, key: `${id}/hold`, basis: 'worst_case', subject });
      const end = { holdId: id, key: `${id}/end`, subject };
      if (costCents !== undefined) await settleHold(tx, end, costCents * CENT, 'actual');
    });
  }

  test('shows a viewer its money, what parts of it are spent, and how many runs are open', async () => {
    const plan = [{ skill: 'fs_read', params: { path: 'x' } }];
    const run = { json: { plan, budget_cents: 15 }, key };
    expect((await aos.request('/api/v1/runs', run)).status).toBe(202);
    await spend(60, 55);
    const viewer = await aos.createKey(tenantId, null, 'viewer');
    expect(await read(viewer)).toEqual({
      tenant_id: tenantId,
      name: tenantId,
      agents_required: false,
      budget: {
        level: 'tenant',
        account_id: accountId,
        limited: true,
        total_cents: 100,
        remaining_cents: 30,
        reserved_cents: 15,
        spent_cents: 55,
        overage_cents: 0,
        period: 'total',
        resets_at: null,
      },
      thresholds: [
        { percent: 50, reached: true, reached_at: expect.any(String), run_id: null },
        { percent: 80, reached: false, reached_at: null, run_id: null },
        { percent: 100, reached: false, reached_at: null, run_id: null },
      ],
      open_runs: 1,
    });
  });

  test('of a tenant without a limit has no part of it spent', async () => {
    await patch({ limit_cents: null });
    await spend(60, 60);
    const { budget, thresholds } = await read();
    expect(budget).toMatchObject({ limited: false, total_cents: 9_000_000_000, spent_cents: 60 });
    expect(thresholds.map(({ reached }) => reached)).toEqual([false, false, false]);
  });

  describe('is changed by an admin', () => {
    test('in what the request names alone, and the change is recorded', async () => {
      const other = await aos.createKey(`${tenantId}_b`, 100 * CENT);
      const renamed = await patch({ name: 'Forschung', agents_required: true });
      expect(renamed.status).toBe(200);
      expect(UpdatedAccount.parse(renamed.body)).toMatchObject({
        name: 'Forschung',
        agents_required: true,
        budget: { total_cents: 100 },
        warnings: [],
      });
      const limited = await patch({ limit_cents: 250.5 });
      expect(limited.body).toMatchObject({
        name: 'Forschung',
        agents_required: true,
        budget: { total_cents: 250.5, remaining_cents: 250.5 },
      });
      expect(await read()).toEqual(TenantAccount.parse(limited.body));
      expect(await read(other)).toMatchObject({
        name: `${tenantId}_b`,
        agents_required: false,
        budget: { total_cents: 100 },
      });
      expect(await entries()).toEqual(['limit 250.5']);
      const { key: row } = await aos.submitterOf(tenantId);
      const by = { operation: 'updateAccount', subject: accountId, key_id: row.id };
      expect(await changes()).toEqual([
        { ...by, detail: { limit_cents: 250.5 } },
        { ...by, detail: { name: 'Forschung', agents_required: true } },
      ]);
    });

    test('to no limit and back to one', async () => {
      expect((await patch({ limit_cents: null })).body.budget).toMatchObject({ limited: false });
      expect((await patch({ limit_cents: 0 })).body.budget).toMatchObject({
        limited: true,
        total_cents: 0,
      });
      expect(await aos.audit()).toEqual([]);
    });

    test('to a limit that pays what is over', async () => {
      await spend(100, 130);
      expect((await read()).budget).toMatchObject({ overage_cents: 30, remaining_cents: 0 });
      expect((await patch({ limit_cents: 150 })).body.budget).toMatchObject({
        overage_cents: 0,
        spent_cents: 130,
        remaining_cents: 20,
      });
    });

    test('to no limit below what is settled and reserved, which changes nothing', async () => {
      await spend(40, 30);
      await spend(20);
      const before = await read();
      const { status, body } = await patch<Failure>({ name: 'Poor', limit_cents: 49.9 });
      expect({ status, code: body.code }).toEqual({ status: 409, code: 'LIMIT_BELOW_SPENT' });
      expect(body.message).toBe(
        `A limit of 49.9 cents does not fit account ${accountId}: 30 cents are settled and 20 cents reserved. ` +
          'Set at least 50 cents, or wait for open runs to end.',
      );
      expect(await read()).toEqual(before);
      expect(await changes()).toEqual([]);
      expect((await patch({ limit_cents: 50 })).status).toBe(200);
    });

    test('by a body without mistakes only', async () => {
      const { status, body } = await patch<Failure>({
        nam: 'x',
        name: '',
        limit_cents: -1,
        agents_required: 'yes',
      });
      expect({ status, code: body.code }).toEqual({ status: 422, code: 'INVALID_REQUEST' });
      expect(body.errors!.map((problem) => problem.pointer).toSorted()).toEqual([
        '/agents_required',
        '/limit_cents',
        '/nam',
        '/name',
      ]);
      expect((await patch({ colour: 'red' })).body.warnings).toMatchObject([
        { pointer: '/colour', code: 'KEY_IGNORED' },
      ]);
    });
  });

  describe('is topped up by an admin', () => {
    test('with an entry on the ledger and a record of the change', async () => {
      const { status, body } = await topUp({ amount_cents: 50.25, note: 'invoice 7' });
      expect(status).toBe(201);
      const { account, transaction } = ToppedUp.parse(body);
      expect(account.budget).toMatchObject({ total_cents: 150.25, remaining_cents: 150.25 });
      const { key: row } = await aos.submitterOf(tenantId);
      expect(transaction).toMatchObject({ kind: 'topup', amount_cents: 50.25, actor: row.id });
      expect(await entries()).toEqual(['topup 50.25']);
      const detail = { amount_cents: 50.25, note: 'invoice 7', transaction_id: transaction.id };
      expect(await changes()).toMatchObject([{ operation: 'topUpAccount', detail }]);
    });

    test('once for an idempotency key, in the header or the body', async () => {
      const first = await topUp({ amount_cents: 50 }, 'once');
      const again = await topUp({ amount_cents: 50 }, 'once');
      expect([first.status, again.status]).toEqual([201, 200]);
      expect(again.headers.get('Idempotency-Replayed')).toBe('true');
      expect(first.headers.get('Idempotency-Replayed')).toBeNull();
      expect(again.body).toEqual(first.body);
      const inBody = { amount_cents: 5, idempotency_key: 'in the body' };
      expect((await topUp(inBody)).status).toBe(201);
      expect((await topUp(inBody)).status).toBe(200);
      expect(await entries()).toEqual(['topup 50', 'topup 5']);
      expect(await changes()).toHaveLength(2);
      for (const reused of [
        await topUp<Failure>({ amount_cents: 51 }, 'once'),
        await topUp<Failure>(inBody, 'another'),
      ])
        expect(reused).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
      // The keys of another tenant are other keys.
      const other = await aos.createKey(`${tenantId}_b`, 0);
      expect((await topUp({ amount_cents: 1 }, 'once', other)).status).toBe(201);
      expect((await read()).budget.total_cents).toBe(155);
    });

    test('once when twins come at once', async () => {
      const untilTold = async (): Promise<Answer<ToppedUp>> => {
        const reply = await topUp({ amount_cents: 10 }, 'twins');
        // On a busy machine a twin may be in flight for longer than another one waits.
        return reply.status === 409 ? untilTold() : reply;
      };
      const replies = await Promise.all(Array.from({ length: 20 }, untilTold));
      expect(replies.filter(({ status }) => status === 201)).toHaveLength(1);
      expect(replies.filter(({ status }) => status === 200)).toHaveLength(19);
      expect(new Set(replies.map(({ body }) => body.transaction.id)).size).toBe(1);
      expect((await read()).budget.total_cents).toBe(110);
    });

    test('by each of those that come at once without a key', async () => {
      await Promise.all(Array.from({ length: 20 }, () => topUp({ amount_cents: 10 })));
      expect((await read()).budget.total_cents).toBe(300);
      expect(await aos.audit()).toEqual([]);
    });

    test('paying what is over first', async () => {
      await spend(100, 120);
      const { body } = await topUp({ amount_cents: 15 });
      expect(body.account.budget).toMatchObject({ overage_cents: 5, spent_cents: 120 });
      expect(body.transaction).toMatchObject({
        amount_cents: 15,
        settled_change_cents: 15,
        overage_change_cents: -15,
      });
    });

    test('unless it has no limit', async () => {
      await patch({ limit_cents: null });
      const refused = await topUp<Failure>({ amount_cents: 5 }, 'early');
      expect(refused).toMatchObject({ status: 409, body: { code: 'ACCOUNT_UNLIMITED' } });
      // A refusal does not use the key up.
      await patch({ limit_cents: 10 });
      expect((await topUp({ amount_cents: 5 }, 'early')).status).toBe(201);
    });

    test('by no more than a budget can be', async () => {
      const most = 9_000_000_000 - 100;
      const { status, body } = await topUp<Failure>({ amount_cents: most + 0.000_01 });
      expect({ status, code: body.code }).toEqual({ status: 422, code: 'INVALID_REQUEST' });
      expect(body.errors).toMatchObject([{ pointer: '/amount_cents' }]);
      expect((await topUp({ amount_cents: most })).body.account.budget.total_cents).toBe(
        9_000_000_000,
      );
      expect((await topUp<Failure>({ amount_cents: 0.000_001 })).status).toBe(422);
    });

    test.each([0, -1, 0.000_000_1, 9_000_000_001, '5', null, undefined])(
      'not by %p cents',
      async (amount) => {
        const { status, body } = await topUp<Failure>({ amount_cents: amount });
        expect({ status, errors: body.errors }).toMatchObject({
          status: 422,
          errors: [{ pointer: '/amount_cents' }],
        });
        expect(await entries()).toEqual([]);
      },
    );
  });

  test('is not changed by an operator or a viewer', async () => {
    for (const role of ['operator', 'viewer'] as const) {
      const weak = await aos.createKey(tenantId, null, role);
      expect((await patch({ limit_cents: null }, weak)).status).toBe(403);
      expect((await topUp({ amount_cents: 1 }, undefined, weak)).status).toBe(403);
    }
    expect((await read()).budget.total_cents).toBe(100);
  });
});
