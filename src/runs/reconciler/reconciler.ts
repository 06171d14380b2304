import { adoptEngine } from './adopt-engine.ts';
import { expireHolds } from './expire-holds.ts';
import { closeOverdueRuns, reconcileRuns } from './reconcile-runs.ts';
import type { ReconcileDeps } from './reconcile-runs.ts';

export interface Reconciler {
  stop(): Promise<void>;
}

const PASS_MS = 1_000;

/**
 * Compares Postgres with Temporal once a second. Every worker runs one: each mend is guarded by the row it changes,
 * so there is no leader.
 */
export function startReconciler(deps: ReconcileDeps, mayAdopt: boolean): Reconciler {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let wake = () => {};

  const pass = async () => {
    await closeOverdueRuns(deps);
    if (!(await adoptEngine(deps, mayAdopt))) return;
    await reconcileRuns(deps);
    await expireHolds(deps);
  };
  const loop = async () => {
    while (!stopped) {
      // An outage of Postgres or Temporal ends one pass; the next one looks again.
      await pass().catch((error: unknown) =>
        deps.logger.warn('reconciler.pass_failed', { reason: String(error) }),
      );
      if (stopped) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
        timer = setTimeout(resolve, PASS_MS);
      });
    }
  };
  const running = loop();
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      wake();
      await running;
    },
  };
}
