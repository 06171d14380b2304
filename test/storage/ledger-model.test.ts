import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { uuidv7 } from 'uuidv7';
import { AosError } from '../../src/contracts/failures.ts';
import {
  adjustChange,
  applyChange,
  holdChange,
  releaseChange,
  settleChange,
  topUpChange,
} from '../../src/domain/balances.ts';
import type { BalanceChange, Balances } from '../../src/domain/balances.ts';
import { closeRun } from '../../src/runs/close-run.ts';
import { submitRun } from '../../src/runs/submit-run.ts';
import { insertAccount } from '../../src/storage/accounts.ts';
import { ensureApiKey } from '../../src/storage/api-keys.ts';
import { auditLedger } from '../../src/storage/ledger-audit.ts';
import { adjust, placeHold, releaseHold, settleHold, topUp } from '../../src/storage/ledger.ts';
import { sqlStateOf, withTransaction } from '../../src/storage/pool.ts';
import type { Transaction } from '../../src/storage/pool.ts';
import { ensureTenant, tenantAccountId } from '../../src/storage/tenants.ts';
import { listEntries } from '../../src/storage/transactions.ts';
import type { Engine } from '../../src/temporal/engine.ts';
import { startHarness } from '../support/harness.ts';
import type { Harness } from '../support/harness.ts';

const CENT = 1_000_000;
const SUBJECT = { actor: 'model' };
const CHECK_VIOLATION = '23514';
const UNIQUE_VIOLATION = '23505';

interface ModelAccount {
  id: string;
  limit: number | null;
  reserved: number;
  settled: number;
  overage: number;
  isClosed: boolean;
}

interface ModelHold {
  id: string;
  key: string;
  account: ModelAccount;
  amount: number;
  endKey?: string;
}

interface ModelRun {
  id: string;
  account: ModelAccount;
  tenant: ModelAccount;
  /** Its hold of the budget on the tenant; none when the budget is 0. */
  budget: number;
  isFunded: boolean;
  cost?: number;
}

/** What the ledger should be: written down anew, without the arithmetic under test. */
interface Model {
  tenants: { id: string; keyId: string; account: ModelAccount }[];
  accounts: ModelAccount[];
  holds: ModelHold[];
  runs: ModelRun[];
  adjusts: { key: string; account: ModelAccount }[];
  topUps: { key: string; account: ModelAccount }[];
}

const roomOf = ({ limit, reserved, settled }: ModelAccount): number =>
  limit === null ? Infinity : limit - reserved - settled;

const fits = (account: ModelAccount, amount: number): boolean =>
  account.overage === 0 && amount <= roomOf(account);

function charge(account: ModelAccount, cost: number): void {
  const paid = Math.min(cost, roomOf(account));
  account.settled += paid;
  account.overage += cost - paid;
}

/** Answers false, and changes nothing, when more is given back than was ever charged. */
function giveBack(account: ModelAccount, amount: number): boolean {
  if (amount > account.overage + account.settled) return false;
  const fromOverage = Math.min(account.overage, amount);
  account.overage -= fromOverage;
  account.settled -= amount - fromOverage;
  return true;
}

function endHold(hold: ModelHold, key: string): void {
  hold.account.reserved -= hold.amount;
  hold.endKey = key;
}

let aos: Harness;
let offline: Engine;

beforeAll(async () => {
  aos = await startHarness({ worker: false, reconciler: false });
  offline = { ...aos.engine, startExecution: async () => {} };
});
afterAll(() => aos.stop());

const inTransaction = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
  withTransaction(aos.pool, work);
const pick = <T>(list: readonly T[], index: number): T => list[index % list.length]!;

