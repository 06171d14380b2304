import type { BudgetPeriod } from '../contracts/budget.ts';
import { periodAt } from '../domain/budget-period.ts';
import type { Db, Transaction } from './pool.ts';

export interface AgentRow {
  id: string;
  tenant_id: string;
  name: string;
  status: 'active' | 'archived';
  budget_micro_cents: number | null;
  budget_period: BudgetPeriod;
  allowed_skills: string[] | null;
  allowed_hosts: string[] | null;
  max_step_cost_micro_cents: number | null;
  max_run_cost_micro_cents: number | null;
  max_concurrent_runs: number | null;
  rate_limit_per_minute: number | null;
  labels: Record<string, string>;
  created_at: Date;
  updated_at: Date;
  archived_at: Date | null;
}

const COLUMNS = `id, tenant_id, name, status, budget_micro_cents, budget_period, allowed_skills, allowed_hosts,
  max_step_cost_micro_cents, max_run_cost_micro_cents, max_concurrent_runs, rate_limit_per_minute, labels, created_at,
  updated_at, archived_at`;
export { COLUMNS as AGENT_COLUMNS };

/** The account of the agent's budget in the period that `at` is in. */
export function agentAccountId(
  { id, budget_period: period }: Pick<AgentRow, 'id' | 'budget_period'>,
  at: Date,
): string {
  const { name } = periodAt(period, at);
  return name === null ? `agent/${id}` : `agent/${id}/${name}`;
}

/** An agent of this tenant; another tenant's agent is not there. */
export async function findAgent(
  db: Db,
  tenantId: string,
  id: string,
): Promise<AgentRow | undefined> {
  const { rows } = await db.query<AgentRow>(
    `SELECT ${COLUMNS} FROM agents WHERE tenant_id = $1 AND id = $2`,
    [tenantId, id],
  );
  return rows[0];
}

/** Locks the agent's row, before any account: who opens a run of the agent and who changes it take turns. */
export async function lockAgent(
  tx: Transaction,
  tenantId: string,
  id: string,
): Promise<AgentRow | undefined> {
  const { rows } = await tx.query<AgentRow>(
    `SELECT ${COLUMNS} FROM agents WHERE tenant_id = $1 AND id = $2 FOR NO KEY UPDATE`,
    [tenantId, id],
  );
  return rows[0];
}

/** How many runs of the agent have not ended. */
export async function countOpenRuns(db: Db, agentId: string): Promise<number> {
  const { rows } = await db.query<{ open: number }>(
    'SELECT count(*) AS open FROM runs WHERE agent_id = $1 AND completed_at IS NULL',
    [agentId],
  );
  return rows[0]!.open;
}
