import type { NextMove, StepRole, TryEnd } from '../../contracts/activities.ts';
import type { Failure } from '../../contracts/failures.ts';
import { centsFromMicroCents } from '../../contracts/money.ts';
import { afterTry } from '../../domain/after-try.ts';
import type { TryOutcome } from '../../domain/after-try.ts';
import { insertArtifact } from '../../storage/artifacts.ts';
import { appendEvents } from '../../storage/events.ts';
import type { NewEvent } from '../../storage/events.ts';
import { releaseHold, settleHold } from '../../storage/ledger.ts';
import type { Transaction } from '../../storage/pool.ts';
import { clearFruitless } from '../../storage/runs.ts';
import type { RunRow, RunState } from '../../storage/runs.ts';
import { addStepCost, endCompensation, endStep } from '../../storage/steps.ts';
import type { StepRowWithSpec } from '../../storage/steps.ts';
import { addTryCost, endTry } from '../../storage/tries.ts';
import type { TryMark } from '../../storage/tries.ts';
import { secondsSince } from '../elapsed.ts';
import { parseFailure } from '../failures.ts';
import { endingOf } from '../outputs.ts';
import type { PackedOutput } from '../outputs.ts';
import { remainingMsOf } from '../run-state.ts';
import { releaseCompensation } from './compensation-hold.ts';
import { entryOf } from './fenced-try.ts';
import type { FencedTry } from './fenced-try.ts';
import { postLateCost } from './late-cost.ts';
import { callOf } from './step-calls.ts';

/** How a try ends, and what becomes of its hold. */
export interface Ending {
  output?: PackedOutput;
  failure?: Failure;
  hold:
    | { kind: 'settle'; actualMicroCents: number; presumed?: boolean }
    | { kind: 'presume' }
    | { kind: 'release' };
}

type TriedOutcome = TryOutcome & { status: 'succeeded' | 'failed' | 'cancelled' };

const outcomeOf = (failure: Failure | undefined): TriedOutcome => {
  if (!failure) return { status: 'succeeded' };
  return {
    status: failure.code === 'CANCELLED' ? 'cancelled' : 'failed',
    code: failure.code,
    retryable: failure.retryable,
    ...(failure.retry_after_ms !== undefined && { retry_after_ms: failure.retry_after_ms }),
  };
};

const failureOf = (text: string | null): Failure | undefined =>
  text === null ? undefined : parseFailure(text);

/** How the step itself has ended in this role, if it has. */
function endOf(step: StepRowWithSpec, role: StepRole): TryEnd | undefined {
  if (role !== 'compensate') {
    if (step.status === 'pending' || step.status === 'running') return undefined;
    const code = failureOf(step.failure)?.code;
    return { kind: 'outcome', ...(code && { code }), next: { kind: 'end', status: step.status } };
  }
  const code = failureOf(step.compensation_failure)?.code;
  if (step.compensation === 'succeeded')
    return { kind: 'outcome', next: { kind: 'end', status: 'compensated' } };
  if (step.compensation === 'failed')
    return { kind: 'outcome', ...(code && { code }), next: { kind: 'end', status: 'failed' } };
  return undefined;
}

/** The outcome that already stands for a try, if there is one: the row decides. */
export function standingEnd(
  step: StepRowWithSpec,
  role: StepRole,
  row: TryMark | undefined,
): TryEnd | undefined {
  if (row && row.status === null) return undefined;
  const end = endOf(step, role);
  if (end || !row) return end;
  // Not decided again, by a later clock: what was decided is what the step's row says.
  const code = failureOf(row.failure)?.code;
  const next = JSON.parse(row.next!) as NextMove;
  return { kind: 'outcome', ...(code && { code }), next };
}

function toTryEnd(
  run: RunState,
  step: StepRowWithSpec,
  { role, number }: { role: StepRole; number: number },
  outcome: TryOutcome,
): TryEnd {
  const next = afterTry(step.spec.policy, role, number, outcome, remainingMsOf(run, role));
  return { kind: 'outcome', ...(outcome.code && { code: outcome.code }), next };
}

/**
 * Writes the outcome of a try with its money, its step and its events, unless another fence or an outcome stands:
 * then nothing is written and the answer is undefined. The caller has locked the run.
 */