/** Every account and every open hold is as the model says, and the auditor finds nothing. */
async function expectSame(model: Model): Promise<void> {
  const accounts = await aos.pool.query(
    `SELECT id, limit_micro_cents AS limit, reserved_micro_cents AS reserved, settled_micro_cents AS settled,
       overage_micro_cents AS overage, closed_at IS NOT NULL AS "isClosed"
     FROM accounts WHERE tenant_id = ANY($1) ORDER BY id`,
    [model.tenants.map((tenant) => tenant.id)],
  );
  expect(accounts.rows).toEqual(model.accounts.toSorted((a, b) => (a.id < b.id ? -1 : 1)));

  const holds = await aos.pool.query<{ account: string; amount: number }>(
    `SELECT account_id AS account, amount_micro_cents AS amount FROM holds WHERE account_id = ANY($1)`,
    [model.accounts.map((account) => account.id)],
  );
  const open = [
    ...model.holds
      .filter((hold) => hold.endKey === undefined)
      .map((hold) => ({ account: hold.account.id, amount: hold.amount })),
    ...model.runs
      .filter((run) => run.isFunded && run.cost === undefined)
      .map((run) => ({ account: run.tenant.id, amount: run.budget })),
  ];
  const asText = (list: { account: string; amount: number }[]) =>
    list.map(({ account, amount }) => `${account} ${amount}`).toSorted();
  expect(asText(holds.rows)).toEqual(asText(open));
  expect(await auditLedger(aos.pool, null)).toEqual([]);
}

abstract class Command implements fc.AsyncCommand<Model, undefined> {
  check(_model: Readonly<Model>): boolean {
    return true;
  }
  abstract act(model: Model): Promise<void>;
  async run(model: Model): Promise<void> {
    await this.act(model);
    await expectSame(model);
  }
  toString(): string {
    return `${this.constructor.name}${JSON.stringify({ ...this })}`;
  }
}

const newAccount = (id: string, limit: number | null): ModelAccount => ({
  id,
  limit,
  reserved: 0,
  settled: 0,
  overage: 0,
  isClosed: false,
});

class OpenTenant extends Command {
  constructor(readonly limit: number | null) {
    super();
  }
  async act(model: Model): Promise<void> {
    const id = `tenant_${uuidv7()}`;
    const keyId = `key_${uuidv7()}`;
    await inTransaction((tx) => ensureTenant(tx, id, this.limit));
    // The second time nothing is created and no limit moves.
    await inTransaction((tx) => ensureTenant(tx, id, 7));
    const key = { id: keyId, tenantId: id, name: 'model', role: 'admin' as const, prefix: 'aos_' };
    await ensureApiKey(aos.pool, { ...key, hash: Buffer.from(keyId) });
    const account = newAccount(tenantAccountId(id), this.limit);
    model.tenants.push({ id, keyId, account });
    model.accounts.push(account);
  }
}

/** An account between a tenant and nothing: what an agent's will be. */
class OpenAccount extends Command {
  constructor(
    readonly tenant: number,
    readonly limit: number | null,
  ) {
    super();
  }
  override check({ tenants }: Readonly<Model>): boolean {
    return tenants.length > 0;
  }
  async act(model: Model): Promise<void> {
    const tenant = pick(model.tenants, this.tenant);
    const account = newAccount(`agent_${uuidv7()}`, this.limit);
    await insertAccount(aos.pool, {
      id: account.id,
      tenantId: tenant.id,
      parentId: tenant.account.id,
      limitMicroCents: this.limit,
    });
    model.accounts.push(account);
  }
}

class OpenRun extends Command {
  constructor(
    readonly tenant: number,
    readonly budgetCents: number,
  ) {
    super();
  }
  override check({ tenants }: Readonly<Model>): boolean {
    return tenants.length > 0;
  }
  async act(model: Model): Promise<void> {
    const tenant = pick(model.tenants, this.tenant);
    const budget = this.budgetCents * CENT;
    const isFunded = budget > 0;
    const plan = [{ id: 'only', skill: 'fs_read', params: { path: 'x' } }];
    const submitted = submitRun(
      { ...aos.deps, engine: offline },
      {
        tenantId: tenant.id,
        keyId: tenant.keyId,
        request: { plan, budget_cents: this.budgetCents, labels: {} },
        body: { plan },
        idempotencyKey: undefined,
        warnings: [],
      },
    );
    if (isFunded && !fits(tenant.account, budget)) {
      const error = await submitted.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(AosError);
      expect((error as AosError).failure).toMatchObject({ code: 'BUDGET_EXCEEDED', status: 402 });
      return;
    }
    const { run } = await submitted;
    tenant.account.reserved += budget;
    const account = newAccount(run.account_id, budget);
    model.accounts.push(account);
    model.runs.push({ id: run.id, account, tenant: tenant.account, budget, isFunded });
  }
}

