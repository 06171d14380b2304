import type { Event } from '../contracts/event.ts';
import type { EventRow } from '../storage/event-feed.ts';
import { eventIdOf } from './event-id.ts';

/** An event as every reader gets it. */
export const viewEvent = (row: EventRow): Event => ({
  id: eventIdOf(row),
  type: row.type,
  at: row.at.toISOString(),
  run_id: row.run_id,
  number: row.number,
  step_id: row.step_id,
  agent_id: row.agent_id,
  data: JSON.parse(row.data) as Event['data'],
});
