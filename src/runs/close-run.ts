import type { CloseReason, CloseRun, RunEnd, StepStatus } from '../contracts/activities.ts';
import { createFailure } from '../contracts/failures.ts';
import type { Failure } from '../contracts/failures.ts';
import { effectKeyOf } from '../domain/effect-keys.ts';
import { isDone } from '../domain/ready-steps.ts';
import { lockAccount, markAccountClosed } from '../storage/accounts.ts';
import { appendEvents } from '../storage/events.ts';
import type { NewEvent } from '../storage/events.ts';
import { listRunHolds } from '../storage/holds.ts';
import { releaseHold, settleHold } from '../storage/ledger.ts';
import { withTransaction } from '../storage/pool.ts';
import type { Transaction } from '../storage/pool.ts';
import { lockRun, markRunClosed } from '../storage/runs.ts';
import type { RunRow } from '../storage/runs.ts';
import { findStep, listSteps, endStep } from '../storage/steps.ts';
import type { StepRow } from '../storage/steps.ts';
import { listLastTries, listOpenTries } from '../storage/tries.ts';
import type { RunDeps } from './deps.ts';
import { cancelled, deadlineExceeded, parseFailure, stepLost } from './failures.ts';
import { isOpen } from './run-state.ts';
import { recordTryEnd } from './tries/try-outcomes.ts';

/** Somebody's will, not a fault, ended the run. */
const STOPPED_CODES: ReadonlySet<string> = new Set(['CANCELLED', 'TERMINATED']);

/** Ends a run for the workflow: the first caller wins, later ones get the stored end. */
export async function closeRun(
  { pool }: RunDeps,
  { run_id, execution, reason }: CloseRun,
): Promise<RunEnd> {
  return withTransaction(pool, async (tx) => {
    const run = await lockRun(tx, run_id);
    if (!run || run.execution !== execution) return { status: 'unknown' };
    return closeLockedRun(tx, run, reason);
  });
}

/** Ends a run whose row the caller has locked: its tries, its holds, its account, its state, in this order. */
export async function closeLockedRun(
  tx: Transaction,
  run: RunRow,
  reason: CloseReason | { kind: 'failed'; failure: Failure },
): Promise<RunEnd> {
  if (!isOpen(run)) return storedEnd(run);
  await endOpenTries(tx, run);
  const steps = await endWaitingSteps(tx, run);
  const failure = failureOf(run, steps, reason);
  const status =
    failure === null ? 'succeeded' : STOPPED_CODES.has(failure.code) ? 'cancelled' : 'failed';
  const costMicroCents = await closeAccount(tx, run);
  const outputStepId =
    failure === null ? (steps.findLast((step) => step.status === 'succeeded')?.id ?? null) : null;
  await markRunClosed(tx, run.id, { status, outputStepId, failure, costMicroCents });
  await appendEvents(tx, run.id, [{ type: `run.${status}`, data: failure ? { failure } : {} }]);
  return { status, ...(failure && { code: failure.code }) };
}

function storedEnd(run: RunRow): RunEnd {
  const failure = run.failure === null ? undefined : parseFailure(run.failure);
  return { status: run.status as RunEnd['status'], ...(failure && { code: failure.code }) };
}

/** Why the run did not succeed; null when it did. A cancel that comes after the last step has changed nothing. */
function failureOf(
  run: RunRow,
  steps: readonly StepRow[],
  reason: CloseReason | { kind: 'failed'; failure: Failure },
): Failure | null {
  if (steps.every((step) => isDone(step.status))) return null;
  if (reason.kind === 'failed') return reason.failure;
  if (reason.kind === 'cancelled' || run.cancel_requested_at !== null) return cancelled(run);
  const named =
    reason.kind === 'step_failed' ? steps.find((step) => step.id === reason.step_id) : undefined;
  const failed = named?.failure
    ? named
    : steps.find((step) => step.status === 'failed' && step.failure !== null);
  if (failed?.failure) {
    return { ...parseFailure(failed.failure), step_id: failed.id };
  }
  if (run.deadline_at.getTime() <= Date.now()) return deadlineExceeded(run);
  return createFailure('INTERNAL', 'The run ended before all of its steps were done.');
}

/** Tries without an outcome end here: nobody will record them any more. */
async function endOpenTries(tx: Transaction, run: RunRow): Promise<void> {
  for (const row of await listOpenTries(tx, run.id)) {
    const step = (await findStep(tx, run.id, row.step_id))!;
    const key = {
      runId: run.id,
      stepId: step.id,
      generation: row.generation,
      role: row.role,
      number: row.number,
    };
    const failure = run.cancel_requested_at
      ? cancelled(run)
      : stepLost(step.skill, effectKeyOf(key));
    const fenced = { run, step, key, fence: row.fence, holdId: row.hold_id };
    await recordTryEnd(tx, fenced, { failure, hold: { kind: 'presume' } });
  }
}

/** Steps that were between two tries get the state of their last one; steps never begun stay pending. */
async function endWaitingSteps(tx: Transaction, run: RunRow): Promise<StepRow[]> {
  const steps = await listSteps(tx, run.id);
  const waiting = steps.filter((step) => step.status === 'running');
  if (waiting.length === 0) return steps;
  const lastTries = await listLastTries(tx, run.id);
  const events: NewEvent[] = [];
  for (const step of waiting) {
    const last = lastTries.find((row) => row.step_id === step.id);
    const status: StepStatus = run.cancel_requested_at ? 'cancelled' : 'failed';
    const failure = last?.failure ? parseFailure(last.failure) : undefined;
    await endStep(tx, run.id, step.id, 0, { status, ...(failure && { failure }) });
    events.push({ type: `step.${status}`, stepId: step.id, data: failure ? { failure } : {} });
  }
  await appendEvents(tx, run.id, events);
  return listSteps(tx, run.id);
}

/** Settles the account into every ancestor that its run holds on, releases the rest and closes it. Answers the cost. */
async function closeAccount(tx: Transaction, run: RunRow): Promise<number> {
  const subject = {
    runId: run.id,
    execution: run.execution,
    priceTableVersion: run.price_table_version,
    actor: 'run',
  };
  const holds = await listRunHolds(tx, run.id, run.account_id);
  await lockAccount(tx, run.account_id);
  for (const hold of holds.filter((each) => each.accountId === run.account_id)) {
    await releaseHold(tx, { holdId: hold.id, key: `${hold.id}/release`, subject });
  }
  const { balances } = await lockAccount(tx, run.account_id);
  const costMicroCents = balances.settled + balances.overage;
  for (const hold of holds.filter((each) => each.accountId !== run.account_id)) {
    await settleHold(
      tx,
      { holdId: hold.id, key: `${hold.id}/settle`, subject },
      costMicroCents,
      'actual',
    );
  }
  await markAccountClosed(tx, run.account_id);
  return costMicroCents;
}