class PlaceHold extends Command {
  constructor(
    readonly account: number,
    readonly amount: number,
  ) {
    super();
  }
  override check({ accounts }: Readonly<Model>): boolean {
    return accounts.length > 0;
  }
  async act(model: Model): Promise<void> {
    const account = pick(model.accounts, this.account);
    const hold = { id: `hold_${uuidv7()}`, key: uuidv7(), account, amount: this.amount };
    const reply = await inTransaction((tx) => place(tx, model, hold));
    if (account.isClosed || !fits(account, this.amount)) {
      const { limit, reserved, settled, overage } = account;
      expect(reply).toEqual({ ok: false, balances: { limit, reserved, settled, overage } });
      return;
    }
    expect(reply).toEqual({ ok: true });
    account.reserved += this.amount;
    model.holds.push(hold);
  }
}

class PlaceHoldAgain extends Command {
  constructor(readonly hold: number) {
    super();
  }
  override check({ holds }: Readonly<Model>): boolean {
    return holds.length > 0;
  }
  async act(model: Model): Promise<void> {
    const again = { ...pick(model.holds, this.hold), id: `hold_${uuidv7()}`, amount: 3 * CENT };
    expect(await inTransaction((tx) => place(tx, model, again))).toEqual({ ok: true });
  }
}

const place = (tx: Transaction, model: Model, { id, key, account, amount }: ModelHold) =>
  placeHold(tx, {
    hold: {
      id,
      accountId: account.id,
      amountMicroCents: amount,
      runId: model.runs.find((run) => run.account === account)?.id ?? 'no run',
      stepId: 'only',
      generation: 1,
      role: 'main',
      try: 1,
      fence: 'f',
      expiresAt: null,
    },
    key,
    basis: 'worst_case',
    subject: SUBJECT,
  });

type Ending =
  | { kind: 'settle'; percent: number }
  | { kind: 'presume' | 'release' | 'expire' };

class EndHold extends Command {
  constructor(
    readonly hold: number,
    readonly ending: Ending,
  ) {
    super();
  }
  override check({ holds }: Readonly<Model>): boolean {
    return holds.length > 0;
  }
  async act(model: Model): Promise<void> {
    const hold = pick(model.holds, this.hold);
    const { ending } = this;
    const isOpen = hold.endKey === undefined;
    const end = { holdId: hold.id, key: uuidv7(), subject: SUBJECT };
    if (isOpen) endHold(hold, end.key);
    if (ending.kind === 'release' || ending.kind === 'expire') {
      const { kind } = ending;
      expect(await inTransaction((tx) => releaseHold(tx, end, kind))).toBe(isOpen);
      return;
    }
    const isPresumed = ending.kind === 'presume';
    const cost = isPresumed ? hold.amount : Math.round((hold.amount * ending.percent) / 100);
    const reply = await inTransaction((tx) =>
      settleHold(tx, end, isPresumed ? 'whole' : cost, isPresumed ? 'presumed' : 'actual'),
    );
    expect(reply).toBe(isOpen ? cost : undefined);
    if (isOpen) charge(hold.account, cost);
  }
}

/** The key of another end on the same account: refused whole, the hold stays open. */
class EndHoldUnderTakenKey extends Command {
  constructor(readonly hold: number) {
    super();
  }
  override check({ holds }: Readonly<Model>): boolean {
    return holds.length > 0;
  }
  async act(model: Model): Promise<void> {
    const hold = pick(model.holds, this.hold);
    const end = { holdId: hold.id, key: hold.key, subject: SUBJECT };
    const settled = inTransaction((tx) => settleHold(tx, end, 1, 'actual'));
    if (hold.endKey !== undefined) expect(await settled).toBeUndefined();
    else expect(await settled.catch(sqlStateOf)).toBe(UNIQUE_VIOLATION);
  }
}

