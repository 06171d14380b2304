import { adoptPlan } from './activities.ts';
import type { Cancellation } from './cancel.ts';
import { noteClosed, noteSteps } from './progress.ts';
import type { Progress } from './progress.ts';

/** Goes on with the plan that the first step has made, as with any other. */
export async function takeOverPlan(progress: Progress, cancellation: Cancellation): Promise<void> {
  const { run_id, execution } = progress.input;
  const reply = await adoptPlan({ run_id, execution });
  switch (reply.kind) {
    case 'adopted':
      return noteSteps(progress, reply);
    case 'ended':
      progress.end = reply.end;
      return;
    case 'cancelled':
      return cancellation.request('Cancelled on request.');
    case 'closed':
      return noteClosed(progress);
  }
}
