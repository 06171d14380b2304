import { uuidv7 } from 'uuidv7';
import type { TryAddress, TryReply } from '../../contracts/activities.ts';
import type { Failure } from '../../contracts/failures.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { centsFromMicroCents } from '../../contracts/money.ts';
import { effectKeyOf } from '../../domain/effect-keys.ts';
import type { Skill } from '../../skills/skill.ts';
import { appendEvents } from '../../storage/events.ts';
import type { NewEvent } from '../../storage/events.ts';
import { withTransaction } from '../../storage/pool.ts';
import type { Transaction } from '../../storage/pool.ts';
import { lockRun, markRunStarted } from '../../storage/runs.ts';
import type { RunRow } from '../../storage/runs.ts';
import { findStepWithTry } from '../../storage/steps.ts';
import type { StepRowWithSpec } from '../../storage/steps.ts';
import { fenceTry, startTry } from '../../storage/tries.ts';
import type { TryMark } from '../../storage/tries.ts';
import type { RunDeps } from '../deps.ts';
import { queueSecondsOf } from '../elapsed.ts';
import { deadlineExceeded, effectUnknown } from '../failures.ts';
import { deadlineOf, remainingMsOf, stateOf } from '../run-state.ts';
import type { FencedTry } from './fenced-try.ts';
import { holdForTry } from './hold-for-try.ts';
import { loadScope } from './load-scope.ts';
import type { LoadedScope } from './load-scope.ts';
import { prepareCall } from './prepare-call.ts';
import { callOf } from './step-calls.ts';
import { recordSkip, recordTryEnd, standingEnd } from './try-outcomes.ts';

/** A call that this worker alone may record. */
export interface BegunCall extends FencedTry {
  skill: Skill;
  params: JsonObject;
  /** What stands in the params for a secret, by the names of the secrets; the values are not in it. */
  secretTokens: ReadonlyMap<string, string>;
  effectKey: string;
  timeoutMs: number;
}

export type BegunTry = { kind: 'reply'; reply: TryReply } | { kind: 'call'; call: BegunCall };

const replied = (reply: TryReply): BegunTry => ({ kind: 'reply', reply });

/**
 * Part (a) of a step's try, one transaction: checks that the execution is open, resolves the params, holds the worst
 * case and writes the try under the caller's fresh `fence`. After it either nothing is to be called, or exactly this
 * caller may record the outcome. Safe to repeat with the same fence when it is unknown whether it was committed.
 */
export async function beginTry(
  deps: RunDeps,
  address: TryAddress,
  fence: string,
): Promise<BegunTry> {
  const { run_id, step_id, role, try: number } = address;
  return withTransaction(deps.pool, async (tx) => {
    const run = await lockRun(tx, run_id);
    const row = run && (await findStepWithTry(tx, run.id, step_id, role, number));
    if (!run || !row) return replied({ kind: 'closed' });
    const { step, found } = row;
    const early = replyWithoutCall(run, step, found, address);
    if (early) return replied(early);
    if (run.status === 'queued' && (await markRunStarted(tx, run.id)))
      await appendEvents(tx, run.id, [{ type: 'run.started', seconds: queueSecondsOf(run) }]);
    const key = { runId: run.id, stepId: step.id, generation: step.generation, role, number };
    const { priceTableVersion } = deps;
    const scope = await loadScope(tx, deps.cipher, run.id, step.spec);
    return openCall(
      tx,
      deps,
      scope,
      { run, step, key, fence, holdId: null, priceTableVersion },
      found,
    );
  });
}

/** The answer when nothing may or need be called: an outcome stands, or the execution is over. */
function replyWithoutCall(
  run: RunRow,
  step: StepRowWithSpec,
  found: TryMark | undefined,
  { execution, role }: TryAddress,
): TryReply | undefined {
  const stands = standingEnd(step, role, found);
  if (stands) return stands;
  const state = stateOf(run, execution, role);
  return state === 'open' ? undefined : { kind: state };
}