class Adjust extends Command {
  constructor(
    readonly hold: number,
    readonly delta: number,
  ) {
    super();
  }
  override check({ holds }: Readonly<Model>): boolean {
    return holds.some((hold) => hold.endKey !== undefined);
  }
  async act(model: Model): Promise<void> {
    const ended = model.holds.filter((hold) => hold.endKey !== undefined);
    const hold = pick(ended, this.hold);
    // A cost that is late for a closed account goes to the ancestor it held on.
    const run = model.runs.find((each) => each.account === hold.account);
    const account = run && hold.account.isClosed ? run.tenant : hold.account;
    const key = uuidv7();
    const entry = { holdId: hold.id, key, subject: SUBJECT };
    const posted = inTransaction((tx) => adjust(tx, account.id, entry, this.delta));
    if (this.delta < 0 && !giveBack(account, -this.delta)) {
      expect(await posted.catch(sqlStateOf)).toBe(CHECK_VIOLATION);
      return;
    }
    await posted;
    if (this.delta > 0) charge(account, this.delta);
    if (this.delta !== 0) model.adjusts.push({ key, account });
  }
}

class AdjustAgain extends Command {
  constructor(
    readonly which: number,
    readonly delta: number,
  ) {
    super();
  }
  override check({ adjusts }: Readonly<Model>): boolean {
    return adjusts.length > 0;
  }
  async act(model: Model): Promise<void> {
    const { key, account } = pick(model.adjusts, this.which);
    const entry = { holdId: 'any', key, subject: SUBJECT };
    await inTransaction((tx) => adjust(tx, account.id, entry, this.delta));
  }
}

class TopUp extends Command {
  constructor(
    readonly account: number,
    readonly amount: number,
  ) {
    super();
  }
  /** A run's account is topped up together with its hold on the tenant, which is not this operation alone. */
  override check(model: Readonly<Model>): boolean {
    return toppable(model).length > 0;
  }
  async act(model: Model): Promise<void> {
    const account = pick(toppable(model), this.account);
    const key = uuidv7();
    await inTransaction((tx) => topUp(tx, account.id, key, this.amount, SUBJECT));
    if (account.limit !== null) account.limit += this.amount;
    const paid = Math.min(account.overage, roomOf(account));
    account.overage -= paid;
    account.settled += paid;
    model.topUps.push({ key, account });
  }
}

const toppable = ({ accounts, runs }: Readonly<Model>): ModelAccount[] =>
  accounts.filter((account) => !runs.some((run) => run.account === account));

class TopUpAgain extends Command {
  constructor(readonly which: number) {
    super();
  }
  override check({ topUps }: Readonly<Model>): boolean {
    return topUps.length > 0;
  }
  async act(model: Model): Promise<void> {
    const { key, account } = pick(model.topUps, this.which);
    await inTransaction((tx) => topUp(tx, account.id, key, 5 * CENT, SUBJECT));
  }
}

class CloseRun extends Command {
  constructor(readonly which: number) {
    super();
  }
  override check({ runs }: Readonly<Model>): boolean {
    return runs.length > 0;
  }
  async act(model: Model): Promise<void> {
    const run = pick(model.runs, this.which);
    const request = { run_id: run.id, execution: 1, reason: { kind: 'done' } as const };
    expect(await closeRun(aos.deps, request)).toEqual({ status: 'failed', code: 'INTERNAL' });
    if (run.cost === undefined) {
      for (const hold of model.holds) {
        if (hold.account === run.account && hold.endKey === undefined) endHold(hold, 'closed');
      }
      run.cost = run.account.settled + run.account.overage;
      run.account.isClosed = true;
      if (run.isFunded) {
        run.tenant.reserved -= run.budget;
        charge(run.tenant, run.cost);
      }
    }
    const { rows } = await aos.pool.query<{ cost: number }>(
      'SELECT cost_micro_cents AS cost FROM runs WHERE id = $1',
      [run.id],
    );
    expect(rows).toEqual([{ cost: run.cost }]);
  }
}

