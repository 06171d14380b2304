import type { RunRow } from '../storage/runs.ts';

/** Seconds from a moment until now. The clocks of two machines may differ by more than that, so never below 0. */
export const secondsSince = (moment: Date | number): number =>
  Math.max(0, Date.now() - Number(moment)) / 1000;

/** How long a run that starts now has waited for it; undefined when it had started before, in another execution. */
export const queueSecondsOf = (run: RunRow): number | undefined =>
  run.started_at === null ? secondsSince(run.created_at) : undefined;
