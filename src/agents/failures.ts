import { AosError } from '../contracts/failures.ts';
import type { Problem } from '../contracts/failures.ts';
import { AGENTS_PER_TENANT_MAX } from '../contracts/limits.ts';
import { quote } from '../domain/plan/wording.ts';
import type { AgentRow } from '../storage/agents.ts';

export const agentNotFound = (id: string): AosError =>
  new AosError('AGENT_NOT_FOUND', `There is no agent ${id.slice(0, 100)}.`);

export const agentUnchangeable = (id: string): AosError =>
  new AosError('AGENT_ARCHIVED', `Agent ${id} is archived: it takes no changes.`);

export const agentsExceeded = (active: number): AosError =>
  new AosError(
    'AGENTS_EXCEEDED',
    `The tenant has ${active} agents that are not archived and may have ${AGENTS_PER_TENANT_MAX}. Archive one first.`,
    { limit: { name: 'agents_per_tenant_max', value: AGENTS_PER_TENANT_MAX, asked: active + 1 } },
  );

/** `what` is what the request is about, in words. */
export const keyBoundToAgent = (boundTo: string, what: string): AosError =>
  new AosError('KEY_BOUND_TO_AGENT', `The key acts for agent ${boundTo} alone, and ${what}.`);

/** The warning about an agent that the tenant does not have, and whose limits therefore do not apply. */
export const unknownAgent = (pointer: string, agentId: string): Problem => ({
  pointer,
  code: 'AGENT_NOT_FOUND',
  message: `there is no agent ${quote(agentId)}, so no limits of an agent apply.`,
});

/** Whom a run would be of. */
export interface AskedAgent {
  agentId: string | null;
  agent: Pick<AgentRow, 'id' | 'status'> | undefined;
  agentsRequired: boolean;
}

/** Why no run of this agent, or of none, would be taken, whatever its plan. */
export function agentRefusal({ agentId, agent, agentsRequired }: AskedAgent): AosError | undefined {
  if (agent?.status === 'archived')
    return new AosError('AGENT_ARCHIVED', `Agent ${agent.id} is archived: it takes no new runs.`);
  if (agent || !agentsRequired) return undefined;
  const who =
    agentId === null ? 'The request names no `agent_id`' : `There is no agent ${quote(agentId)}`;
  return new AosError('AGENT_REQUIRED', `${who}, and the tenant takes only runs of its agents.`);
}
