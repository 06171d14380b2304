import { Context } from '@temporalio/activity';
import { uuidv7 } from 'uuidv7';
import type { TryAddress, TryReply } from '../src/contracts/activities.ts';
import type { SkillResult, SkillUsage } from '../src/contracts/skill.ts';
import { beginTry } from '../src/runs/tries/begin-try.ts';
import type { BegunCall } from '../src/runs/tries/begin-try.ts';
import type { RunDeps } from '../src/runs/deps.ts';
import { finishTry, OutcomeNotMine } from '../src/runs/tries/finish-try.ts';
import { remainingMsOf } from '../src/runs/run-state.ts';
import { toldOf } from '../src/runs/skill-failure.ts';
import { createTurns } from '../src/runs/tries/turns.ts';
import { openSecrets } from '../src/secrets/open-secrets.ts';
import { isCancelRecorded } from '../src/storage/runs.ts';
import { repeatInOutage } from '../src/storage/repeat-in-outage.ts';

const BEAT_MS = 1_000;
/** What skills say when their signal aborts, whoever aborted it. */
const STOPPED_CODES: ReadonlySet<string> = new Set(['CANCELLED', 'TIMEOUT']);

interface StoppedResult {
  stopped: true;
  usage: SkillUsage;
}

/** One try of one effectful step: begin, call, record. Only the call can be stopped. */
export const createExecuteStep = (deps: RunDeps) => {
  const turns = createTurns();
  return async (address: TryAddress): Promise<TryReply> => {
    const inTurn = <T>(work: () => Promise<T>) => turns.take(address.run_id, work);
    const context = Context.current();
    const beat = setInterval(() => context.heartbeat(), BEAT_MS);
    try {
      const fence = uuidv7();
      const begun = await repeatInOutage(
        () => inTurn(() => beginTry(deps, address, fence)),
        context.cancellationSignal,
      );
      if (begun.kind === 'reply') return begun.reply;
      const result = await callSkill(deps, begun.call, context.cancellationSignal);
      const end = 'stopped' in result ? await endOfStopped(deps, begun.call, result) : result;
      return await repeatInOutage(() => inTurn(() => finishTry(deps, begun.call, end)));
    } finally {
      clearInterval(beat);
    }
  };
};

/**
 * The skill with its time limit. What it throws is a fault of the skill, and an outcome all the same. `stopped`: the
 * engine took the call back before it had come to an end of its own.
 */
async function callSkill(
  deps: RunDeps,
  call: BegunCall,
  cancellation: AbortSignal,
): Promise<SkillResult | StoppedResult> {
  const { skill, params, secretTokens, effectKey, timeoutMs, run } = call;
  const ask = <T>(work: () => Promise<T>): Promise<T> => repeatInOutage(work, cancellation);
  const opened = await openSecrets({ ...deps, ask }, run.tenant_id, secretTokens);
  if (!opened.ok) return { ok: false, failure: opened.failure, usage: { cost_micro_cents: 0 } };
  const signal = AbortSignal.any([cancellation, AbortSignal.timeout(timeoutMs)]);
  try {
    const result = await skill.call({
      params,
      tenantId: run.tenant_id,
      effectKey,
      ...(run.traceparent !== null && { traceparent: run.traceparent }),
      ...(run.allowed_hosts !== null && { allowedHosts: run.allowed_hosts }),
      secrets: opened.secrets,
      signal,
      timeoutMs,
    });
    const { cost_micro_cents: cost } = result.usage;
    if (!Number.isSafeInteger(cost) || cost < 0)
      throw new RangeError(`a cost of ${cost} micro-cents`);
    if (result.ok || !STOPPED_CODES.has(result.failure.code)) return result;
    if (cancellation.aborted) return { stopped: true, usage: result.usage };
    return { ...result, failure: { ...result.failure, code: 'TIMEOUT' } };
  } catch (error) {
    deps.logger.error('skill.crashed', toldOf(call.step, error), {
      run_id: run.id,
      step_id: call.step.id,
      skill: skill.contract.id,
    });
    const message = `The skill \`${skill.contract.id}\` crashed; the log has the details under run ${run.id}.`;
    const usage = { cost_micro_cents: skill.worstCaseMicroCents(params) };
    return { ok: false, failure: { code: 'SKILL_CRASHED', message }, usage };
  }
}

/**
 * A call that was stopped is cancelled only if a cancel is recorded. Stopped for any other reason, as at a worker's
 * shutdown, it leaves no outcome: the engine calls the step again.
 */
async function endOfStopped(
  deps: RunDeps,
  call: BegunCall,
  { usage }: StoppedResult,
): Promise<SkillResult> {
  const { run, step, key } = call;
  const isOver = remainingMsOf(run, key.role) <= 0;
  const isCancelled = async () =>
    key.role !== 'compensate' && (await isCancelRecorded(deps.pool, run.id));
  if (!isOver && !(await repeatInOutage(isCancelled))) {
    throw new OutcomeNotMine(`step ${step.id}: the call was stopped without a recorded cancel`);
  }
  const failure = {
    code: 'CANCELLED' as const,
    message: 'The call was stopped, since its run was cancelled.',
  };
  return { ok: false, failure, usage };
}
