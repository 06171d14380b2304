import { HOLD_GRACE_MS } from '../../contracts/limits.ts';
import { entryKeyOf } from '../../domain/effect-keys.ts';
import { isHoldExpired, listExpiredHolds, prolongHold } from '../../storage/holds.ts';
import type { Hold } from '../../storage/holds.ts';
import { releaseHold } from '../../storage/ledger.ts';
import { withTransaction } from '../../storage/pool.ts';
import { lockRun, readRun } from '../../storage/runs.ts';
import type { Engine } from '../../temporal/engine.ts';
import type { RunDeps } from '../deps.ts';

const HOLDS_PER_PASS = 50;

/** Ends the holds of steps whose time is over and of which the engine knows no live try. Answers how many. */
export async function expireHolds(deps: RunDeps & { engine: Engine }): Promise<number> {
  let expired = 0;
  for (const hold of await listExpiredHolds(deps.pool, HOLDS_PER_PASS)) {
    try {
      if (!(await expireUnlessAlive(deps, hold))) continue;
      expired += 1;
      deps.metrics.mended('hold_expired');
    } catch (error) {
      deps.metrics.mended('failed');
      deps.logger.error('hold.expiry_failed', error, { run_id: hold.runId, hold_id: hold.id });
    }
  }
  return expired;
}

async function expireUnlessAlive(deps: RunDeps & { engine: Engine }, hold: Hold): Promise<boolean> {
  const { pool, engine } = deps;
  const run = await readRun(pool, hold.runId);
  if (!run) return false;
  if (await engine.isTryAlive(run.id, run.execution, hold.stepId!, hold.role!, hold.try!)) {
    // Looked at again later, so that a live one does not stand in the way of others.
    await prolongHold(pool, hold.id, hold.fence!, new Date(Date.now() + HOLD_GRACE_MS));
    return false;
  }
  return expire(deps, hold);
}

/** The run's lock and the fence keep out an activity that has begun again since the hold was listed. */
async function expire({ pool, logger }: RunDeps, hold: Hold): Promise<boolean> {
  return withTransaction(pool, async (tx) => {
    const run = await lockRun(tx, hold.runId);
    if (!run || !(await isHoldExpired(tx, hold.id, hold.fence!))) return false;
    const address = {
      runId: hold.runId,
      stepId: hold.stepId!,
      generation: hold.generation!,
      role: hold.role!,
      number: hold.try!,
    };
    const subject = {
      runId: run.id,
      execution: run.execution,
      stepId: hold.stepId!,
      try: hold.try!,
      actor: 'reconciler',
    };
    logger.warn('hold.expired', { run_id: run.id, step_id: hold.stepId, hold_id: hold.id });
    return releaseHold(
      tx,
      { holdId: hold.id, key: entryKeyOf(address, hold.fence!, 'expire'), subject },
      'expire',
    );
  });
}
