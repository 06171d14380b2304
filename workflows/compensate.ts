import { sleep } from '@temporalio/workflow';
import type { CompensationReply } from '../src/contracts/activities.ts';
import { beginCompensation } from './activities.ts';
import { callTry } from './call-try.ts';
import { goOnInNewHistory, isHistoryLong } from './new-history.ts';
import type { Progress } from './progress.ts';

type StepToUndo = Extract<CompensationReply, { kind: 'open' }>['steps'][number];

/**
 * Undoes the steps that have succeeded, one after the other, last done first. One that cannot be undone stops no other;
 * one that a late worker says has succeeded meanwhile is undone as well.
 */
export async function compensate(progress: Progress): Promise<void> {
  const { run_id, execution } = progress.input;
  const begun = new Set<string>();
  progress.isCompensating = true;
  progress.ended = 0;
  for (;;) {
    const reply = await beginCompensation({ run_id, execution });
    if (reply.kind === 'closed') progress.isClosed = true;
    const steps = reply.kind === 'open' ? reply.steps.filter(({ id }) => !begun.has(id)) : [];
    if (reply.kind === 'closed' || steps.length === 0) return;
    for (const step of steps) {
      if (isHistoryLong(progress)) await goOnInNewHistory(progress, { compensating: true });
      begun.add(step.id);
      await undoStep(progress, step, reply.deadline_at_ms);
      if (progress.isClosed) return;
      progress.ended += 1;
    }
  }
}

async function undoStep(
  progress: Progress,
  { id, skill, try: lastTry }: StepToUndo,
  deadlineAtMs: number,
): Promise<void> {
  const { run_id, execution } = progress.input;
  for (let number = Math.max(lastTry, 1); ; number++) {
    const address = { run_id, execution, step_id: id, role: 'compensate' as const, try: number };
    const reply = await callTry(address, skill, deadlineAtMs);
    if (reply.kind === 'closed') progress.isClosed = true;
    if (reply.kind !== 'outcome' || reply.next.kind !== 'retry') return;
    await sleep(reply.next.delayMs);
  }
}
