import { LRUCache } from 'lru-cache';
import {
  OBSERVED_CACHE_MS,
  OBSERVED_CALLS_PER_RUN_MAX,
  OBSERVED_RUNS_MAX,
  OBSERVED_TENANTS_MAX,
} from '../contracts/limits.ts';
import type { SkillContract } from '../contracts/skill.ts';
import { contractsOf } from '../skills/registry.ts';
import type { SkillRegistry } from '../skills/registry.ts';
import { listObservations } from '../storage/observations.ts';
import type { Pool } from '../storage/pool.ts';
import { measureSkill } from './measure-skill.ts';

export interface MeasuredContract {
  contract: SkillContract;
  /** A MeasuredSkill as the bytes of its JSON, made once for all that ask. */
  measuredJson: Buffer;
}

/** The skills as a tenant's newest runs show them; for ten seconds the same, since to count them takes a while. */
export type MeasuredSkills = (tenantId: string) => Promise<readonly MeasuredContract[]>;

export function createMeasuredSkills(deps: { pool: Pool; skills: SkillRegistry }): MeasuredSkills {
  const contracts = [...contractsOf(deps.skills).values()];
  const cache = new LRUCache<string, MeasuredContract[]>({
    max: OBSERVED_TENANTS_MAX,
    ttl: OBSERVED_CACHE_MS,
    async fetchMethod(tenantId) {
      const rows = await listObservations(deps.pool, tenantId, {
        runs: OBSERVED_RUNS_MAX,
        callsPerRun: OBSERVED_CALLS_PER_RUN_MAX,
      });
      const bySkill = new Map(rows.map((row) => [row.skill, row]));
      return contracts.map((contract) => {
        const measured = measureSkill(contract, bySkill.get(contract.id));
        return { contract, measuredJson: Buffer.from(JSON.stringify(measured)) };
      });
    },
  });
  return async (tenantId) => (await cache.fetch(tenantId))!;
}
