import type { EventPlace } from '../storage/event-feed.ts';

const EVENT_ID = /^(0|[1-9]\d{0,18})-(0|[1-9]\d{0,15})$/;
const POSITION_MAX = 2 ** 53 - 1;

/** How a place among all events of a tenant is written: `<transaction>-<position>`. */
export const eventIdOf = ({ transaction, position }: EventPlace): string =>
  `${transaction}-${position}`;

/** The place that an id names; undefined when it is none. */
export function parseEventId(text: string): EventPlace | undefined {
  const match = EVENT_ID.exec(text);
  const position = Number(match?.[2]);
  if (!match || position > POSITION_MAX) return undefined;
  return { transaction: match[1]!, position };
}
