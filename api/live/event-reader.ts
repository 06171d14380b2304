import { refuseOtherAgent } from '../../src/agents/bound-agent.ts';
import type { EventFilter } from '../../src/live/event-filter.ts';
import type { Place } from '../../src/live/place.ts';
import type { Scope } from '../../src/live/scope.ts';
import type { AosContext } from '../state.ts';

/** What a reader gets, whichever form it takes it in. */
export interface EventReader {
  scope: Scope;
  after: Place;
  filter: EventFilter;
}

/** Refuses a key that has ended since, or is bound to another agent now. Errors: UNAUTHENTICATED, KEY_BOUND_TO_AGENT. */
export async function checkReaderAgain(ctx: AosContext, agentId: string | null): Promise<void> {
  await ctx.state.checkKeyAgain();
  refuseOtherAgent(ctx.state.key, agentId, 'what is read is not of that agent');
}
