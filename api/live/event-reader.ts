import type { EventFilter } from '../../src/live/event-filter.ts';
import type { Place } from '../../src/live/place.ts';
import type { Scope } from '../../src/live/scope.ts';

/** What a reader gets, whichever form it takes it in. */
export interface EventReader {
  scope: Scope;
  after: Place;
  filter: EventFilter;
}
