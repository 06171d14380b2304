import { agentAskedFor } from '../../src/agents/bound-agent.ts';
import { findAgent } from '../../src/storage/agents.ts';
import type { AgentRow } from '../../src/storage/agents.ts';
import type { ApiKey } from '../../src/storage/api-keys.ts';
import type { Pool } from '../../src/storage/pool.ts';

/**
 * The agent that a body names, or that the key is bound to. One that is not the tenant's is not there, which is no
 * error here. Errors: KEY_BOUND_TO_AGENT.
 */
export async function askedAgent(
  pool: Pool,
  key: ApiKey,
  asked: string | null,
): Promise<{ agentId: string | null; agent: AgentRow | undefined }> {
  const agentId = agentAskedFor(key, asked);
  const agent = agentId === null ? undefined : await findAgent(pool, key.tenant_id, agentId);
  return { agentId, agent };
}
