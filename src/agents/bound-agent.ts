import { clip } from '../domain/plan/wording.ts';
import type { ApiKey } from '../storage/api-keys.ts';
import { keyBoundToAgent } from './failures.ts';

type MaybeBound = Pick<ApiKey, 'agent_id'>;

/** Refuses what is not of the one agent that a key acts for; `what` says in words what it is. Errors: KEY_BOUND_TO_AGENT. */
export function refuseOtherAgent(
  { agent_id: boundTo }: MaybeBound,
  agentId: string | null,
  what: string,
): void {
  if (boundTo !== null && agentId !== boundTo) throw keyBoundToAgent(boundTo, what);
}

/**
 * The agent that a request is for, the tenant's or not: the one that it names, else the key's own.
 * Errors: KEY_BOUND_TO_AGENT.
 */
export function agentAskedFor(
  key: MaybeBound,
  asked: string | null | undefined,
  request = 'the request is about',
): string | null {
  const agentId = asked ?? key.agent_id;
  if (agentId !== null) refuseOtherAgent(key, agentId, `${request} ${clip(agentId)}`);
  return agentId;
}
