import type { SkeletonStep } from '../src/contracts/activities.ts';
import { executeInline } from './activities.ts';
import type { Cancellation } from './cancel.ts';
import { doneIds, noteClosed, noteReply, noteStatus } from './progress.ts';
import type { Progress } from './progress.ts';

/** Runs a chain of inline steps in one local activity and folds what it recorded. */
export async function runChain(
  progress: Progress,
  ready: readonly SkeletonStep[],
  cancellation: Cancellation,
): Promise<void> {
  const { run_id, execution } = progress.input;
  const reply = await executeInline({
    run_id,
    execution,
    done: doneIds(progress),
    ready: ready.map((step) => step.id),
  });
  noteReply(progress);
  if (reply.stop === 'closed') noteClosed(progress);
  if (reply.stop === 'cancelled') await cancellation.request('Cancelled on request.');
  for (const { step_id, status } of reply.outcomes) noteStatus(progress, step_id, status);
  for (const id of reply.deferred) progress.deferred.add(id);
  if (reply.end) progress.end = reply.end;
}
