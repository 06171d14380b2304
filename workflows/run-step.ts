import { condition } from '@temporalio/workflow';
import type { SkeletonStep, TryAddress } from '../src/contracts/activities.ts';
import { callTry } from './call-try.ts';
import type { Cancellation } from './cancel.ts';
import { isLeaving, noteClosed, noteReply, noteStatus } from './progress.ts';
import type { Place, Progress } from './progress.ts';

const BUSY_PAUSE_MS = 1_000;
const BUSY_PAUSE_MAX_MS = 60_000;

/**
 * Runs one effectful step: its tries, the pauses between them, its fallback. Ends when the step does, the run stops,
 * or the next history takes over.
 */
export async function runStep(
  progress: Progress,
  step: SkeletonStep,
  cancellation: Cancellation,
): Promise<void> {
  const { run_id, execution, deadline_at_ms } = progress.input;
  let place: Place = progress.places.get(step.id) ?? { role: 'main', try: 1 };
  let busyPauseMs = BUSY_PAUSE_MS;
  for (;;) {
    progress.places.set(step.id, place);
    if (place.untilMs !== undefined) await pauseUntil(progress, place.untilMs);
    if (isLeaving(progress)) return;
    const { role, try: number } = place;
    const address: TryAddress = { run_id, execution, step_id: step.id, role, try: number };
    progress.tries.set(step.id, address);
    const { replies } = progress;
    const reply = await callTry(address, step.skill, deadline_at_ms, cancellation.tries);
    if (reply.kind === 'busy') {
      const remainingMs = Math.max(deadline_at_ms - Date.now(), BUSY_PAUSE_MS);
      // What came back while the question was under way is asked for at once.
      if (progress.replies === replies)
        await waitForMoney(progress, step.id, Math.min(busyPauseMs, remainingMs));
      busyPauseMs = Math.min(busyPauseMs * 2, BUSY_PAUSE_MAX_MS);
      continue;
    }
    noteReply(progress);
    if (reply.kind === 'closed') noteClosed(progress);
    if (reply.kind === 'cancelled') await cancellation.request('Cancelled on request.');
    if (reply.kind !== 'outcome') return;

    const { next } = reply;
    if (next.kind === 'end') return noteStatus(progress, step.id, next.status);
    if (next.kind === 'fallback') place = { role: 'fallback', try: 1 };
    else place = { role, try: number + 1, untilMs: Date.now() + next.delayMs };
  }
}

async function pauseUntil(progress: Progress, untilMs: number): Promise<void> {
  const pauseMs = untilMs - Date.now();
  if (pauseMs > 0) await condition(() => isLeaving(progress), pauseMs);
}

/** Waits for its turn among those who wait, or for a while. */
async function waitForMoney(progress: Progress, stepId: string, pauseMs: number): Promise<void> {
  progress.waiting.add(stepId);
  await condition(() => !progress.waiting.has(stepId) || isLeaving(progress), pauseMs);
  progress.waiting.delete(stepId);
}
