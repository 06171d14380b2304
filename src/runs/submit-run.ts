import { uuidv7 } from 'uuidv7';
import { AosError } from '../contracts/failures.ts';
import type { Problem } from '../contracts/failures.ts';
import type { Json } from '../contracts/json.ts';
import { microCentsFromCents } from '../contracts/money.ts';
import type { ResolvedPlan } from '../contracts/plan.ts';
import type { SubmitRun } from '../contracts/run.ts';
import { contractsOf } from '../skills/registry.ts';
import { insertAccount } from '../storage/accounts.ts';
import { appendEvents } from '../storage/events.ts';
import { findIdempotencyKey, takeIdempotencyKey } from '../storage/idempotency-keys.ts';
import { placeHold } from '../storage/ledger.ts';
import { sqlStateOf, withTransaction } from '../storage/pool.ts';
import type { Pool, Transaction } from '../storage/pool.ts';
import { findRun, insertRun } from '../storage/runs.ts';
import type { RunRow } from '../storage/runs.ts';
import { insertSteps } from '../storage/steps.ts';
import type { StepRowWithSpec } from '../storage/steps.ts';
import { tenantAccountId } from '../storage/tenants.ts';
import type { Engine } from '../temporal/engine.ts';
import { hashBody } from './body-hash.ts';
import { checkPlan } from './check-plan.ts';
import type { RunDeps } from './deps.ts';
import { budgetExceeded } from './failures.ts';
import { startExecution } from './start-execution.ts';

export interface Submission {
  tenantId: string;
  keyId: string;
  request: SubmitRun;
  /** The body as it came: its canonical form tells whether a repeat is the same request. */
  body: Json;
  idempotencyKey: string | undefined;
  /** The caller's trace, as its request carried it. */
  traceparent?: string | undefined;
  warnings: Problem[];
}

export interface SubmittedRun {
  run: RunRow;
  /** The steps of a run that was accepted now. */
  steps?: StepRowWithSpec[];
  /** The request was a repeat of one that had been accepted before. */
  replayed: boolean;
}

/** What makes a repeat the same request. */
interface SubmissionKey {
  key: string;
  bodyHash: Buffer;
}

const CHECK_AFTER_MS = 3_000;
/** How long a twin waits for the one that holds its idempotency key. */
const TWIN_WAIT_MS = 2_000;
const LOCK_NOT_AVAILABLE = '55P03';

/**
 * Accepts a run: a run that is accepted is funded, recorded and will be started, if not now then by the reconciler.
 * Errors: PLAN_REQUIRED, PLAN_INVALID and its kin, BUDGET_EXCEEDED, IDEMPOTENCY_KEY_REUSED, IDEMPOTENCY_IN_FLIGHT.
 */
export async function submitRun(
  deps: RunDeps & { engine: Engine },
  submission: Submission,
): Promise<SubmittedRun> {
  const { request, warnings, idempotencyKey, tenantId } = submission;
  if (request.plan === undefined) {
    throw new AosError(
      'PLAN_REQUIRED',
      'The request has no `plan`. Send a list of steps, or an object with `steps`.',
    );
  }
  const key =
    idempotencyKey === undefined
      ? undefined
      : { key: idempotencyKey, bodyHash: hashBody(submission.body) };
  if (key) {
    const earlier = await findEarlier(deps.pool, tenantId, key);
    if (earlier) return { run: earlier, replayed: true };
  }
  const checked = checkPlan(request.plan, contractsOf(deps.skills));
  if (!checked.ok) throw planRefused(checked.problems);

  const accepted = await accept(deps, submission, key, checked.plan, [
    ...warnings,
    ...checked.warnings,
  ]);
  if (!accepted) {
    const earlier = await findEarlier(deps.pool, tenantId, key!);
    if (earlier) return { run: earlier, replayed: true };
    throw twinInFlight();
  }
  try {
    await startExecution(deps.pool, deps.engine, accepted.run, accepted.steps);
  } catch (error) {
    deps.logger.warn('run.start_postponed', { run_id: accepted.run.id, reason: String(error) });
  }
  return { ...accepted, replayed: false };
}

