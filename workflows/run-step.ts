import { ActivityFailure, condition, isCancellation } from '@temporalio/workflow';
import type { SkeletonStep, TryAddress, TryReply } from '../src/contracts/activities.ts';
import { afterTry } from '../src/domain/after-try.ts';
import { abandonStep, executeStep } from './activities.ts';
import type { Cancellation } from './cancel.ts';
import { isStopping, noteStatus } from './progress.ts';
import type { Progress } from './progress.ts';

const BUSY_PAUSE_MS = 1_000;
const BUSY_PAUSE_MAX_MS = 60_000;

/** Runs one effectful step: its tries, the pauses between them, its fallback. Ends when the step does or the run stops. */
export async function runStep(
  progress: Progress,
  step: SkeletonStep,
  cancellation: Cancellation,
): Promise<void> {
  const { run_id, execution, deadline_at_ms } = progress.input;
  let { role, try: number } = progress.places.get(step.id) ?? { role: 'main' as const, try: 1 };
  let busyPauseMs = BUSY_PAUSE_MS;
  for (;;) {
    const address: TryAddress = { run_id, execution, step_id: step.id, role, try: number };
    progress.tries.set(step.id, address);
    const { replies } = progress;
    const reply = await callTry(progress, step, address, cancellation);
    if (reply.kind === 'busy') {
      const remainingMs = Math.max(deadline_at_ms - Date.now(), BUSY_PAUSE_MS);
      const pauseMs = Math.min(busyPauseMs, remainingMs);
      await condition(() => progress.replies > replies || isStopping(progress), pauseMs);
      busyPauseMs = Math.min(busyPauseMs * 2, BUSY_PAUSE_MAX_MS);
      if (isStopping(progress)) return;
      continue;
    }
    progress.replies += 1;
    if (reply.kind === 'closed') progress.isClosed = true;
    if (reply.kind === 'cancelled') await cancellation.request('Cancelled on request.');
    if (reply.kind !== 'outcome') return;

    const next = afterTry(step.policy, role, number, reply, deadline_at_ms - Date.now());
    if (next.kind === 'end') return noteStatus(progress, step.id, next.status);
    if (next.kind === 'retry') await condition(() => isStopping(progress), next.delayMs);
    if (isStopping(progress)) return;
    if (next.kind === 'retry') number += 1;
    else [role, number] = ['fallback', 1];
  }
}

/** The row decides: when the activity ends without a value, what stands in Postgres is the reply. */
async function callTry(
  progress: Progress,
  step: SkeletonStep,
  address: TryAddress,
  { tries }: Cancellation,
): Promise<TryReply> {
  try {
    return await tries.run(() => executeStep(address, step.skill, progress.input.deadline_at_ms));
  } catch (error) {
    if (!(error instanceof ActivityFailure) && !isCancellation(error)) throw error;
    return abandonStep(address);
  }
}
