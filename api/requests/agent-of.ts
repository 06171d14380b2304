import { agentNotFound, keyBoundToAgent } from '../../src/agents/failures.ts';
import { findAgent } from '../../src/storage/agents.ts';
import type { AgentRow } from '../../src/storage/agents.ts';
import type { ApiDeps } from '../deps.ts';
import type { AosContext } from '../state.ts';

/** What an id of an agent looks like; whatever else is asked for is none. */
export const AGENT_ID = /^agent_[0-9a-f-]{36}$/;

/**
 * The agent that the path names, if it belongs to the tenant of the key and the key may act for it.
 * Errors: AGENT_NOT_FOUND, KEY_BOUND_TO_AGENT.
 */
export async function agentOf(ctx: AosContext, { pool }: Pick<ApiDeps, 'pool'>): Promise<AgentRow> {
  const id = ctx.params['agent_id']!;
  const { tenant_id: tenantId, agent_id: boundTo } = ctx.state.key;
  const agent = AGENT_ID.test(id) ? await findAgent(pool, tenantId, id) : undefined;
  if (!agent) throw agentNotFound(id);
  if (boundTo !== null && boundTo !== agent.id) {
    throw keyBoundToAgent(boundTo, `the request is about ${agent.id}`);
  }
  return agent;
}