async function openCall(
  tx: Transaction,
  deps: RunDeps,
  scope: LoadedScope,
  fenced: FencedTry,
  found: TryMark | undefined,
): Promise<BegunTry> {
  const { run, step, key } = fenced;
  const isMine = found?.fence === fenced.fence;
  const lost = isMine ? undefined : found;
  const refuse = async (failure: Failure): Promise<BegunTry> => {
    if (!isMine) await writeFence(tx, fenced, deadlineOf(run, key.role), 0, lost);
    const known = isMine ? { ...fenced, holdId: found.hold_id } : fenced;
    return replied((await recordTryEnd(tx, known, { failure, hold: { kind: 'release' } }))!);
  };
  const prepared = prepareCall(deps.skills, step.spec, key.role, scope);
  if (prepared.kind === 'skip') return replied(await recordSkip(tx, run, step));
  const remainingMs = remainingMsOf(run, key.role);
  if (lost) {
    const known = { ...fenced, fence: lost.fence, holdId: lost.hold_id };
    const repeatable =
      prepared.kind === 'call' &&
      ((key.role !== 'compensate' && step.spec.idempotent === true) ||
        prepared.skill.isIdempotent(prepared.params));
    if (!repeatable || remainingMs <= 0) {
      const failure = repeatable
        ? deadlineExceeded(run, key.role)
        : effectUnknown(step.id, effectKeyOf(key));
      return replied((await recordTryEnd(tx, known, { failure, hold: { kind: 'presume' } }))!);
    }
  }
  if (prepared.kind === 'failure') return refuse(prepared.failure);
  if (remainingMs <= 0) return refuse(deadlineExceeded(run, key.role));

  const { skill, params, secretTokens } = prepared;
  const timeoutMs = Math.min(timeoutMsOf(fenced, skill, params), remainingMs);
  const effectKey = effectKeyOf(key);
  const call = {
    ...fenced,
    skill,
    params,
    secretTokens,
    effectKey,
    timeoutMs,
    begunAtMs: Date.now(),
  };
  if (isMine) return { kind: 'call', call: { ...call, holdId: found.hold_id } };

  const deadlineAt = new Date(Date.now() + timeoutMs);
  const hold = await holdForTry(tx, deps, scope, { ...call, deadlineAt }, lost);
  switch (hold.kind) {
    case 'refused':
      return refuse(hold.failure);
    case 'busy':
      // Not under the caller's fence: should this commit go unanswered, its repeat is to ask for the money again.
      if (lost) {
        const waiting = { execution: run.execution, fence: uuidv7(), holdId: null, deadlineAt };
        await fenceTry(tx, key, waiting);
      }
      return replied({ kind: 'busy' });
    case 'held': {
      const { holdId, heldMicroCents } = hold;
      await writeFence(tx, { ...fenced, holdId }, deadlineAt, heldMicroCents, lost);
      return { kind: 'call', call: { ...call, holdId } };
    }
  }
}

/** The step's own wish, the params' or the skill's; a compensation has no wish of its own but in its params. */
function timeoutMsOf({ step, key }: FencedTry, skill: Skill, params: JsonObject): number {
  const { timeout } = skill.contract;
  const own = key.role === 'compensate' ? undefined : step.spec.timeout_ms;
  return Math.min(own ?? skill.timeoutMs(params) ?? timeout.default_ms, timeout.max_ms);
}

async function writeFence(
  tx: Transaction,
  { run, step, key, fence, holdId }: FencedTry,
  deadlineAt: Date,
  heldMicroCents: number,
  lost: TryMark | undefined,
): Promise<void> {
  const fencing = { execution: run.execution, fence, holdId, deadlineAt };
  const data = { role: key.role, try: key.number, held_cents: centsFromMicroCents(heldMicroCents) };
  const { skill } = callOf(step.spec, key.role);
  const event: NewEvent = { type: 'step.started', stepId: key.stepId, data, skill };
  if (!lost) return startTry(tx, key, fencing, event);
  await fenceTry(tx, key, fencing);
  await appendEvents(tx, run.id, [event]);
}
