import { readEngineNamespace, writeEngineNamespace } from '../../storage/engine.ts';
import { checkAllOpenRunsNow } from '../../storage/runs.ts';
import type { Engine } from '../../temporal/engine.ts';
import type { RunDeps } from '../deps.ts';

/**
 * Whether this Temporal is the one that the database belongs with. Another namespace id means that its store was
 * replaced: `mayAdopt` takes it over, and every open run is then started again from Postgres. Otherwise it may just
 * as well be a wrong address, so nothing is touched.
 */
export async function adoptEngine(
  { pool, engine, logger, metrics }: RunDeps & { engine: Engine },
  mayAdopt: boolean,
): Promise<boolean> {
  const [known, actual] = await Promise.all([readEngineNamespace(pool), engine.namespaceId()]);
  if (known === actual) return true;
  if (known !== undefined && !mayAdopt) {
    logger.warn('engine.unknown', {
      known,
      actual,
      fix: 'Check TEMPORAL_ADDRESS, or set AOS_ENGINE_REPLACED=1.',
    });
    return false;
  }
  await writeEngineNamespace(pool, actual);
  if (known !== undefined) {
    const runs = await checkAllOpenRunsNow(pool);
    metrics.mended('engine_replaced');
    logger.warn('engine.replaced', { known, actual, open_runs: runs });
  }
  return true;
}
