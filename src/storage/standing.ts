import type { Account } from './accounts.ts';
import { AGENT_COLUMNS } from './agents.ts';
import type { AgentRow } from './agents.ts';
import type { Db } from './pool.ts';

type AccountBalances = Pick<Account, 'id' | 'balances'>;

/** What limits a tenant, or one of its agents, now. */
export interface StandingRow {
  agentsRequired: boolean;
  openRuns: number;
  accounts: AccountBalances[];
}

interface Row {
  agents_required: boolean;
  open_runs: number;
  account_id: string;
  limit_micro_cents: number | null;
  reserved_micro_cents: number;
  settled_micro_cents: number;
  overage_micro_cents: number;
}

/** The tenant's settings beside each of these accounts that it has; its own is always there. */
const ACCOUNTS = (ids: '$2' | '$3'): string => `
  (SELECT id AS account_id, limit_micro_cents, reserved_micro_cents, settled_micro_cents, overage_micro_cents
   FROM accounts WHERE tenant_id = $1 AND id = ANY(${ids})) a
  CROSS JOIN (SELECT agents_required FROM tenants WHERE id = $1) t`;
const ACCOUNT_COLUMNS = `account_id, limit_micro_cents, reserved_micro_cents, settled_micro_cents,
  overage_micro_cents, agents_required`;

function standingOf(rows: readonly Row[]): StandingRow {
  const [first] = rows;
  if (!first) throw new Error('none of the accounts is there');
  return {
    agentsRequired: first.agents_required,
    openRuns: first.open_runs,
    accounts: rows.map((row) => ({
      id: row.account_id,
      balances: {
        limit: row.limit_micro_cents,
        reserved: row.reserved_micro_cents,
        settled: row.settled_micro_cents,
        overage: row.overage_micro_cents,
      },
    })),
  };
}

/** Where a tenant stands: its open runs, and these of its accounts. */
export async function readTenantStanding(
  db: Db,
  tenantId: string,
  accountIds: readonly string[],
): Promise<StandingRow> {
  const { rows } = await db.query<Row>(
    `SELECT ${ACCOUNT_COLUMNS},
       (SELECT count(*) FROM runs WHERE tenant_id = $1 AND status IN ('queued', 'running')) AS open_runs
     FROM ${ACCOUNTS('$2')}`,
    [tenantId, accountIds],
  );
  return standingOf(rows);
}

/** Where an agent stands: its settings, its open runs, and these accounts; undefined when the tenant has no such agent. */
export async function readAgentStanding(
  db: Db,
  tenantId: string,
  agentId: string,
  accountIds: readonly string[],
): Promise<(StandingRow & { agent: AgentRow }) | undefined> {
  const { rows } = await db.query<Row & AgentRow>(
    `SELECT ${AGENT_COLUMNS}, ${ACCOUNT_COLUMNS},
       (SELECT count(*) FROM runs WHERE tenant_id = $1 AND agent_id = $2 AND completed_at IS NULL) AS open_runs
     FROM ${ACCOUNTS('$3')}
     JOIN agents ON agents.tenant_id = $1 AND agents.id = $2`,
    [tenantId, agentId, accountIds],
  );
  const [agent] = rows;
  return agent && { ...standingOf(rows), agent };
}
