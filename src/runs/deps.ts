import type { Metrics } from '../telemetry/instruments.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Cipher } from '../secrets/cipher.ts';
import type { EgressGuard } from '../skills/egress.ts';
import type { SkillRegistry } from '../skills/registry.ts';
import type { Pool } from '../storage/pool.ts';

/** What everything that acts on a run needs. */
export interface RunDeps {
  pool: Pool;
  skills: SkillRegistry;
  /** Stored with every estimate, hold and settlement. */
  priceTableVersion: string;
  /** Seals what nobody may read in Postgres. */
  cipher: Cipher;
  /** Everything that goes outside passes it. */
  egress: EgressGuard;
  logger: Logger;
  metrics: Metrics;
}
