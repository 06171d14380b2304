import { availableParallelism } from 'node:os';
import type { Config } from '../config.ts';
import type { RunDeps } from '../runs/deps.ts';
import { createRedisHints } from '../live/redis-hints.ts';
import { createPlanGoal } from '../runs/planning/plan-goal.ts';
import { createEgressGuard } from '../skills/egress.ts';
import { createEmailSend } from '../skills/email-send.ts';
import { createFsRead } from '../skills/fs-read.ts';
import { createFsWrite } from '../skills/fs-write.ts';
import { createHttpCall } from '../skills/http-call.ts';
import { createJsonTransform } from '../skills/json-transform.ts';
import { createLlmInvoke } from '../skills/llm-invoke.ts';
import { contractsOf, createRegistry } from '../skills/registry.ts';
import { createTransformPool } from '../skills/transform/pool.ts';
import { createWebhookSecretOf } from '../skills/webhook/secret.ts';
import { createWebhookSend } from '../skills/webhook-send.ts';
import { createWorkspace } from '../skills/workspace.ts';
import { createCipher } from '../secrets/cipher.ts';
import { createPool } from '../storage/pool.ts';
import { createWakeupSender, wakeReaders } from '../storage/wakeups.ts';
import { reportCommitted } from '../telemetry/committed-events.ts';
import { createMetrics } from '../telemetry/instruments.ts';
import { createLogger } from '../telemetry/logger.ts';
import { measureSkill } from '../telemetry/measured-skill.ts';

export interface Composed {
  deps: RunDeps;
  stop: () => Promise<void>;
}

/** Builds what an api and a worker have in common: the skills and what acts on runs. */
export function composeRuns(
  config: Config & { keyPepper: string; secretsKey: string },
  databaseUrl: string,
  service: 'api' | 'worker',
  connectionsMax: number,
): Composed {
  const logger = createLogger(config.logLevel, service);
  const metrics = createMetrics({ service, isSkill: (id) => skills.has(id) });
  const report = reportCommitted({ metrics, logger });
  const redis = createRedisHints(config.redisUrl, logger);
  const pool = createPool({
    url: databaseUrl,
    connectionsMax,
    namedStatements: config.namedStatements,
    onError: (error) => logger.warn('postgres.connection_lost', { reason: error.message }),
    onCommitted: (events) => {
      report(events);
      wakeReaders(wakeups, events);
    },
  });
  const wakeups = createWakeupSender(pool, redis.publish);
  const transforms = createTransformPool({
    slowThreads: Math.max(1, Math.min(2, availableParallelism())),
  });
  const workspace = createWorkspace({ root: config.workspaceDir });
  const egress = createEgressGuard({ allow: config.egressAllow });
  const llm = createLlmInvoke({ settings: config.llm, egress });
  const made = [
    createHttpCall({ egress, prices: config.httpPrices }),
    createJsonTransform({ pool: transforms }),
    createFsRead({ workspace }),
    createFsWrite({ workspace }),
    createEmailSend({ email: config.email }),
    llm,
    createPlanGoal({ llm, contracts: () => contractsOf(skills) }),
    createWebhookSend({
      egress,
      prices: config.httpPrices,
      secretOf: createWebhookSecretOf(config.keyPepper),
    }),
  ];
  const skills = createRegistry(made.map((skill) => measureSkill(skill, metrics)));
  return {
    deps: {
      pool,
      skills,
      priceTableVersion: `${config.httpPrices.version}+${config.llm.prices.version}`,
      cipher: createCipher(config.secretsKey),
      egress,
      logger,
      metrics,
    },
    stop: async () => {
      await transforms.stop();
      await redis.stop();
      await pool.end();
    },
  };
}
