import type { StepRole } from '../contracts/activities.ts';
import type { RunState } from '../storage/runs.ts';

export const isOpen = (run: Pick<RunState, 'status'>): boolean =>
  run.status === 'queued' || run.status === 'running';

/** What an execution may still do with its run: once it undoes its steps, that alone. */
export function stateOf(
  run: RunState,
  execution: number,
  role: StepRole = 'main',
): 'open' | 'closed' | 'cancelled' {
  if (!isOpen(run) || run.execution !== execution) return 'closed';
  if (role === 'compensate') return run.compensate_until === null ? 'closed' : 'open';
  if (run.compensate_until !== null) return 'closed';
  return run.cancel_requested_at === null ? 'open' : 'cancelled';
}

/** Until when a call in this role may take. */
export const deadlineOf = (run: RunState, role: StepRole): Date =>
  role === 'compensate' && run.compensate_until !== null ? run.compensate_until : run.deadline_at;

export const remainingMsOf = (run: RunState, role: StepRole): number =>
  deadlineOf(run, role).getTime() - Date.now();
