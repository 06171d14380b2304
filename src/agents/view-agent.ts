import type { AgentView } from '../contracts/agent.ts';
import { untouchedBalances } from '../domain/balances.ts';
import { thresholdsOf } from '../domain/budget-thresholds.ts';
import { toBudget } from '../domain/budget.ts';
import { listAccounts } from '../storage/accounts.ts';
import type { Account } from '../storage/accounts.ts';
import { agentAccountId, countOpenRuns } from '../storage/agents.ts';
import type { AgentRow } from '../storage/agents.ts';
import type { Pool } from '../storage/pool.ts';
import { writtenSettingsOf } from './settings.ts';

/** Agents of one tenant as the API shows them, with what is left of their budgets now. */
export async function viewAgents(
  pool: Pool,
  tenantId: string,
  rows: readonly AgentRow[],
): Promise<AgentView[]> {
  if (rows.length === 0) return [];
  const at = new Date();
  const accountIds = rows.map((row) => agentAccountId(row, at));
  const [accounts, openRuns] = await Promise.all([
    listAccounts(pool, tenantId, accountIds),
    countOpenRuns(
      pool,
      tenantId,
      rows.map(({ id }) => id),
    ),
  ]);
  const accountOf = new Map(accounts.map((account) => [account.id, account]));
  return rows.map((row, index) =>
    viewAgent(row, {
      accountId: accountIds[index]!,
      account: accountOf.get(accountIds[index]!),
      openRuns: openRuns.get(row.id) ?? 0,
      at,
    }),
  );
}

interface AgentFacts {
  accountId: string;
  /** Absent until the period's first run. */
  account: Account | undefined;
  openRuns: number;
  at: Date;
}

function viewAgent(row: AgentRow, { accountId, account, openRuns, at }: AgentFacts): AgentView {
  const { name, labels, ...limits } = writtenSettingsOf(row);
  const balances = account?.balances ?? untouchedBalances(row.budget_micro_cents);
  return {
    agent_id: row.id,
    id: row.id,
    name,
    status: row.status,
    ...limits,
    budget: toBudget({
      level: 'agent',
      accountId,
      balances,
      period: row.budget_period,
      at,
    }),
    thresholds: thresholdsOf(balances, account?.thresholds ?? {}),
    open_runs: openRuns,
    labels,
    created_at: row.created_at.toISOString(),
    updated_at: row.updated_at.toISOString(),
    archived_at: row.archived_at?.toISOString() ?? null,
  };
}
