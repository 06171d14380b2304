import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { uuidv7 } from 'uuidv7';
import type { AosError } from '../../src/contracts/failures.ts';
import {
  adjustChange,
  applyChange,
  holdChange,
  limitChange,
  NO_LIMIT_MICRO_CENTS,
  releaseChange,
  settleChange,
  topUpChange,
} from '../../src/domain/balances.ts';
import type { BalanceChange, Balances } from '../../src/domain/balances.ts';
import { closeRun } from '../../src/runs/close-run.ts';
import { submitRun } from '../../src/runs/submit-run.ts';
import { insertAccount } from '../../src/storage/accounts.ts';
import { ensureApiKey, keyAccountId } from '../../src/storage/api-keys.ts';
import { auditLedger } from '../../src/storage/ledger-audit.ts';
import {
  adjust,
  placeHold,
  releaseHold,
  setLimit,
  settleHold,
  topUp,
} from '../../src/storage/ledger.ts';
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
  /** On each of them it holds its budget, if that is not 0: its key's, if that has one, and its tenant's. */
  above: ModelAccount[];
  budget: number;
  isFunded: boolean;
  cost?: number;
}

/** What the ledger should be: written down anew, without the arithmetic under test. */
interface Model {
  tenants: { id: string; account: ModelAccount; above: ModelAccount[] }[];
  accounts: ModelAccount[];
  holds: ModelHold[];
  runs: ModelRun[];
  adjusts: { key: string; account: ModelAccount }[];
  topUps: { key: string; account: ModelAccount }[];
  limits: { key: string; account: ModelAccount }[];
  /** What each account began with. */
  firstLimits: Map<string, number | null>;
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

/** More than was ever charged cannot be given back. */
const canGiveBack = (account: ModelAccount, amount: number): boolean =>
  amount <= account.overage + account.settled;

function giveBack(account: ModelAccount, amount: number): void {
  const fromOverage = Math.min(account.overage, amount);
  account.overage -= fromOverage;
  account.settled -= amount - fromOverage;
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
      .flatMap((run) => run.above.map(({ id }) => ({ account: id, amount: run.budget }))),
  ];
  const asText = (list: { account: string; amount: number }[]) =>
    list.map(({ account, amount }) => `${account} ${amount}`).toSorted();
  expect(asText(holds.rows)).toEqual(asText(open));
  expect(await auditLedger(aos.pool, null)).toEqual([]);
}

/** One kind of operation: `act` does it to both, and checks the reply. It needs something in `targets` to act on. */
function operation<A extends unknown[]>(
  name: string,
  args: fc.Arbitrary<A>,
  targets: (model: Readonly<Model>) => readonly unknown[],
  act: (model: Model, ...args: A) => Promise<void>,
): fc.Arbitrary<fc.AsyncCommand<Model, undefined>> {
  return args.map((values) => ({
    check: (model) => targets(model).length > 0,
    async run(model) {
      await act(model, ...values);
      await expectSame(model);
    },
    toString: () => `${name}(${JSON.stringify(values).slice(1, -1)})`,
  }));
}

const newAccount = (id: string, limit: number | null): ModelAccount => ({
  id,
  limit,
  reserved: 0,
  settled: 0,
  overage: 0,
  isClosed: false,
});

function addAccount(model: Model, account: ModelAccount): void {
  model.accounts.push(account);
  model.firstLimits.set(account.id, account.limit);
}

/** A tenant and its key, which has a budget of its own if it is given one. */
async function openTenant(model: Model, limit: number | null, keyLimit?: number): Promise<void> {
  const id = `tenant_${uuidv7()}`;
  const keyId = `key_${uuidv7()}`;
  await inTransaction((tx) => ensureTenant(tx, id, limit));
  // The second time nothing is created and no limit moves.
  await inTransaction((tx) => ensureTenant(tx, id, 7));
  const account = newAccount(tenantAccountId(id), limit);
  const ofKey = keyLimit === undefined ? [] : [newAccount(keyAccountId(keyId), keyLimit)];
  for (const { id: accountId, limit: limitMicroCents } of ofKey)
    await insertAccount(aos.pool, {
      id: accountId,
      tenantId: id,
      parentId: account.id,
      limitMicroCents,
    });
  const key = { id: keyId, tenantId: id, name: 'model', role: 'admin' as const, prefix: 'aos_' };
  const accountId = ofKey[0]?.id ?? null;
  await ensureApiKey(aos.pool, { ...key, accountId, hash: Buffer.from(keyId) });
  const above = [...ofKey, account];
  model.tenants.push({ id, account, above });
  for (const each of above) addAccount(model, each);
}

