import { agentAskedFor } from '../../src/agents/bound-agent.ts';
import { AosError } from '../../src/contracts/failures.ts';
import { ID_LENGTH_MAX } from '../../src/contracts/limits.ts';
import { clip } from '../../src/domain/plan/wording.ts';
import { isAgentKnown } from '../../src/storage/agent-runs.ts';
import type { ApiDeps } from '../deps.ts';
import type { AosContext } from '../state.ts';

/**
 * The agent that the path names, which may be one that only runs of the tenant name.
 * Errors: AGENT_NOT_FOUND, KEY_BOUND_TO_AGENT.
 */
export async function agentNamed(ctx: AosContext, { pool }: ApiDeps): Promise<string> {
  const id = ctx.params['agent_id']!;
  const { tenant_id: tenantId } = ctx.state.key;
  const mayBe = id.length <= ID_LENGTH_MAX && !id.includes('\0');
  if (!mayBe || !(await isAgentKnown(pool, tenantId, id)))
    throw new AosError('AGENT_NOT_FOUND', `There is no agent ${clip(id, 100)}, nor a run of it.`);
  agentAskedFor(ctx.state.key, id);
  return id;
}
