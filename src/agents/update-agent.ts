import type { UpdateAgent } from '../contracts/agent.ts';
import { limitBelowSpent } from '../account/failures.ts';
import type { ThresholdPercent } from '../domain/budget-thresholds.ts';
import { ensureAccount, findAccount } from '../storage/accounts.ts';
import { agentAccountId, lockAgent, updateAgentRow } from '../storage/agents.ts';
import type { AgentRow } from '../storage/agents.ts';
import { recordChange } from '../storage/audit-entries.ts';
import type { Actor } from '../storage/audit-entries.ts';
import { setLimit } from '../storage/ledger.ts';
import { withTransaction } from '../storage/pool.ts';
import type { Pool, Transaction } from '../storage/pool.ts';
import { tenantAccountId } from '../storage/tenants.ts';
import { agentNotFound, agentUnchangeable } from './failures.ts';
import { changesOf, settingsAfter } from './settings.ts';

/**
 * Changes what the request names, all of it or nothing; what stays as it is leaves no trace.
 * Errors: AGENT_NOT_FOUND, AGENT_ARCHIVED, LIMIT_BELOW_SPENT.
 */
export async function updateAgent(
  pool: Pool,
  actor: Actor,
  id: string,
  request: UpdateAgent,
): Promise<AgentRow> {
  const { tenantId } = actor;
  return withTransaction(pool, async (tx) => {
    const agent = await lockAgent(tx, tenantId, id);
    if (!agent) throw agentNotFound(id);
    if (agent.status === 'archived') throw agentUnchangeable(id);
    const changes = changesOf(agent, request);
    if (Object.keys(changes).length === 0) return agent;
    const changed = await updateAgentRow(tx, tenantId, id, settingsAfter(agent, changes));
    const isBudget = 'budget_cents' in changes || 'budget_period' in changes;
    const reached = isBudget ? await fitAccount(tx, actor, changed) : [];
    await recordChange(tx, actor, {
      operation: 'updateAgent',
      subject: id,
      detail: { ...changes, ...(reached.length > 0 && { thresholds_reached: reached }) },
    });
    return changed;
  });
}

/** Gives the account of the present period the agent's limit; answers what parts of it are reached by that. */
async function fitAccount(
  tx: Transaction,
  { tenantId, keyId, requestId }: Actor,
  agent: AgentRow,
): Promise<ThresholdPercent[]> {
  const limit = agent.budget_micro_cents;
  const accountId = agentAccountId(agent, new Date());
  await ensureAccount(tx, {
    id: accountId,
    tenantId,
    parentId: tenantAccountId(tenantId),
    limitMicroCents: limit,
  });
  const account = await findAccount(tx, tenantId, accountId);
  if (account!.balances.limit === limit) return [];
  const actor = keyId ?? 'operator';
  const set = await setLimit(tx, accountId, `${requestId}/limit`, limit, { actor });
  if (!set.ok) throw limitBelowSpent(accountId, limit, set.balances);
  return set.reached;
}
