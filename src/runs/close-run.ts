import type { CloseReason, CloseRun, RunEnd, StepStatus } from '../contracts/activities.ts';
import { createFailure } from '../contracts/failures.ts';
import type { Failure } from '../contracts/failures.ts';
import { effectKeyOf } from '../domain/effect-keys.ts';
import { awaitsPlan, stepsOfPlan } from '../domain/plan/goal-step.ts';
import { isDone } from '../domain/ready-steps.ts';
import { closeAccount } from '../storage/accounts.ts';
import { appendEvents } from '../storage/events.ts';
import type { NewEvent } from '../storage/events.ts';
import { listRunHolds } from '../storage/holds.ts';
import type { Hold } from '../storage/holds.ts';
import { releaseHold, settleHold } from '../storage/ledger.ts';
import { withTransaction } from '../storage/pool.ts';
import type { Transaction } from '../storage/pool.ts';
import { lockRun, markRunClosed } from '../storage/runs.ts';
import type { RunRow } from '../storage/runs.ts';
import {
  endCompensation,
  endStep,
  findStep,
  listSteps,
  listStepsToUndo,
} from '../storage/steps.ts';
import type { StepRow } from '../storage/steps.ts';
import { listCompensationTries, listLastTries, listOpenTries } from '../storage/tries.ts';
import type { RunDeps } from './deps.ts';
import { secondsSince } from './elapsed.ts';
import { cancelled, deadlineExceeded, parseFailure, stepLost } from './failures.ts';
import { memoryOf } from './memory-of.ts';
import { isOpen } from './run-state.ts';
import { callOf } from './tries/step-calls.ts';
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

/**
 * Ends a run whose row the caller has locked: its tries, its holds, its account, its state, the accounts above it, in
 * this order. Its end is its last event.
 */
export async function closeLockedRun(
  tx: Transaction,
  run: RunRow,
  reason: CloseReason | { kind: 'failed'; failure: Failure },
): Promise<RunEnd> {
  if (!isOpen(run)) return storedEnd(run);
  await endOpenTries(tx, run);
  await endWaitingCompensations(tx, run);
  const steps = await endWaitingSteps(tx, run);
  const failure = withNotUndone(failureOf(run, steps, reason), steps);
  const status =
    failure === null ? 'succeeded' : STOPPED_CODES.has(failure.code) ? 'cancelled' : 'failed';
  const holds = await listRunHolds(tx, run.id, run.account_id);
  const isOwn = (hold: Hold): boolean => hold.accountId === run.account_id;
  const costMicroCents = await closeOwnAccount(tx, run, holds.filter(isOwn));
  const succeeded = stepsOfPlan(steps).filter((step) => step.status === 'succeeded');
  const outputStepId = failure === null ? (succeeded.at(-1)?.id ?? null) : null;
  const memory = await memoryOf(tx, run, outputStepId, failure);
  await markRunClosed(tx, run.id, { status, outputStepId, failure, costMicroCents, memory });
  // As late as may be, since every run of the tenant takes that lock; what it reaches comes before the end.
  for (const { id } of inOrderOf(run.ancestor_accounts, holds))
    await settleHold(tx, { holdId: id, ...entryOf(run, id, 'settle') }, costMicroCents, 'actual');
  const seconds = secondsSince(run.created_at);
  await appendEvents(tx, run.id, [
    { type: `run.${status}`, data: failure ? { failure } : {}, seconds },
  ]);
  return { status, ...(failure && { code: failure.code }) };
}

const inOrderOf = (accounts: readonly string[], holds: readonly Hold[]): Hold[] =>
  accounts.flatMap((account) => holds.filter((hold) => hold.accountId === account));

