import { refuseOtherAgent } from '../../src/agents/bound-agent.ts';
import { agentNotFound } from '../../src/agents/failures.ts';
import { AGENT_ID } from '../../src/contracts/ids.ts';
import { findAgent } from '../../src/storage/agents.ts';
import type { AgentRow } from '../../src/storage/agents.ts';
import type { ApiDeps } from '../deps.ts';
import type { AosContext } from '../state.ts';

/**
 * The agent that the path names, if it belongs to the tenant of the key and the key may act for it.
 * Errors: AGENT_NOT_FOUND, KEY_BOUND_TO_AGENT.
 */
export async function agentOf(ctx: AosContext, { pool }: Pick<ApiDeps, 'pool'>): Promise<AgentRow> {
  const id = ctx.params['agent_id']!;
  const { key } = ctx.state;
  const agent = AGENT_ID.test(id) ? await findAgent(pool, key.tenant_id, id) : undefined;
  if (!agent) throw agentNotFound(id);
  refuseOtherAgent(key, agent.id, `the request is about ${agent.id}`);
  return agent;
}
