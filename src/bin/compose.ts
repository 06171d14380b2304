import { availableParallelism } from 'node:os';
import type { Config } from '../config.ts';
import type { RunDeps } from '../runs/deps.ts';
import { createEgressGuard } from '../skills/egress.ts';
import { createFsRead } from '../skills/fs-read.ts';
import { createFsWrite } from '../skills/fs-write.ts';
import { createHttpCall } from '../skills/http-call.ts';
import { createJsonTransform } from '../skills/json-transform.ts';
import { createRegistry } from '../skills/registry.ts';
import { createTransformPool } from '../skills/transform/pool.ts';
import { createWorkspace } from '../skills/workspace.ts';
import { createPool } from '../storage/pool.ts';
import { createWakeupSender } from '../storage/wakeups.ts';
import { createLogger } from '../telemetry/logger.ts';

export interface Composed {
  deps: RunDeps;
  stop: () => Promise<void>;
}

/** Builds what an api and a worker have in common: the skills and what acts on runs. */
export function composeRuns(
  config: Config,
  databaseUrl: string,
  service: string,
  connectionsMax: number,
): Composed {
  const logger = createLogger(config.logLevel, service);
  const pool = createPool({
    url: databaseUrl,
    connectionsMax,
    onError: (error) => logger.warn('postgres.connection_lost', { reason: error.message }),
  });
  const transforms = createTransformPool({
    slowThreads: Math.max(1, Math.min(2, availableParallelism())),
  });
  const workspace = createWorkspace({ root: config.workspaceDir });
  const skills = createRegistry([
    createHttpCall({
      egress: createEgressGuard({ allow: config.egressAllow }),
      prices: config.httpPrices,
    }),
    createJsonTransform({ pool: transforms }),
    createFsRead({ workspace }),
    createFsWrite({ workspace }),
  ]);
  return {
    deps: {
      pool,
      skills,
      priceTableVersion: config.httpPrices.version,
      wakeups: createWakeupSender(pool),
      logger,
    },
    stop: async () => {
      await transforms.stop();
      await pool.end();
    },
  };
}
