import type { Json } from '../../contracts/json.ts';
import { mentionsReference } from './references.ts';

/** Where a value holds references: the string itself, or the parts of a list or object that lead to one. */
export type Unsettled = 'here' | ReadonlyMap<PropertyKey, Unsettled>;

/** Finds the places that nobody can judge before their references have values. */
export function unsettledIn(value: Json): Unsettled | undefined {
  if (typeof value === 'string') return mentionsReference(value) ? 'here' : undefined;
  if (typeof value !== 'object' || value === null) return undefined;
  const parts = new Map<PropertyKey, Unsettled>();
  for (const [key, inner] of Array.isArray(value) ? value.entries() : Object.entries(value)) {
    const unsettled = unsettledIn(inner);
    if (unsettled) parts.set(key, unsettled);
  }
  return parts.size > 0 ? parts : undefined;
}

/** Whether a path is at, below or above a place that holds a reference. */
export function isUnsettled(
  unsettled: Unsettled | undefined,
  path: readonly PropertyKey[],
): boolean {
  let at = unsettled;
  for (const key of path) {
    if (at === undefined || at === 'here') break;
    at = at.get(key);
  }
  return at !== undefined;
}
