import { isBehind } from './place.ts';
import type { Place } from './place.ts';
import type { LiveEvent, Scope } from './scope.ts';

const EVENTS_MAX = 500;
const CHARS_MAX = 1024 * 1024;

/**
 * The newest events of a scope, read once for all who follow it.
 * 1. It holds every event of the scope behind `start`, up to `head`, in their order.
 * 2. `start` only grows: a reader that is before it reads from Postgres until it is not.
 */
export interface Feed {
  readonly scope: Scope;
  /** The place of the last event that was read. */
  head(): Place;
  /** Whether all that comes behind a place is here, or will be. */
  follows(after: Place): boolean;
  /** The next events behind a place that is followed. */
  take(after: Place, max: number): LiveEvent[];
  /** Adds what was read behind `head`. */
  push(events: readonly LiveEvent[], nowMs: number): void;
  /** A run has ended, with this number as its last. */
  end(lastNumber: number): void;
  lastNumber(): number | undefined;
  /** Calls back once, when there is something new. */
  onChange(wake: () => void): () => void;
  /** Lets go of what was read before a time: who has not taken it yet reads it from Postgres. */
  forget(beforeMs: number): void;
}

interface Held {
  event: LiveEvent;
  readAtMs: number;
}

export function createFeed(scope: Scope, from: Place): Feed {
  let start = from;
  let head = from;
  let held: Held[] = [];
  let chars = 0;
  let lastNumber = scope.kind === 'run' && scope.hasEnded ? scope.lastNumber : undefined;
  const waiting = new Set<() => void>();

  function drop(count: number): void {
    if (count === 0) return;
    const dropped = held.slice(0, count);
    start = dropped.at(-1)!.event.place;
    for (const { event } of dropped) chars -= event.json.length;
    held = held.slice(count);
  }
  function wakeAll(): void {
    const woken = [...waiting];
    waiting.clear();
    for (const wake of woken) wake();
  }

  return {
    scope,
    head: () => head,
    follows: (after) => !isBehind(start, after),
    take(after, max) {
      // Most who ask are at the end.
      let index = held.length;
      while (index > 0 && isBehind(held[index - 1]!.event.place, after)) index -= 1;
      return held.slice(index, index + max).map(({ event }) => event);
    },
    push(events, nowMs) {
      if (events.length === 0) return;
      for (const event of events) {
        held.push({ event, readAtMs: nowMs });
        chars += event.json.length;
      }
      head = events.at(-1)!.place;
      let excess = Math.max(0, held.length - EVENTS_MAX);
      let left = chars;
      for (const { event } of held.slice(0, excess)) left -= event.json.length;
      while (left > CHARS_MAX && excess < held.length - 1)
        left -= held[excess++]!.event.json.length;
      drop(excess);
      wakeAll();
    },
    end(number) {
      lastNumber = number;
      wakeAll();
    },
    lastNumber: () => lastNumber,
    onChange(wake) {
      waiting.add(wake);
      return () => void waiting.delete(wake);
    },
    forget(beforeMs) {
      const kept = held.findIndex(({ readAtMs }) => readAtMs >= beforeMs);
      drop(kept === -1 ? held.length : kept);
    },
  };
}