export async function recordTryEnd(
  tx: Transaction,
  fenced: FencedTry,
  ending: Ending,
): Promise<TryEnd | undefined> {
  const { run, step, key } = fenced;
  const outcome = outcomeOf(ending.failure);
  const end = toTryEnd(run, step, key, outcome);
  // What an open hold will be settled by, written with the outcome; it seldom turns out otherwise.
  const expected =
    ending.hold.kind === 'settle' && fenced.holdId !== null ? ending.hold.actualMicroCents : 0;
  const written = await endTry(tx, key, fenced.fence, {
    status: outcome.status,
    failure: ending.failure,
    next: end.next,
    costMicroCents: expected,
  });
  if (!written) return undefined;
  const costMicroCents = await endHold(tx, fenced, ending.hold);
  if (costMicroCents !== expected) await addTryCost(tx, key, costMicroCents - expected);
  await writeStep(tx, fenced, ending, end, costMicroCents);
  if (run.fruitless_executions > 0) await clearFruitless(tx, run.id);
  return end;
}

async function endHold(tx: Transaction, fenced: FencedTry, how: Ending['hold']): Promise<number> {
  if (fenced.holdId === null) {
    // A call that should have cost nothing and did is not passed over: its cost is posted as it is.
    if (how.kind === 'settle') await postLateCost(tx, fenced, how.actualMicroCents);
    return 0;
  }
  const end = entryOf(fenced, fenced.holdId, how.kind === 'release' ? 'release' : 'settle');
  if (how.kind === 'release') {
    await releaseHold(tx, end);
    return 0;
  }
  const isPresumed = how.kind === 'presume' || how.presumed === true;
  const spent = await settleHold(
    tx,
    end,
    how.kind === 'presume' ? 'whole' : how.actualMicroCents,
    isPresumed ? 'presumed' : 'actual',
  );
  if (spent !== undefined || how.kind === 'presume') return spent ?? 0;
  // The hold expired before: what it cost is posted late, and stands on the step already.
  await postLateCost(tx, fenced, how.actualMicroCents);
  return 0;
}

async function writeStep(
  tx: Transaction,
  fenced: FencedTry,
  { output, failure }: Ending,
  { next }: TryEnd,
  costMicroCents: number,
): Promise<void> {
  const { run, step, key, begunAtMs } = fenced;
  const data = {
    role: key.role,
    try: key.number,
    cost_cents: centsFromMicroCents(costMicroCents),
    ...(failure && { failure }),
  };
  const { skill } = callOf(step.spec, key.role);
  const facts = { skill, seconds: begunAtMs === undefined ? undefined : secondsSince(begunAtMs) };
  if (next.kind !== 'end') {
    if (costMicroCents > 0) await addStepCost(tx, run.id, step.id, costMicroCents);
    const retry_in_ms = next.kind === 'retry' ? next.delayMs : 0;
    await appendEvents(tx, run.id, [
      { type: 'step.retrying', stepId: step.id, data: { ...data, retry_in_ms }, ...facts },
    ]);
    return;
  }
  if (key.role === 'compensate') {
    const type = failure ? 'step.compensation_failed' : 'step.compensated';
    const event: NewEvent = { type, stepId: step.id, data, ...facts };
    return endCompensation(tx, run.id, step.id, costMicroCents, failure, event);
  }
  if (next.status !== 'succeeded') await releaseCompensation(tx, fenced);
  if (output?.artifact) await insertArtifact(tx, output.artifact);
  const event: NewEvent = { type: `step.${next.status}`, stepId: step.id, data, ...facts };
  const ending = endingOf(next.status, output, failure);
  await endStep(tx, run.id, step.id, costMicroCents, ending, event);
}

/** Records that a step's condition was false: it has no try. */
export async function recordSkip(
  tx: Transaction,
  run: RunRow,
  step: StepRowWithSpec,
): Promise<TryEnd> {
  const event: NewEvent = {
    type: 'step.skipped',
    stepId: step.id,
    data: { reason: 'The condition in `when` was false.' },
    skill: step.skill,
  };
  await endStep(tx, run.id, step.id, 0, { status: 'skipped' }, event);
  if (run.fruitless_executions > 0) await clearFruitless(tx, run.id);
  return { kind: 'outcome', next: { kind: 'end', status: 'skipped' } };
}
