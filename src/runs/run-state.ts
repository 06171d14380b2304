import type { RunRow } from '../storage/runs.ts';

export const isOpen = (run: Pick<RunRow, 'status'>): boolean =>
  run.status === 'queued' || run.status === 'running';

/** What an execution may still do with its run. */
export function stateOf(run: RunRow, execution: number): 'open' | 'closed' | 'cancelled' {
  if (!isOpen(run) || run.execution !== execution) return 'closed';
  return run.cancel_requested_at === null ? 'open' : 'cancelled';
}