/** I9: what each entry did follows from its kind, its amount and what stood before; the fold is the account. */
async function expectReplay(model: Model): Promise<void> {
  for (const account of model.accounts) {
    const entries = await listEntries(aos.pool, account.id, 0, 1_000);
    const topped = entries.filter((entry) => entry.kind === 'topup');
    const raised = topped.reduce((sum, entry) => sum + entry.amount_micro_cents, 0);
    const start = account.limit === null ? null : account.limit - raised;
    const held = new Map<string, number>();
    let balances: Balances = { limit: start, reserved: 0, settled: 0, overage: 0 };
    for (const entry of entries) {
      const { kind, amount_micro_cents: amount, hold_id: holdId } = entry;
      if (kind === 'hold') held.set(holdId!, amount);
      // Adding 0 makes the 0 of a negated 0.
      const change = changeOf(kind, balances, amount, held.get(holdId!) ?? 0);
      expect(entry).toMatchObject({
        reserved_change_micro_cents: change.reserved + 0,
        settled_change_micro_cents: change.settled + 0,
        overage_change_micro_cents: change.overage + 0,
      });
      balances = applyChange(balances, change);
    }
    const { limit, reserved, settled, overage } = account;
    expect(balances).toEqual({ limit, reserved, settled, overage });
  }
}

function changeOf(kind: string, balances: Balances, amount: number, held: number): BalanceChange {
  switch (kind) {
    case 'hold':
      return holdChange(balances, amount)!;
    case 'settle':
      return settleChange(balances, held, amount);
    case 'adjust':
      return adjustChange(balances, amount);
    case 'topup':
      return topUpChange(balances, amount);
    default:
      return releaseChange(held);
  }
}

test('every reply and every balance is what a model predicts, whatever the order of operations', async () => {
  const index = fc.nat({ max: 1_000 });
  const amount = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 30 }).map((cents) => cents * CENT) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 30 * CENT }) },
  );
  const limit = fc.option(fc.integer({ min: 0, max: 120 }).map((cents) => cents * CENT));
  const ending: fc.Arbitrary<Ending> = fc.oneof(
    fc.constantFrom(0, 30, 100, 130, 400).map((percent) => ({ kind: 'settle' as const, percent })),
    fc.constantFrom('presume' as const, 'release' as const, 'expire' as const).map((kind) => ({ kind })),
  );
  const delta = fc.oneof(amount, amount.map((by) => -by), fc.constant(0));
  const operations = [
    limit.map((value) => new OpenTenant(value)),
    fc.tuple(index, limit).map((args) => new OpenAccount(...args)),
    fc.tuple(index, fc.integer({ min: 0, max: 60 })).map((args) => new OpenRun(...args)),
    fc.tuple(index, amount).map((args) => new PlaceHold(...args)),
    fc.tuple(index, amount).map((args) => new PlaceHold(...args)),
    fc.tuple(index, ending).map((args) => new EndHold(...args)),
    fc.tuple(index, ending).map((args) => new EndHold(...args)),
    fc.tuple(index, delta).map((args) => new Adjust(...args)),
    fc.tuple(index, amount).map((args) => new TopUp(...args)),
    index.map((which) => new CloseRun(which)),
    index.map((hold) => new PlaceHoldAgain(hold)),
    index.map((hold) => new EndHoldUnderTakenKey(hold)),
    fc.tuple(index, delta).map((args) => new AdjustAgain(...args)),
    index.map((which) => new TopUpAgain(which)),
  ];
  // The first commands give the rest something to work on; a failure prints seed, path and commands.
  const property = fc.asyncProperty(
    limit,
    fc.commands(operations, { maxCommands: 60, size: 'max' }),
    async (firstLimit, commands) => {
      const model: Model = { tenants: [], accounts: [], holds: [], runs: [], adjusts: [], topUps: [] };
      await new OpenTenant(firstLimit).run(model);
      await new OpenRun(0, 20).run(model);
      await fc.asyncModelRun(() => ({ model, real: undefined }), commands);
      await expectReplay(model);
    },
  );
  await fc.assert(property, { numRuns: 40 });
}, 120_000);