/** One transaction: key, account, run, steps, the hold of the budget on the tenant, event. Undefined: a twin has the key. */
async function accept(
  { pool, priceTableVersion }: RunDeps,
  { tenantId, keyId, request, traceparent }: Submission,
  key: SubmissionKey | undefined,
  plan: ResolvedPlan,
  warnings: Problem[],
): Promise<{ run: RunRow; steps: StepRowWithSpec[] } | undefined> {
  const runId = `run_${uuidv7()}`;
  const budgetMicroCents = microCentsFromCents(request.budget_cents);
  const accountId = `${runId}/1`;
  try {
    return await withTransaction(pool, async (tx) => {
      await insertAccount(tx, {
        id: accountId,
        tenantId,
        parentId: tenantAccountId(tenantId),
        limitMicroCents: budgetMicroCents,
      });
      const run = await insertRun(tx, {
        id: runId,
        tenantId,
        keyId,
        accountId,
        agentId: request.agent_id ?? null,
        goal: request.goal ?? null,
        labels: request.labels,
        inputJson: JSON.stringify(request.input ?? null),
        planJson: JSON.stringify(request.plan),
        warnings,
        maxParallel: plan.max_parallel,
        budgetMicroCents,
        priceTableVersion,
        traceparent: traceparent ?? null,
        compensationMs: plan.compensation_deadline_ms,
        deadlineMs: plan.deadline_ms,
        checkAfterMs: CHECK_AFTER_MS,
      });
      if (key) {
        await tx.query(`SET LOCAL lock_timeout = ${TWIN_WAIT_MS}`);
        if (!(await takeIdempotencyKey(tx, tenantId, key.key, key.bodyHash, runId)))
          throw new TwinAccepted();
        await tx.query('SET LOCAL lock_timeout = DEFAULT');
      }
      const steps = await insertSteps(tx, runId, plan.steps);
      await appendEvents(tx, runId, [{ type: 'run.accepted', data: { steps: plan.steps.length } }]);
      await fund(tx, run);
      return { run, steps };
    });
  } catch (error) {
    if (error instanceof TwinAccepted) return undefined;
    if (sqlStateOf(error) === LOCK_NOT_AVAILABLE) throw twinInFlight();
    throw error;
  }
}

/** Rolls the transaction back: another request with the same key has been accepted. */
class TwinAccepted extends Error {}

/** Holds the whole budget on the tenant's account, last, since every run of the tenant takes that lock. */
async function fund(tx: Transaction, run: RunRow): Promise<void> {
  if (run.budget_micro_cents === 0) return;
  const accountId = tenantAccountId(run.tenant_id);
  const holdId = `hold_${uuidv7()}`;
  const placed = await placeHold(tx, {
    hold: {
      id: holdId,
      accountId,
      amountMicroCents: run.budget_micro_cents,
      runId: run.id,
      stepId: null,
      generation: null,
      role: null,
      try: null,
      fence: null,
      expiresAt: null,
    },
    key: `${run.account_id}/hold`,
    basis: 'budget',
    subject: {
      runId: run.id,
      execution: 1,
      priceTableVersion: run.price_table_version,
      actor: 'submit',
    },
  });
  if (placed.ok) return;
  const failure = budgetExceeded(accountId, run.budget_micro_cents, placed.balances);
  throw new AosError('BUDGET_EXCEEDED', failure.detail);
}

async function findEarlier(
  pool: Pool,
  tenantId: string,
  { key, bodyHash }: SubmissionKey,
): Promise<RunRow | undefined> {
  const known = await findIdempotencyKey(pool, tenantId, key);
  if (!known) return undefined;
  if (!known.body_hash.equals(bodyHash)) {
    throw new AosError(
      'IDEMPOTENCY_KEY_REUSED',
      `The idempotency key belongs to run ${known.run_id}, which was submitted with another body. Use a new key.`,
    );
  }
  return findRun(pool, tenantId, known.run_id);
}

const twinInFlight = (): AosError =>
  new AosError(
    'IDEMPOTENCY_IN_FLIGHT',
    `Another request with this key is being accepted for over ${TWIN_WAIT_MS} ms.`,
    {
      retry_after_ms: 1_000,
    },
  );

/** A plan whose problems are all of one of these kinds is refused under that kind's own code. */
const OWN_CODES = new Set(['SKILL_NOT_FOUND', 'NOT_AVAILABLE_YET']);

function planRefused(problems: Problem[]): AosError {
  const codes = new Set(problems.map((problem) => problem.code));
  const [only] = codes;
  const code =
    codes.size === 1 && OWN_CODES.has(only!)
      ? (only as 'SKILL_NOT_FOUND' | 'NOT_AVAILABLE_YET')
      : 'PLAN_INVALID';
  const first = problems[0]!;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return new AosError(code, `${first.pointer}: ${first.message}${more}`, {
    status: 422,
    errors: problems,
  });
}
