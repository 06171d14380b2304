import { archiveAgentRow, lockAgent } from '../storage/agents.ts';
import type { AgentRow } from '../storage/agents.ts';
import { recordChange } from '../storage/audit-entries.ts';
import type { Actor } from '../storage/audit-entries.ts';
import { withTransaction } from '../storage/pool.ts';
import type { Pool } from '../storage/pool.ts';
import { agentNotFound } from './failures.ts';

/**
 * Archives an agent: it takes no new runs, and those that are open go on. To archive it again changes nothing.
 * Errors: AGENT_NOT_FOUND.
 */
export async function archiveAgent(pool: Pool, actor: Actor, id: string): Promise<AgentRow> {
  const { tenantId } = actor;
  return withTransaction(pool, async (tx) => {
    const agent = await lockAgent(tx, tenantId, id);
    if (!agent) throw agentNotFound(id);
    if (agent.status === 'archived') return agent;
    await recordChange(tx, actor, { operation: 'archiveAgent', subject: id });
    return archiveAgentRow(tx, tenantId, id);
  });
}
