import { uuidv7 } from 'uuidv7';
import type { CreateAgent } from '../contracts/agent.ts';
import { AGENTS_PER_TENANT_MAX } from '../contracts/limits.ts';
import { countActiveAgents, findAgent, insertAgent } from '../storage/agents.ts';
import type { AgentRow } from '../storage/agents.ts';
import { recordChange } from '../storage/audit-entries.ts';
import type { Actor } from '../storage/audit-entries.ts';
import { once } from '../storage/idempotency-keys.ts';
import type { OnceKey } from '../storage/idempotency-keys.ts';
import type { Pool } from '../storage/pool.ts';
import { agentsExceeded } from './failures.ts';
import { toSettings } from './settings.ts';

/**
 * Makes an agent, once for an idempotency key; a repeat answers with the agent as it is by then.
 * Errors: AGENTS_EXCEEDED, IDEMPOTENCY_KEY_REUSED, IDEMPOTENCY_IN_FLIGHT.
 */
export async function createAgent(
  pool: Pool,
  actor: Actor,
  { idempotency_key: _key, ...written }: CreateAgent,
  key: OnceKey | undefined,
): Promise<{ row: AgentRow; replayed: boolean }> {
  const { tenantId } = actor;
  const id = `agent_${uuidv7()}`;
  const done = await once(pool, { tenantId, key, id }, async (tx) => {
    const active = await countActiveAgents(tx, tenantId);
    if (active >= AGENTS_PER_TENANT_MAX) throw agentsExceeded(active);
    const row = await insertAgent(tx, tenantId, id, toSettings(written));
    await recordChange(tx, actor, { operation: 'createAgent', subject: id, detail: written });
    return row;
  });
  if ('made' in done) return { row: done.made, replayed: false };
  return { row: (await findAgent(pool, tenantId, done.madeBefore.id))!, replayed: true };
}
