import type { EventPlace } from '../storage/event-feed.ts';

/** A place in the order of a scope's events: of a run, the number alone counts. */
export interface Place {
  transaction: bigint;
  position: number;
}

export const placeOfNumber = (number: number): Place => ({ transaction: 0n, position: number });

export const placeOf = ({ transaction, position }: EventPlace): Place => ({
  transaction: BigInt(transaction),
  position,
});

export const toEventPlace = ({ transaction, position }: Place): EventPlace => ({
  transaction: String(transaction),
  position,
});

export const isBehind = (a: Place, b: Place): boolean =>
  a.transaction === b.transaction ? a.position > b.position : a.transaction > b.transaction;

export const later = (a: Place, b: Place): Place => (isBehind(a, b) ? a : b);
