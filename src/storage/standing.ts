import type { Account } from './accounts.ts';
import { AGENT_COLUMNS } from './agents.ts';
import type { AgentRow } from './agents.ts';
import type { Db } from './pool.ts';

/** What limits a tenant and one of its agents, as one statement reads it. */
export interface StandingRow {
  agent: AgentRow | undefined;
  agentsRequired: boolean;
  /** Of the agent, when it is there; else of the tenant. */
  openRuns: number;
  accounts: Pick<Account, 'id' | 'balances'>[];
}

interface Row extends Omit<AgentRow, 'id'> {
  id: string | null;
  agents_required: boolean;
  open_runs: number;
  accounts: Pick<Account, 'id' | 'balances'>[] | null;
}

/** Reads where a tenant stands, or one of its agents: its settings, open runs, and those of these accounts that it has. */
export async function readStanding(
  db: Db,
  tenantId: string,
  agentId: string | null,
  accountIds: readonly string[],
): Promise<StandingRow> {
  const { rows } = await db.query<Row>(
    `SELECT ${AGENT_COLUMNS}, agents_required,
       CASE WHEN id IS NULL
         THEN (SELECT count(*) FROM runs WHERE tenant_id = $1 AND status IN ('queued', 'running'))
         ELSE (SELECT count(*) FROM runs WHERE tenant_id = $1 AND agent_id = $2 AND completed_at IS NULL)
       END AS open_runs,
       (SELECT json_agg(json_build_object('id', id, 'balances', json_build_object(
            'limit', limit_micro_cents, 'reserved', reserved_micro_cents,
            'settled', settled_micro_cents, 'overage', overage_micro_cents)))
          FROM accounts WHERE tenant_id = $1 AND id = ANY($3)) AS accounts
     FROM (SELECT agents_required FROM tenants WHERE id = $1) t
     LEFT JOIN agents ON agents.tenant_id = $1 AND agents.id = $2`,
    [tenantId, agentId, accountIds],
  );
  const [row] = rows;
  if (!row) throw new Error(`tenant ${tenantId} does not exist`);
  const { agents_required: agentsRequired, open_runs: openRuns, accounts, ...agent } = row;
  return {
    agent: agent.id === null ? undefined : (agent as AgentRow),
    agentsRequired,
    openRuns,
    accounts: accounts ?? [],
  };
}
