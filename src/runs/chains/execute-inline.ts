import type { ExecuteInline, InlineReply } from '../../contracts/activities.ts';
import type { Json } from '../../contracts/json.ts';
import { insertArtifact } from '../../storage/artifacts.ts';
import { appendEvents } from '../../storage/events.ts';
import type { NewEvent } from '../../storage/events.ts';
import { withTransaction } from '../../storage/pool.ts';
import type { Transaction } from '../../storage/pool.ts';
import { readChainSource } from '../../storage/chains.ts';
import { clearFruitless, lockRun, markRunStarted } from '../../storage/runs.ts';
import type { RunRow } from '../../storage/runs.ts';
import { recordInlineEnds } from '../../storage/steps.ts';
import { closeLockedRun } from '../close-run.ts';
import { computeChain } from './compute-chain.ts';
import type { ComputedStep } from './compute-chain.ts';
import type { RunDeps } from '../deps.ts';
import { queueSecondsOf, secondsSince } from '../elapsed.ts';
import { endingOf } from '../outputs.ts';
import { stateOf } from '../run-state.ts';

/**
 * Computes a chain of inline steps and records it in one transaction, with the end of the run when the chain was all
 * that was left. The steps are pure and free, so a chain that was lost is simply computed again.
 */
export async function executeInline(deps: RunDeps, request: ExecuteInline): Promise<InlineReply> {
  const { pool } = deps;
  const source = await readChainSource(pool, request.run_id);
  if (!source) return { outcomes: [], deferred: [], stop: 'closed' };
  const { run, steps } = source;
  const state = stateOf(run, request.execution);
  if (state !== 'open') return { outcomes: [], deferred: [], stop: state };

  const input = JSON.parse(source.input ?? 'null') as Json;
  const chain = await computeChain(deps, run, steps, input, request);
  return withTransaction(pool, async (tx) => {
    const locked = (await lockRun(tx, run.id))!;
    const lockedState = stateOf(locked, request.execution);
    if (lockedState !== 'open') return { outcomes: [], deferred: [], stop: lockedState };
    const written = await recordChain(tx, locked, chain.computed);
    const recorded = chain.computed.filter(({ step }) => written.has(step.id));
    const outcomes = [
      ...chain.standing,
      ...recorded.map(({ step, status, failure }) => ({
        step_id: step.id,
        status,
        ...(failure && { code: failure.code }),
      })),
    ];
    // A step that somebody else has begun meanwhile is theirs: its outcome is asked for by a try.
    const taken = chain.computed
      .filter(({ step }) => !written.has(step.id))
      .map(({ step }) => step.id);
    const deferred = [...chain.deferred, ...taken];
    const isLast =
      request.done.length + outcomes.length === steps.length && recorded.every(hasGoneWell);
    const end = isLast ? await closeLockedRun(tx, locked, { kind: 'done' }) : undefined;
    return { outcomes, deferred, ...(end && { end }) };
  });
}

const hasGoneWell = ({ status }: ComputedStep): boolean => status !== 'failed';

/** Answers the ids of the steps that it has written. */
async function recordChain(
  tx: Transaction,
  run: RunRow,
  computed: readonly ComputedStep[],
): Promise<Set<string>> {
  const begins =
    run.status === 'queued' && (await markRunStarted(tx, run.id, computed[0]?.startedAt));
  for (const { output } of computed)
    if (output?.artifact) await insertArtifact(tx, output.artifact);
  const written = await recordInlineEnds(
    tx,
    run.id,
    computed.map(({ step, status, output, failure, startedAt }) => ({
      id: step.id,
      startedAt,
      ...endingOf(status, output, failure),
    })),
  );
  const recorded = computed.filter(({ step }) => written.has(step.id));
  if (recorded.length > 0 && run.fruitless_executions > 0) await clearFruitless(tx, run.id);
  const started: NewEvent = { type: 'run.started', seconds: queueSecondsOf(run) };
  const ended = recorded.map(({ step, status, failure, startedAt }): NewEvent => ({
    type: `step.${status}`,
    stepId: step.id,
    skill: step.skill,
    seconds: secondsSince(startedAt),
    data: { inline: true, ...(failure && { failure }) },
  }));
  await appendEvents(tx, run.id, begins ? [started, ...ended] : ended);
  return written;
}
