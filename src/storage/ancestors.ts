import type { BudgetLevel } from '../contracts/budget.ts';
import { agentAccountId } from './agents.ts';
import type { AgentRow } from './agents.ts';
import type { ApiKey } from './api-keys.ts';
import { tenantAccountId } from './tenants.ts';

export type KeyAccounts = Pick<ApiKey, 'tenant_id' | 'account_id'>;

/** The accounts above a run's own, in the order in which they are locked, and the level of each. */
export const ancestorsOf = (
  key: KeyAccounts,
  agent: AgentRow | undefined,
  at: Date,
): { level: BudgetLevel; id: string }[] => [
  ...(agent ? [{ level: 'agent' as const, id: agentAccountId(agent, at) }] : []),
  ...(key.account_id === null ? [] : [{ level: 'key' as const, id: key.account_id }]),
  { level: 'tenant', id: tenantAccountId(key.tenant_id) },
];

export const ancestorIdsOf = (key: KeyAccounts, agent: AgentRow | undefined, at: Date): string[] =>
  ancestorsOf(key, agent, at).map(({ id }) => id);
