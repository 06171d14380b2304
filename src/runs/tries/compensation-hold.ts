import type { Json, JsonObject } from '../../contracts/json.ts';
import { RESOLVED_PARAMS_BYTES_MAX } from '../../contracts/limits.ts';
import type { Balances } from '../../domain/balances.ts';
import { resolveReferences } from '../../domain/plan/references.ts';
import type { SkillRegistry } from '../../skills/registry.ts';
import { findCompensationHold, renewHold } from '../../storage/holds.ts';
import { releaseHold } from '../../storage/ledger.ts';
import type { Transaction } from '../../storage/pool.ts';
import type { StepRowWithSpec } from '../../storage/steps.ts';
import { budgetExceeded } from '../failures.ts';
import { entryOf, placeTryHold } from './fenced-try.ts';
import type { FencedTry, HoldReply } from './fenced-try.ts';
import type { LoadedScope } from './load-scope.ts';

/**
 * The money of a compensation: held with its step, so that what was begun can be undone, and kept until the
 * compensation settles it or the run closes. It never expires, and never makes another step wait.
 */

/** The fence of a hold that waits: no worker has begun to call. */
const WAITING = 'waiting';

/** What the entries of a waiting hold are named by: the compensation's first try, before anybody has begun it. */
const waitingOf = (call: FencedTry): FencedTry => ({
  ...call,
  key: { ...call.key, role: 'compensate', number: 1 },
  fence: WAITING,
});

/** The worst case of what undoes a step, as far as its params are known before the step itself has run; in micro-cents. */
export function worstCaseOfCompensation(
  skills: SkillRegistry,
  { spec, compensation }: StepRowWithSpec,
  scope: LoadedScope,
): number {
  const skill = spec.compensate && skills.get(spec.compensate.skill);
  if (!skill || compensation !== 'ready') return 0;
  const known = Object.entries(spec.compensate!.params).map(([key, value]): [string, Json] => {
    const resolved = resolveReferences(value, scope, RESOLVED_PARAMS_BYTES_MAX);
    return [key, resolved.ok ? resolved.value : value];
  });
  const params = Object.fromEntries(known);
  const parsed = skill.contract.params.safeParse(params);
  return skill.worstCaseMicroCents(parsed.success ? (parsed.data as JsonObject) : params);
}

/** Holds the worst case until the step is undone or the run closes; once for all tries. Answers what refuses it. */
export async function reserveCompensation(
  tx: Transaction,
  call: FencedTry,
  worstMicroCents: number,
): Promise<Balances | undefined> {
  const placed = await placeTryHold(tx, waitingOf(call), worstMicroCents, null);
  return placed.ok ? undefined : placed.balances;
}

/** Gives the money back when there will be nothing to undo. */
export async function releaseCompensation(tx: Transaction, call: FencedTry): Promise<void> {
  const { run, step } = call;
  if (step.compensation !== 'ready') return;
  const waiting = await findCompensationHold(tx, run.id, step.id);
  if (!waiting) return;
  await releaseHold(tx, entryOf(waitingOf(call), waiting.id, 'release'));
}

/** Takes over the hold that waits, if it is large enough; else gives it back for one that is, if that fits. */
export async function takeCompensationHold(
  tx: Transaction,
  call: FencedTry,
  worstMicroCents: number,
): Promise<HoldReply> {
  const { run, step, fence } = call;
  const waiting = await findCompensationHold(tx, run.id, step.id);
  if (waiting && waiting.amountMicroCents >= worstMicroCents) {
    await renewHold(tx, waiting.id, fence, null);
    return { kind: 'held', holdId: waiting.id, heldMicroCents: 0 };
  }
  if (waiting) await releaseHold(tx, entryOf(call, waiting.id, 'release'));
  if (worstMicroCents === 0) return { kind: 'held', holdId: null, heldMicroCents: 0 };
  const placed = await placeTryHold(tx, call, worstMicroCents, null);
  if (placed.ok) return { kind: 'held', holdId: placed.holdId, heldMicroCents: worstMicroCents };
  return {
    kind: 'refused',
    failure: budgetExceeded(run.account_id, worstMicroCents, placed.balances),
  };
}
