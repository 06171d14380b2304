import type { Budget } from '../contracts/budget.ts';
import { toBudget } from '../domain/budget.ts';
import { listAccounts } from '../storage/accounts.ts';
import type { Account } from '../storage/accounts.ts';
import { agentAccountId } from '../storage/agents.ts';
import type { AgentRow } from '../storage/agents.ts';
import type { ApiKey } from '../storage/api-keys.ts';
import type { Db } from '../storage/pool.ts';
import { tenantAccountId } from '../storage/tenants.ts';

type KeyAccounts = Pick<ApiKey, 'tenant_id' | 'account_id'>;

/** The money that a run of this key and agent would be subject to at a moment: of the agent, the key and the tenant. */
export async function loadBudgets(
  db: Db,
  key: KeyAccounts,
  agent: AgentRow | undefined,
  at: Date,
): Promise<Budget[]> {
  const ids = levelsOf(key, agent, at).map(({ id }) => id);
  return budgetsOf(key, agent, await listAccounts(db, key.tenant_id, ids), at);
}

/** The same, from accounts that were read already. */
export function budgetsOf(
  key: KeyAccounts,
  agent: AgentRow | undefined,
  accounts: readonly Pick<Account, 'id' | 'balances'>[],
  at: Date,
): Budget[] {
  // The account of an agent's period begins with its first run.
  const untouched = {
    limit: agent?.budget_micro_cents ?? null,
    reserved: 0,
    settled: 0,
    overage: 0,
  };
  return levelsOf(key, agent, at).map(({ level, id }) =>
    toBudget({
      level,
      accountId: id,
      balances: accounts.find((account) => account.id === id)?.balances ?? untouched,
      ...(level === 'agent' && agent && { period: agent.budget_period }),
      at,
    }),
  );
}

const levelsOf = (key: KeyAccounts, agent: AgentRow | undefined, at: Date) => [
  ...(agent ? [{ level: 'agent' as const, id: agentAccountId(agent, at) }] : []),
  ...(key.account_id === null ? [] : [{ level: 'key' as const, id: key.account_id }]),
  { level: 'tenant' as const, id: tenantAccountId(key.tenant_id) },
];
