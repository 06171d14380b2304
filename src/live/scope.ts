import type { Event } from '../contracts/event.ts';
import { viewEvent } from '../events/view-event.ts';
import type { EventRow } from '../storage/event-feed.ts';
import { tenantName } from '../storage/wakeups.ts';
import { placeOf, placeOfNumber } from './place.ts';
import type { Place } from './place.ts';

/** The events of one run, or all of a tenant. */
export type Scope =
  | { kind: 'tenant'; tenantId: string }
  | {
      kind: 'run';
      tenantId: string;
      runId: string;
      /** The number of its last event when it was read. */
      lastNumber: number;
      hasEnded: boolean;
    };

/** The name by which hints tell of it. */
export const nameOf = (scope: Scope): string =>
  scope.kind === 'run' ? scope.runId : tenantName(scope.tenantId);

/** An event in its place among those of a scope. */
export interface LiveEvent {
  place: Place;
  /** What `after` and `Last-Event-ID` take to go on behind it. */
  id: string;
  event: Event;
  json: string;
}

export function toLiveEvent(scope: Scope, row: EventRow): LiveEvent {
  const event = viewEvent(row);
  const isOfRun = scope.kind === 'run';
  return {
    place: isOfRun ? placeOfNumber(row.number!) : placeOf(row),
    id: isOfRun ? String(row.number) : event.id,
    event,
    json: JSON.stringify(event),
  };
}
