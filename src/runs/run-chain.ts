import type { ExecuteInline, InlineReply } from '../contracts/activities.ts';
import type { Json } from '../contracts/json.ts';
import { insertArtifact } from '../storage/artifacts.ts';
import { appendEvents } from '../storage/events.ts';
import { withTransaction } from '../storage/pool.ts';
import type { Transaction } from '../storage/pool.ts';
import { clearFruitless, lockRun, markRunStarted, readRun, readRunInput } from '../storage/runs.ts';
import type { RunRow } from '../storage/runs.ts';
import { listStepsWithSpec, recordInlineEnds } from '../storage/steps.ts';
import { closeLockedRun } from './close-run.ts';
import { computeChain } from './compute-chain.ts';
import type { ComputedStep } from './compute-chain.ts';
import type { RunDeps } from './deps.ts';
import { stateOf } from './run-state.ts';

/**
 * Computes a chain of inline steps and records it in one transaction, with the end of the run when the chain was all
 * that was left. The steps are pure and free, so a chain that was lost is simply computed again.
 */
export async function runChain(deps: RunDeps, request: ExecuteInline): Promise<InlineReply> {
  const { pool } = deps;
  const [run, steps, inputJson] = await Promise.all([
    readRun(pool, request.run_id),
    listStepsWithSpec(pool, request.run_id),
    readRunInput(pool, request.run_id),
  ]);
  if (!run) return { outcomes: [], deferred: [], stop: 'closed' };
  const state = stateOf(run, request.execution);
  if (state !== 'open') return { outcomes: [], deferred: [], stop: state };

  const { computed, standing, deferred } = await computeChain(deps, run, steps, JSON.parse(inputJson) as Json, request);
  const outcomes = [
    ...standing,
    ...computed.map(({ step, status, failure }) => ({
      step_id: step.id,
      outcome: { kind: 'outcome' as const, status, ...(failure && { code: failure.code }) },
    })),
  ];
  const isLast = request.done.length + outcomes.length === steps.length && computed.every(hasGoneWell);
  return withTransaction(pool, async (tx) => {
    const locked = (await lockRun(tx, run.id))!;
    const lockedState = stateOf(locked, request.execution);
    if (lockedState !== 'open') return { outcomes: [], deferred: [], stop: lockedState };
    await recordChain(tx, locked, computed);
    const end = isLast ? await closeLockedRun(tx, locked, { kind: 'done' }) : undefined;
    return { outcomes, deferred, ...(end && { end }) };
  });
}

const hasGoneWell = ({ status }: ComputedStep): boolean => status !== 'failed';

async function recordChain(tx: Transaction, run: RunRow, computed: readonly ComputedStep[]): Promise<void> {
  if (await markRunStarted(tx, run.id)) await appendEvents(tx, run.id, [{ type: 'run.started' }]);
  for (const { output } of computed) if (output?.artifact) await insertArtifact(tx, output.artifact);
  const written = await recordInlineEnds(
    tx,
    run.id,
    computed.map(({ step, status, output, failure, startedAt }) => ({
      id: step.id,
      status,
      startedAt,
      ...(output && { outputBytes: output.bytes }),
      ...(output?.text !== undefined && { output: output.text }),
      ...(output?.artifact && { artifactId: output.artifact.id }),
      ...(failure && { failure }),
    })),
  );
  const recorded = computed.filter(({ step }) => written.has(step.id));
  if (recorded.length > 0) await clearFruitless(tx, run.id);
  await appendEvents(
    tx,
    run.id,
    recorded.map(({ step, status, failure }) => ({
      type: `step.${status}` as const,
      stepId: step.id,
      data: { inline: true, ...(failure && { failure }) },
    })),
  );
}
