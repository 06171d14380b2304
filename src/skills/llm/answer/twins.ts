import { isJsonObject } from '../../../contracts/json.ts';
import type { Json } from '../../../contracts/json.ts';

/** Whether a list holds two equal items. */
export type HasTwins = (list: Json[]) => boolean;

/** Each value is spelt once, however many lists within lists, and schemas, ask: a container by the numbers of what it holds. */
export function createHasTwins(): HasTwins {
  const numbers = new Map<string, number>();
  const spellings = new Map<Json, string>();
  const verdicts = new Map<Json, boolean>();

  function spellingOf(value: Json): string {
    if (typeof value === 'string') return JSON.stringify(value);
    // Marked, since V8 hashes texts that look like an index in a way that can be made to collide.
    if (value === null || typeof value !== 'object') return `:${value}`;
    const known = spellings.get(value);
    if (known !== undefined) return known;
    const held = isJsonObject(value) ? `{${spellingsOfKeys(value)}` : `[${spellingsOf(value)}`;
    const number = numbers.get(held) ?? numbers.size;
    numbers.set(held, number);
    spellings.set(value, `#${number}`);
    return `#${number}`;
  }

  const spellingsOf = (list: Json[]): string => list.map(spellingOf).join();
  const spellingsOfKeys = (value: { [key: string]: Json }): string =>
    Object.keys(value)
      .toSorted()
      .map((key) => `${JSON.stringify(key)}${spellingOf(value[key]!)}`)
      .join();

  return (list) => {
    const verdict =
      verdicts.get(list) ?? new Set(list.map((item) => spellingOf(item))).size < list.length;
    verdicts.set(list, verdict);
    return verdict;
  };
}
