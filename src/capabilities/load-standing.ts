import { unknownAgent } from '../agents/failures.ts';
import { budgetsOf } from '../account/load-budgets.ts';
import type { Budget } from '../contracts/budget.ts';
import type { Concurrency, RateStanding } from '../contracts/capabilities.ts';
import { BUDGET_PERIODS } from '../contracts/budget.ts';
import type { Problem } from '../contracts/failures.ts';
import type { Rate, RateLimiter } from '../rates/rate-limiter.ts';
import { agentSubject } from '../rates/subjects.ts';
import { agentAccountId } from '../storage/agents.ts';
import { ancestorIdsOf } from '../storage/ancestors.ts';
import type { AgentRow } from '../storage/agents.ts';
import type { ApiKey } from '../storage/api-keys.ts';
import type { Pool } from '../storage/pool.ts';
import { readAgentStanding, readTenantStanding } from '../storage/standing.ts';
import { share } from '../storage/together.ts';

/** Who asks, about whom. */
export interface Asker {
  key: ApiKey;
  /** Where the key stands, the request itself counted. */
  rate: Rate;
  agentId: string | null;
  at: Date;
}

/** What a key, and the agent that is asked about, may use now. */
export interface Standing {
  agentId: string | null;
  agent: AgentRow | undefined;
  agentsRequired: boolean;
  budgets: Budget[];
  rates: RateStanding[];
  concurrency: Concurrency;
  warnings: Problem[];
}

interface AskedTenant {
  tenantId: string;
  accountIds: readonly string[];
}

type AskedAgent = AskedTenant & { agentId: string };

type LoadStanding = (asker: Asker) => Promise<Standing>;

/** Reads all of it in one statement, or two when there is no such agent; requests of one turn that ask alike share it. */
export function createLoadStanding({
  pool,
  rates,
}: {
  pool: Pool;
  rates: RateLimiter;
}): LoadStanding {
  const readTenant = share(JSON.stringify, ({ tenantId, accountIds }: AskedTenant) =>
    readTenantStanding(pool, tenantId, accountIds),
  );
  const readAgent = share(JSON.stringify, ({ tenantId, agentId, accountIds }: AskedAgent) =>
    readAgentStanding(pool, tenantId, agentId, accountIds),
  );
  return async ({ key, rate, agentId, at }) => {
    const tenantId = key.tenant_id;
    const ofAgent =
      agentId === null
        ? undefined
        : await readAgent({ tenantId, agentId, accountIds: accountIdsOf(key, agentId, at) });
    const { agentsRequired, openRuns, accounts } =
      ofAgent ?? (await readTenant({ tenantId, accountIds: ancestorIdsOf(key, undefined, at) }));
    const agent = ofAgent?.agent;
    return {
      agentId,
      agent,
      agentsRequired,
      budgets: budgetsOf(key, agent, accounts, at),
      rates: [viewRate('key', 'requests', rate), ...(await ratesOfAgent(rates, agent))],
      concurrency: concurrencyOf(agent, openRuns),
      warnings: agentId === null || agent ? [] : [unknownAgent('?agent_id', agentId)],
    };
  };
}

/** Its account is looked for under each period, since the agent is read with it. */
const accountIdsOf = (key: ApiKey, agentId: string, at: Date): string[] => [
  ...BUDGET_PERIODS.map((period) => agentAccountId({ id: agentId, budget_period: period }, at)),
  ...ancestorIdsOf(key, undefined, at),
];

/** An agent's own rate counts what is submitted for it. */
async function ratesOfAgent(
  rates: RateLimiter,
  agent: AgentRow | undefined,
): Promise<RateStanding[]> {
  const perMinute = agent?.rate_limit_per_minute ?? null;
  if (!agent || perMinute === null) return [];
  return [viewRate('agent', 'submissions', await rates.look(agentSubject(agent.id), perMinute))];
}

const viewRate = (
  level: RateStanding['level'],
  counts: RateStanding['counts'],
  { perMinute, remaining, resetMs }: Rate,
): RateStanding => ({
  level,
  counts,
  limit_per_minute: perMinute,
  remaining,
  resets_in_ms: resetMs,
});

function concurrencyOf(agent: AgentRow | undefined, open: number): Concurrency {
  const limit = agent?.max_concurrent_runs ?? null;
  return {
    level: agent ? 'agent' : 'tenant',
    limited: limit !== null,
    limit,
    open,
    remaining: limit === null ? null : Math.max(0, limit - open),
  };
}
