import type { AgentStatus } from '../contracts/agent.ts';
import type { BudgetPeriod } from '../contracts/budget.ts';
import { periodAt } from '../domain/budget-period.ts';
import type { Db, Transaction } from './pool.ts';

export interface AgentRow {
  id: string;
  tenant_id: string;
  name: string;
  status: AgentStatus;
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

/** As `lockAgent`, for those who only read it: they do not wait for each other. */
export async function shareAgent(
  tx: Transaction,
  tenantId: string,
  id: string,
): Promise<AgentRow | undefined> {
  const { rows } = await tx.query<AgentRow>(
    `SELECT ${COLUMNS} FROM agents WHERE tenant_id = $1 AND id = $2 FOR SHARE`,
    [tenantId, id],
  );
  return rows[0];
}

/** How many runs of each of these agents have not ended. */
export async function countOpenRuns(
  db: Db,
  tenantId: string,
  agentIds: readonly string[],
): Promise<Map<string, number>> {
  const { rows } = await db.query<{ id: string; open: number }>(
    `SELECT agent_id AS id, count(*) AS open FROM runs
     WHERE tenant_id = $1 AND agent_id = ANY($2) AND completed_at IS NULL GROUP BY agent_id`,
    [tenantId, agentIds],
  );
  return new Map(rows.map(({ id, open }) => [id, open]));
}

/** What of an agent may be set, and set anew. */
export type AgentSettings = Pick<
  AgentRow,
  | 'name'
  | 'budget_micro_cents'
  | 'budget_period'
  | 'allowed_skills'
  | 'allowed_hosts'
  | 'max_step_cost_micro_cents'
  | 'max_run_cost_micro_cents'
  | 'max_concurrent_runs'
  | 'rate_limit_per_minute'
  | 'labels'
>;

const valuesOf = (settings: AgentSettings): unknown[] => [
  settings.name,
  settings.budget_micro_cents,
  settings.budget_period,
  settings.allowed_skills,
  settings.allowed_hosts,
  settings.max_step_cost_micro_cents,
  settings.max_run_cost_micro_cents,
  settings.max_concurrent_runs,
  settings.rate_limit_per_minute,
  JSON.stringify(settings.labels),
];

export async function insertAgent(
  tx: Transaction,
  tenantId: string,
  id: string,
  settings: AgentSettings,
): Promise<AgentRow> {
  const { rows } = await tx.query<AgentRow>(
    `INSERT INTO agents (tenant_id, id, name, budget_micro_cents, budget_period, allowed_skills, allowed_hosts,
       max_step_cost_micro_cents, max_run_cost_micro_cents, max_concurrent_runs, rate_limit_per_minute, labels)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING ${COLUMNS}`,
    [tenantId, id, ...valuesOf(settings)],
  );
  return rows[0]!;
}

export async function updateAgentRow(
  tx: Transaction,
  tenantId: string,
  id: string,
  settings: AgentSettings,
): Promise<AgentRow> {
  const { rows } = await tx.query<AgentRow>(
    `UPDATE agents SET name = $3, budget_micro_cents = $4, budget_period = $5, allowed_skills = $6, allowed_hosts = $7,
       max_step_cost_micro_cents = $8, max_run_cost_micro_cents = $9, max_concurrent_runs = $10,
       rate_limit_per_minute = $11, labels = $12, updated_at = now()
     WHERE tenant_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
    [tenantId, id, ...valuesOf(settings)],
  );
  return rows[0]!;
}

export async function archiveAgentRow(
  tx: Transaction,
  tenantId: string,
  id: string,
): Promise<AgentRow> {
  const { rows } = await tx.query<AgentRow>(
    `UPDATE agents SET status = 'archived', archived_at = now(), updated_at = now()
     WHERE tenant_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
    [tenantId, id],
  );
  return rows[0]!;
}

/** Counts agents that are not archived, under a lock that lets nobody else count them until the transaction ends. */
export async function countActiveAgents(tx: Transaction, tenantId: string): Promise<number> {
  await tx.query('SELECT 1 FROM tenants WHERE id = $1 FOR NO KEY UPDATE', [tenantId]);
  const { rows } = await tx.query<{ active: number }>(
    `SELECT count(*) AS active FROM agents WHERE tenant_id = $1 AND status = 'active'`,
    [tenantId],
  );
  return rows[0]!.active;
}

export interface AgentFilter {
  /** The only agent to be seen. */
  id?: string | undefined;
  status?: AgentStatus | undefined;
  labels: Record<string, string>;
  after?: { createdAt: string; id: string } | undefined;
  limit: number;
}

export interface ListedAgent extends AgentRow {
  cursor_at: string;
}

/** A page of agents, newest first; `cursor_at` keeps the microseconds. */
export async function listAgents(
  db: Db,
  tenantId: string,
  { id, status, labels, after, limit }: AgentFilter,
): Promise<ListedAgent[]> {
  const { rows } = await db.query<ListedAgent>(
    `SELECT ${COLUMNS}, created_at::text AS cursor_at FROM agents
     WHERE tenant_id = $1 AND ($2::text IS NULL OR id = $2) AND ($3::text IS NULL OR status = $3)
       AND ($4::jsonb = '{}' OR labels @> $4)
       AND ($5::timestamptz IS NULL OR (created_at, id) < ($5, $6))
     ORDER BY created_at DESC, id DESC LIMIT $7`,
    [
      tenantId,
      id ?? null,
      status ?? null,
      JSON.stringify(labels),
      after?.createdAt ?? null,
      after?.id ?? null,
      limit,
    ],
  );
  return rows;
}