/** What stays done is for the reader to look after. */
function withNotUndone(failure: Failure | null, steps: readonly StepRow[]): Failure | null {
  const left = steps.filter(({ status, compensation }) => status === 'succeeded' && compensation);
  if (failure === null || left.length === 0) return failure;
  const why = `These steps were not undone: ${left.map((step) => step.id).join(', ')}. \`not_undone\` says why.`;
  return { ...failure, recovery: [...failure.recovery, { action: 'check_effect', why }] };
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
  if (steps.every((step) => isDone(step.status)) && !awaitsPlan(steps)) return null;
  // What stops the undoing of a run is not why it failed.
  const stopped = reason.kind === 'failed' ? reason.failure : undefined;
  if (stopped && run.compensate_until === null) return stopped;
  // A cancel that comes when steps are being undone is not recorded, and changes nothing.
  const isCancelled = reason.kind === 'cancelled' && run.compensate_until === null;
  if (isCancelled || run.cancel_requested_at !== null) return cancelled(run);
  const named =
    reason.kind === 'step_failed' ? steps.find((step) => step.id === reason.step_id) : undefined;
  const failed = named?.failure
    ? named
    : steps.find((step) => step.status === 'failed' && step.failure !== null);
  if (failed?.failure) {
    return { ...parseFailure(failed.failure), step_id: failed.id };
  }
  if (stopped) return stopped;
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
    const isCancelled = run.cancel_requested_at !== null && row.role !== 'compensate';
    const failure = isCancelled
      ? cancelled(run)
      : stepLost(callOf(step.spec, row.role).skill, effectKeyOf(key));
    const { fence, hold_id: holdId } = row;
    const fenced = { run, step, key, fence, holdId, priceTableVersion: run.price_table_version };
    await recordTryEnd(tx, fenced, { failure, hold: { kind: 'presume' } });
  }
}

/** Compensations that were between two tries have failed by their last one. */
async function endWaitingCompensations(tx: Transaction, run: RunRow): Promise<void> {
  if (run.compensate_until === null) return;
  const tries = await listCompensationTries(tx, run.id);
  for (const step of await listStepsToUndo(tx, run.id)) {
    const last = tries.get(step.id);
    if (step.compensation === 'ready' || !last) continue;
    const failure = last.failure ? parseFailure(last.failure) : deadlineExceeded(run, 'compensate');
    const event: NewEvent = {
      type: 'step.compensation_failed',
      stepId: step.id,
      data: { failure },
    };
    await endCompensation(tx, run.id, step.id, 0, failure, event);
  }
}

/** Steps that were between two tries get the state of their last one; steps never begun stay pending. */
async function endWaitingSteps(tx: Transaction, run: RunRow): Promise<StepRow[]> {
  const steps = await listSteps(tx, run.id);
  const waiting = steps.filter((step) => step.status === 'running');
  if (waiting.length === 0) return steps;
  const lastTries = await listLastTries(tx, run.id);
  for (const step of waiting) {
    const last = lastTries.find((row) => row.step_id === step.id);
    const status: StepStatus = run.cancel_requested_at ? 'cancelled' : 'failed';
    const failure = last?.failure ? parseFailure(last.failure) : undefined;
    const data = failure ? { failure } : {};
    const event: NewEvent = { type: `step.${status}`, stepId: step.id, data, skill: step.skill };
    await endStep(tx, run.id, step.id, 0, { status, ...(failure && { failure }) }, event);
  }
  return listSteps(tx, run.id);
}

/** Gives back what the run's own account still holds and closes it. Answers the cost. */
async function closeOwnAccount(
  tx: Transaction,
  run: RunRow,
  holds: readonly Hold[],
): Promise<number> {
  for (const { id } of holds) await releaseHold(tx, { holdId: id, ...entryOf(run, id, 'release') });
  return closeAccount(tx, run.account_id);
}

const entryOf = (run: RunRow, holdId: string, kind: string) => ({
  key: `${holdId}/${kind}`,
  subject: {
    runId: run.id,
    execution: run.execution,
    priceTableVersion: run.price_table_version,
    actor: 'run',
  },
});