/** An account under the tenant's that belongs to no run: what an agent's will be. */
async function openAccount(model: Model, tenantIndex: number, limit: number | null): Promise<void> {
  const tenant = pick(model.tenants, tenantIndex);
  const account = newAccount(`agent_${uuidv7()}`, limit);
  await insertAccount(aos.pool, {
    id: account.id,
    tenantId: tenant.id,
    parentId: tenant.account.id,
    limitMicroCents: limit,
  });
  addAccount(model, account);
}

async function openRun(model: Model, tenantIndex: number, budgetCents: number): Promise<void> {
  const tenant = pick(model.tenants, tenantIndex);
  const budget = budgetCents * CENT;
  const isFunded = budget > 0;
  const plan = [{ id: 'only', skill: 'fs_read', params: { path: 'x' } }];
  const { above } = tenant;
  const isRefused = isFunded && above.some((account) => !fits(account, budget));
  const { run, answer } = await submitRun(
    { ...aos.deps, engine: offline, rates: aos.rates },
    {
      ...(await aos.submitterOf(tenant.id)),
      request: { plan, budget_cents: budgetCents, labels: {} },
      body: { plan },
      idempotencyKey: undefined,
      warnings: [],
    },
  ).then(
    (submitted) => ({ run: submitted.run, answer: submitted.run.status }),
    (error: AosError) => ({ run: undefined, answer: error.failure.code }),
  );
  expect(answer).toBe(isRefused ? 'BUDGET_EXCEEDED' : 'queued');
  if (!run) return;
  for (const each of above) each.reserved += budget;
  const account = newAccount(run.account_id, budget);
  addAccount(model, account);
  model.runs.push({ id: run.id, account, above, budget, isFunded });
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

async function hold(model: Model, accountIndex: number, amount: number): Promise<void> {
  const account = pick(model.accounts, accountIndex);
  const wanted = { id: `hold_${uuidv7()}`, key: uuidv7(), account, amount };
  const reply = await inTransaction((tx) => place(tx, model, wanted));
  const { limit, reserved, settled, overage } = account;
  const isRefused = account.isClosed || !fits(account, amount);
  expect(reply).toEqual(
    isRefused ? { ok: false, balances: { limit, reserved, settled, overage } } : { ok: true },
  );
  if (isRefused) return;
  account.reserved += amount;
  model.holds.push(wanted);
}

async function holdAgain(model: Model, holdIndex: number): Promise<void> {
  const again = { ...pick(model.holds, holdIndex), id: `hold_${uuidv7()}`, amount: 3 * CENT };
  expect(await inTransaction((tx) => place(tx, model, again))).toEqual({ ok: true });
}

/** A settlement in percent of what was held, or another way to end a hold. */
type Ending = number | 'presume' | 'release' | 'expire';

async function end(model: Model, holdIndex: number, ending: Ending): Promise<void> {
  const ended = pick(model.holds, holdIndex);
  const isOpen = ended.endKey === undefined;
  const entry = { holdId: ended.id, key: uuidv7(), subject: SUBJECT };
  const isCharged = ending !== 'release' && ending !== 'expire';
  const percent = typeof ending === 'number' ? ending : 100;
  const cost = Math.round((ended.amount * percent) / 100);
  const reply = await inTransaction<number | boolean | undefined>((tx) => {
    if (!isCharged) return releaseHold(tx, entry, ending);
    if (ending === 'presume') return settleHold(tx, entry, 'whole', 'presumed');
    return settleHold(tx, entry, cost, 'actual');
  });
  const settledReply = isOpen ? cost : undefined;
  expect(reply).toBe(isCharged ? settledReply : isOpen);
  if (isOpen) endHold(ended, entry.key);
  if (isOpen && isCharged) charge(ended.account, cost);
}

/** The key of another entry on the same account: refused whole, the hold stays open. */
async function endUnderTakenKey(model: Model, holdIndex: number): Promise<void> {
  const { id, key, endKey } = pick(model.holds, holdIndex);
  const settled = inTransaction((tx) =>
    settleHold(tx, { holdId: id, key, subject: SUBJECT }, 1, 'actual'),
  );
  expect(await settled.catch(sqlStateOf)).toBe(endKey === undefined ? UNIQUE_VIOLATION : undefined);
}

const endedHolds = ({ holds }: Readonly<Model>): ModelHold[] =>
  holds.filter((each) => each.endKey !== undefined);

async function adjustLate(model: Model, holdIndex: number, delta: number): Promise<void> {
  const late = pick(endedHolds(model), holdIndex);
  // A cost that is late for a closed account goes to the ancestors it held on.
  const run = model.runs.find((each) => each.account === late.account);
  const accounts = run && late.account.isClosed ? run.above : [late.account];
  const key = uuidv7();
  const entry = { holdId: late.id, key, subject: SUBJECT };
  const posted = inTransaction(async (tx) => {
    const answers: boolean[] = [];
    for (const { id } of accounts) answers.push(await adjust(tx, id, entry, delta));
    return answers;
  });
  const isPossible = delta >= 0 || accounts.every((account) => canGiveBack(account, -delta));
  expect(await posted.catch(sqlStateOf)).toEqual(
    isPossible ? accounts.map(() => delta !== 0) : CHECK_VIOLATION,
  );
  if (!isPossible || delta === 0) return;
  for (const account of accounts) {
    if (delta > 0) charge(account, delta);
    else giveBack(account, -delta);
    model.adjusts.push({ key, account });
  }
}

async function adjustAgain(model: Model, index: number, delta: number): Promise<void> {
  const { key, account } = pick(model.adjusts, index);
  const entry = { holdId: 'any', key, subject: SUBJECT };
  expect(await inTransaction((tx) => adjust(tx, account.id, entry, delta))).toBe(false);
}

/** Not a run's account: that is topped up together with its hold on the tenant. */
const accountsWithoutRun = ({ accounts, runs }: Readonly<Model>): ModelAccount[] =>
  accounts.filter((account) => !runs.some((run) => run.account === account));

async function raise(model: Model, accountIndex: number, amount: number): Promise<void> {
  const account = pick(accountsWithoutRun(model), accountIndex);
  const key = uuidv7();
  await inTransaction((tx) => topUp(tx, account.id, key, amount, SUBJECT));
  if (account.limit !== null) account.limit += amount;
  const paid = Math.min(account.overage, roomOf(account));
  account.overage -= paid;
  account.settled += paid;
  model.topUps.push({ key, account });
}

async function raiseAgain(model: Model, index: number): Promise<void> {
  const { key, account } = pick(model.topUps, index);
  await inTransaction((tx) => topUp(tx, account.id, key, 5 * CENT, SUBJECT));
}

async function changeLimit(
  model: Model,
  accountIndex: number,
  limit: number | null,
): Promise<void> {
  const account = pick(accountsWithoutRun(model), accountIndex);
  const key = uuidv7();
  const { settled, reserved, overage } = account;
  const isRefused = limit !== null && settled + reserved > limit;
  const at = (part: number, of: number | null): boolean =>
    of !== null && of > 0 && (settled + overage) * 100 >= of * part;
  const reply = await inTransaction((tx) => setLimit(tx, account.id, key, limit, SUBJECT));
  expect(reply).toEqual(
    isRefused
      ? { ok: false, balances: { limit: account.limit, reserved, settled, overage } }
      : {
          ok: true,
          reached: [50, 80, 100].filter((part) => at(part, limit) && !at(part, account.limit)),
        },
  );
  if (isRefused) return;
  account.limit = limit;
  const paid = Math.min(overage, roomOf(account));
  account.overage -= paid;
  account.settled += paid;
  model.limits.push({ key, account });
}

async function changeLimitAgain(model: Model, index: number, limit: number | null): Promise<void> {
  const { key, account } = pick(model.limits, index);
  const again = inTransaction((tx) => setLimit(tx, account.id, key, limit, SUBJECT));
  expect(await again).toEqual({ ok: true, reached: [] });
}

async function close(model: Model, runIndex: number): Promise<void> {
  const run = pick(model.runs, runIndex);
  const request = { run_id: run.id, execution: 1, reason: { kind: 'done' } as const };
  expect(await closeRun(aos.deps, request)).toEqual({ status: 'failed', code: 'INTERNAL' });
  if (run.cost === undefined) {
    for (const each of model.holds) {
      if (each.account === run.account && each.endKey === undefined) endHold(each, 'closed');
    }
    run.cost = run.account.settled + run.account.overage;
    run.account.isClosed = true;
    for (const account of run.isFunded ? run.above : []) {
      account.reserved -= run.budget;
      charge(account, run.cost);
    }
  }
  const { rows } = await aos.pool.query<{ cost: number }>(
    'SELECT cost_micro_cents AS cost FROM runs WHERE id = $1',
    [run.id],
  );
  expect(rows).toEqual([{ cost: run.cost }]);
}

/** I9: what each entry did follows from its kind, its amount and what stood before; the fold is the account. */
async function expectReplay(model: Model): Promise<void> {
  for (const account of model.accounts) {
    const entries = await listEntries(aos.pool, account.id, 0, 1_000);
    const start = model.firstLimits.get(account.id)!;
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
    case 'limit':
      return limitChange(balances, amount === NO_LIMIT_MICRO_CENTS ? null : amount)!;
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
  const keyLimit = fc.option(
    fc.integer({ min: 0, max: 60 }).map((cents) => cents * CENT),
    {
      nil: undefined,
    },
  );
  const ending = fc.constantFrom<Ending[]>(
    0,
    30,
    100,
    130,
    400,
    2_000,
    'presume',
    'release',
    'expire',
  );
  const delta = fc.oneof(
    amount,
    amount.map((by) => -by),
    fc.constant(0),
  );
  const nothing = () => [true];
  const tenants = ({ tenants: list }: Readonly<Model>) => list;
  const accounts = ({ accounts: list }: Readonly<Model>) => list;
  const holds = ({ holds: list }: Readonly<Model>) => list;
  const runs = ({ runs: list }: Readonly<Model>) => list;
  const limits = ({ limits: list }: Readonly<Model>) => list;
  const budget = fc.integer({ min: 0, max: 60 });
  // Few accounts and many holds that cost too much: what is over, and what follows from it, is where mistakes hide.
  const often = [
    operation('hold', fc.tuple(index, amount), accounts, hold),
    operation('end', fc.tuple(index, ending), holds, end),
    operation('adjustLate', fc.tuple(index, delta), endedHolds, adjustLate),
    operation('close', fc.tuple(index), runs, close),
    operation('openRun', fc.tuple(index, budget), tenants, openRun),
  ];
  const operations = [
    ...often,
    ...often,
    ...often.slice(0, 3),
    ...often.slice(0, 2),
    operation('openTenant', fc.tuple(limit, keyLimit), nothing, openTenant),
    operation('openAccount', fc.tuple(index, limit), tenants, openAccount),
    operation('raise', fc.tuple(index, amount), accountsWithoutRun, raise),
    operation('holdAgain', fc.tuple(index), holds, holdAgain),
    operation('endUnderTakenKey', fc.tuple(index), holds, endUnderTakenKey),
    operation('adjustAgain', fc.tuple(index, delta), (model) => model.adjusts, adjustAgain),
    operation('changeLimit', fc.tuple(index, limit), accountsWithoutRun, changeLimit),
    operation('changeLimitAgain', fc.tuple(index, limit), limits, changeLimitAgain),
    operation('raiseAgain', fc.tuple(index), (model) => model.topUps, raiseAgain),
  ];
  // A failure prints seed, path and the shortest list of operations that shows it.
  const property = fc.asyncProperty(
    fc.tuple(limit, keyLimit),
    fc.commands(operations, { maxCommands: 100, size: 'max' }),
    async ([firstLimit, firstKeyLimit], commands) => {
      const model: Model = {
        tenants: [],
        accounts: [],
        holds: [],
        runs: [],
        adjusts: [],
        topUps: [],
        limits: [],
        firstLimits: new Map(),
      };
      await openTenant(model, firstLimit, firstKeyLimit);
      await openRun(model, 0, 20);
      await fc.asyncModelRun(() => ({ model, real: undefined }), commands);
      await expectReplay(model);
    },
  );
  await fc.assert(property, { numRuns: 40, interruptAfterTimeLimit: 90_000 });
}, 120_000);
