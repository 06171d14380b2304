import type { Event, EventType } from '../contracts/event.ts';

/** What of a tenant's events a reader wants; what is absent is not asked about. */
export interface EventFilter {
  types?: readonly EventType[] | undefined;
  agentId?: string | undefined;
  runId?: string | undefined;
}

export const passes = (
  { types, agentId, runId }: EventFilter,
  event: Pick<Event, 'type' | 'agent_id' | 'run_id'>,
): boolean =>
  (types === undefined || types.includes(event.type)) &&
  (agentId === undefined || event.agent_id === agentId) &&
  (runId === undefined || event.run_id === runId);
