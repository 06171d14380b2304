import { uuidv7 } from 'uuidv7';
import type { TryAddress, TryReply } from '../../contracts/activities.ts';
import type { Failure } from '../../contracts/failures.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { centsFromMicroCents } from '../../contracts/money.ts';
import { effectKeyOf } from '../../domain/effect-keys.ts';
import type { Skill } from '../../skills/skill.ts';
import { appendEvents } from '../../storage/events.ts';
import { withTransaction } from '../../storage/pool.ts';
import type { Transaction } from '../../storage/pool.ts';
import { lockRun, markRunStarted, readRun } from '../../storage/runs.ts';
import type { RunRow } from '../../storage/runs.ts';
import { findStep, markStepStarted } from '../../storage/steps.ts';
import type { StepRowWithSpec } from '../../storage/steps.ts';
import { fenceTry, findTry } from '../../storage/tries.ts';
import type { TryKey, TryRow } from '../../storage/tries.ts';
import type { RunDeps } from '../deps.ts';
import { deadlineExceeded, effectUnknown } from '../failures.ts';
import { holdForTry } from './hold-for-try.ts';
import { loadScope } from './load-scope.ts';
import { prepareCall } from './prepare-call.ts';
import type { PreparedCall } from './prepare-call.ts';
import { stateOf } from '../run-state.ts';
import { recordSkip, recordTryEnd, standingOutcome } from './try-outcomes.ts';
import type { FencedTry } from './fenced-try.ts';

/** A call that this worker alone may record. */
export interface BegunCall extends FencedTry {
  skill: Skill;
  params: JsonObject;
  effectKey: string;
  timeoutMs: number;
}

export type BegunTry = { kind: 'reply'; reply: TryReply } | { kind: 'call'; call: BegunCall };

/**
 * Part (a) of a step's try: checks that the execution is open, resolves the params, holds the worst case and writes
 * the try under the caller's fresh `fence`. After it either nothing is to be called, or exactly this caller may
 * record the outcome. Safe to repeat with the same fence when it is unknown whether it was committed.
 */
export async function beginTry(
  deps: RunDeps,
  address: TryAddress,
  fence: string,
): Promise<BegunTry> {
  const { pool } = deps;
  const [run, step] = await Promise.all([
    readRun(pool, address.run_id),
    findStep(pool, address.run_id, address.step_id),
  ]);
  if (!run || !step) return { kind: 'reply', reply: { kind: 'closed' } };
  const key: TryKey = {
    runId: run.id,
    stepId: step.id,
    generation: step.generation,
    role: address.role,
    number: address.try,
  };
  const early = replyWithoutCall(run, step, await findTry(pool, key), address);
  if (early) return { kind: 'reply', reply: early };

  // Values of steps that are done do not change, so they are read before any lock is taken.
  const scope = await loadScope(pool, run.id, step.spec);
  const prepared = prepareCall(deps.skills, step.spec, address.role, scope);
  return withTransaction(pool, async (tx) => {
    const lockedRun = (await lockRun(tx, run.id))!;
    const lockedStep = (await findStep(tx, run.id, step.id))!;
    const found = await findTry(tx, key);
    const late = replyWithoutCall(lockedRun, lockedStep, found, address);
    if (late) return { kind: 'reply', reply: late };
    if (await markRunStarted(tx, run.id)) await appendEvents(tx, run.id, [{ type: 'run.started' }]);
    const fenced = { run: lockedRun, step: lockedStep, key, fence, holdId: null };
    return openCall(tx, fenced, found, prepared);
  });
}

/** The answer when nothing may or need be called: an outcome stands, or the execution is over. */
function replyWithoutCall(
  run: RunRow,
  step: StepRowWithSpec,
  found: TryRow | undefined,
  address: TryAddress,
): TryReply | undefined {
  const stands = standingOutcome(step, found);
  if (stands) return stands;
  const state = stateOf(run, address.execution);
  return state === 'open' ? undefined : { kind: state };
}

async function openCall(
  tx: Transaction,
  fenced: FencedTry,
  found: TryRow | undefined,
  prepared: PreparedCall,
): Promise<BegunTry> {
  const { run, step, key } = fenced;
  const isMine = found?.fence === fenced.fence;
  const lost = isMine ? undefined : found;
  const refuse = async (failure: Failure): Promise<BegunTry> => {
    if (!isMine) await writeFence(tx, fenced, run.deadline_at, 0, lost);
    const known = isMine ? { ...fenced, holdId: found.hold_id } : fenced;
    const reply = await recordTryEnd(tx, known, { failure, hold: { kind: 'release' } });
    return { kind: 'reply', reply: reply! };
  };
  if (prepared.kind === 'skip') return { kind: 'reply', reply: await recordSkip(tx, run, step) };
  const remainingMs = run.deadline_at.getTime() - Date.now();
  if (lost) {
    const known = { ...fenced, fence: lost.fence, holdId: lost.hold_id };
    const repeatable =
      prepared.kind === 'call' &&
      (step.spec.idempotent === true || prepared.skill.isIdempotent(prepared.params));
    if (!repeatable || remainingMs <= 0) {
      const failure = repeatable ? deadlineExceeded(run) : effectUnknown(step.id, effectKeyOf(key));
      const reply = await recordTryEnd(tx, known, { failure, hold: { kind: 'presume' } });
      return { kind: 'reply', reply: reply! };
    }
  }
  if (prepared.kind === 'failure') return refuse(prepared.failure);
  if (remainingMs <= 0) return refuse(deadlineExceeded(run));

  const { skill, params } = prepared;
  const { timeout } = skill.contract;
  const wantedMs = step.spec.timeout_ms ?? skill.timeoutMs(params) ?? timeout.default_ms;
  const timeoutMs = Math.min(wantedMs, timeout.max_ms, remainingMs);
  const call = { ...fenced, skill, params, effectKey: effectKeyOf(key), timeoutMs };
  if (isMine) return { kind: 'call', call: { ...call, holdId: found.hold_id } };

  const deadlineAt = new Date(Date.now() + timeoutMs);
  const hold = await holdForTry(tx, fenced, skill, params, deadlineAt, lost);
  switch (hold.kind) {
    case 'refused':
      return refuse(hold.failure);
    case 'busy':
      // Not under the caller's fence: should this commit go unanswered, its repeat is to ask for the money again.
      if (lost) {
        const waiting = { execution: run.execution, fence: uuidv7(), holdId: null, deadlineAt };
        await fenceTry(tx, key, waiting);
      }
      return { kind: 'reply', reply: { kind: 'busy' } };
    case 'held':
      await writeFence(
        tx,
        { ...fenced, holdId: hold.holdId },
        deadlineAt,
        hold.heldMicroCents,
        lost,
      );
      return { kind: 'call', call: { ...call, holdId: hold.holdId } };
  }
}

async function writeFence(
  tx: Transaction,
  { run, key, fence, holdId }: FencedTry,
  deadlineAt: Date,
  heldMicroCents: number,
  lost: TryRow | undefined,
): Promise<void> {
  await fenceTry(tx, key, { execution: run.execution, fence, holdId, deadlineAt });
  if (!lost) await markStepStarted(tx, run.id, key.stepId, key.role);
  const data = { role: key.role, try: key.number, held_cents: centsFromMicroCents(heldMicroCents) };
  await appendEvents(tx, run.id, [{ type: 'step.started', stepId: key.stepId, data }]);
}
