import type { Budget } from '../contracts/budget.ts';
import { untouchedBalances } from '../domain/balances.ts';
import { toBudget } from '../domain/budget.ts';
import { listAccounts } from '../storage/accounts.ts';
import type { Account } from '../storage/accounts.ts';
import type { AgentRow } from '../storage/agents.ts';
import { ancestorIdsOf, ancestorsOf } from '../storage/ancestors.ts';
import type { KeyAccounts } from '../storage/ancestors.ts';
import type { Db } from '../storage/pool.ts';

/** The money that a run of this key and agent would be subject to at a moment: of the agent, the key and the tenant. */
export async function loadBudgets(
  db: Db,
  key: KeyAccounts,
  agent: AgentRow | undefined,
  at: Date,
): Promise<Budget[]> {
  const accounts = await listAccounts(db, key.tenant_id, ancestorIdsOf(key, agent, at));
  return budgetsOf(key, agent, accounts, at);
}

/** The same, from accounts that were read already. */
export function budgetsOf(
  key: KeyAccounts,
  agent: AgentRow | undefined,
  accounts: readonly Pick<Account, 'id' | 'balances'>[],
  at: Date,
): Budget[] {
  // The account of an agent's period begins with its first run.
  const untouched = untouchedBalances(agent?.budget_micro_cents ?? null);
  return ancestorsOf(key, agent, at).map(({ level, id }) =>
    toBudget({
      level,
      accountId: id,
      balances: accounts.find((account) => account.id === id)?.balances ?? untouched,
      ...(level === 'agent' && agent && { period: agent.budget_period }),
      at,
    }),
  );
}
