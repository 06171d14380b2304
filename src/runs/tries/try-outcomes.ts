import type { TryOutcome } from '../../contracts/activities.ts';
import type { Failure } from '../../contracts/failures.ts';
import { centsFromMicroCents } from '../../contracts/money.ts';
import { afterTry } from '../../domain/after-try.ts';
import { insertArtifact } from '../../storage/artifacts.ts';
import { appendEvents } from '../../storage/events.ts';
import type { NewEvent } from '../../storage/events.ts';
import { releaseHold, settleHold } from '../../storage/ledger.ts';
import type { Transaction } from '../../storage/pool.ts';
import { clearFruitless } from '../../storage/runs.ts';
import type { RunRow } from '../../storage/runs.ts';
import { addStepCost, endStep } from '../../storage/steps.ts';
import type { StepRowWithSpec } from '../../storage/steps.ts';
import { addTryCost, endTry } from '../../storage/tries.ts';
import type { TryRow } from '../../storage/tries.ts';
import { parseFailure } from '../failures.ts';
import { entryOf } from './fenced-try.ts';
import type { FencedTry } from './fenced-try.ts';
import { postLateCost } from './late-cost.ts';
import { endingOf } from '../outputs.ts';
import type { PackedOutput } from '../outputs.ts';

/** How a try ends, and what becomes of its hold. */
export interface TryEnd {
  output?: PackedOutput;
  failure?: Failure;
  hold:
    | { kind: 'settle'; actualMicroCents: number; presumed?: boolean }
    | { kind: 'presume' }
    | { kind: 'release' };
}

type TriedOutcome = TryOutcome & { status: 'succeeded' | 'failed' | 'cancelled' };

const outcomeOfFailure = (failure: Failure | undefined): TriedOutcome => {
  if (!failure) return { kind: 'outcome', status: 'succeeded' };
  return {
    kind: 'outcome',
    status: failure.code === 'CANCELLED' ? 'cancelled' : 'failed',
    code: failure.code,
    retryable: failure.retryable,
    ...(failure.retry_after_ms !== undefined && { retry_after_ms: failure.retry_after_ms }),
  };
};

const failureOf = (text: string | null): Failure | undefined =>
  text === null ? undefined : parseFailure(text);

/** The outcome that already stands for a try, if there is one: the row decides. */
export function standingOutcome(
  step: StepRowWithSpec,
  row: TryRow | undefined,
): TryOutcome | undefined {
  if (row?.status) return outcomeOfFailure(failureOf(row.failure));
  if (row || step.status === 'pending' || step.status === 'running') return undefined;
  return { ...outcomeOfFailure(failureOf(step.failure)), status: step.status, retryable: false };
}

/**
 * Writes the outcome of a try with its money, its step and its events, unless another fence or an outcome stands:
 * then nothing is written and the answer is undefined. The caller has locked the run.
 */
export async function recordTryEnd(
  tx: Transaction,
  fenced: FencedTry,
  end: TryEnd,
): Promise<TryOutcome | undefined> {
  const outcome = outcomeOfFailure(end.failure);
  if (!(await endTry(tx, fenced.key, fenced.fence, outcome.status, end.failure))) return undefined;
  const costMicroCents = await endHold(tx, fenced, end.hold);
  if (costMicroCents > 0) await addTryCost(tx, fenced.key, costMicroCents);
  await writeStep(tx, fenced, end, outcome, costMicroCents);
  await clearFruitless(tx, fenced.run.id);
  return outcome;
}

async function endHold(tx: Transaction, fenced: FencedTry, how: TryEnd['hold']): Promise<number> {
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
  { run, step, key }: FencedTry,
  { output, failure }: TryEnd,
  outcome: TryOutcome,
  costMicroCents: number,
): Promise<void> {
  const remainingMs = run.deadline_at.getTime() - Date.now();
  const next = afterTry(step.spec.policy, key.role, key.number, outcome, remainingMs);
  const data = {
    role: key.role,
    try: key.number,
    cost_cents: centsFromMicroCents(costMicroCents),
    ...(failure && { failure }),
  };
  if (next.kind !== 'end') {
    await addStepCost(tx, run.id, step.id, costMicroCents);
    const retry_in_ms = next.kind === 'retry' ? next.delayMs : 0;
    await appendEvents(tx, run.id, [
      { type: 'step.retrying', stepId: step.id, data: { ...data, retry_in_ms } },
    ]);
    return;
  }
  if (output?.artifact) await insertArtifact(tx, output.artifact);
  await endStep(tx, run.id, step.id, costMicroCents, endingOf(next.status, output, failure));
  await appendEvents(tx, run.id, [{ type: `step.${next.status}`, stepId: step.id, data }]);
}

/** Records that a step's condition was false: it has no try. */
export async function recordSkip(
  tx: Transaction,
  run: RunRow,
  step: StepRowWithSpec,
): Promise<TryOutcome> {
  await endStep(tx, run.id, step.id, 0, { status: 'skipped' });
  const event: NewEvent = {
    type: 'step.skipped',
    stepId: step.id,
    data: { reason: 'The condition in `when` was false.' },
  };
  await appendEvents(tx, run.id, [event]);
  await clearFruitless(tx, run.id);
  return { kind: 'outcome', status: 'skipped' };
}
