import { isJsonObject } from '../../contracts/json.ts';
import type { Json } from '../../contracts/json.ts';
import type { Condition } from '../../contracts/plan.ts';
import { parseReference } from './reference-syntax.ts';
import type { ParsedReference } from './reference-syntax.ts';
import { lookUp } from './scope.ts';
import type { Scope } from './scope.ts';

const BRACED = /^\s*\{\{([^{}]*)\}\}\s*$/;

/** A condition's `ref` as it is meant: without braces, which are tolerated. */
export const bareReference = (ref: string): string => (BRACED.exec(ref)?.[1] ?? ref).trim();

export const parseConditionReference = (ref: string): ParsedReference =>
  parseReference(bareReference(ref));

/** Whether two values are the same JSON. Goes no deeper than the shallower of the two. */
export function equalJson(left: Json, right: Json): boolean {
  if (left === right) return true;
  if (Array.isArray(left) && Array.isArray(right)) {
    return (
      left.length === right.length && left.every((item, index) => equalJson(item, right[index]!))
    );
  }
  if (!isJsonObject(left) || !isJsonObject(right)) return false;
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && equalJson(left[key]!, right[key]!))
  );
}

/** Negative, zero or positive; undefined for values that have no order. */
function order(left: Json, right: Json): number | undefined {
  const comparable =
    (typeof left === 'number' && typeof right === 'number') ||
    (typeof left === 'string' && typeof right === 'string');
  if (!comparable) return undefined;
  return left < right ? -1 : left > right ? 1 : 0;
}

function contains(whole: Json, part: Json): boolean {
  if (Array.isArray(whole)) return whole.some((item) => equalJson(item, part));
  if (typeof part !== 'string') return false;
  if (typeof whole === 'string') return whole.includes(part);
  return isJsonObject(whole) && Object.hasOwn(whole, part);
}

const bothStrings = (left: Json, right: Json, test: (l: string, r: string) => boolean): boolean =>
  typeof left === 'string' && typeof right === 'string' && test(left, right);

/** Whether a step may run. A path that is not there is absent: it exists not, and equals nothing. */
export function evaluateCondition(condition: Condition, scope: Scope): boolean {
  const parsed = parseConditionReference(condition.ref);
  const found =
    parsed.kind === 'reference' ? lookUp(parsed.reference, scope) : { found: false as const };
  if (!found.found) return condition.op === 'not_exists' || condition.op === 'ne';
  const { value } = found;
  const { op, value: wanted } = condition;
  if (op === 'exists') return true;
  if (op === 'not_exists') return false;
  if (wanted === undefined) return op === 'ne';
  const compared = order(value, wanted);
  switch (op) {
    case 'eq':
      return equalJson(value, wanted);
    case 'ne':
      return !equalJson(value, wanted);
    case 'gt':
      return compared !== undefined && compared > 0;
    case 'gte':
      return compared !== undefined && compared >= 0;
    case 'lt':
      return compared !== undefined && compared < 0;
    case 'lte':
      return compared !== undefined && compared <= 0;
    case 'contains':
      return contains(value, wanted);
    case 'starts_with':
      return bothStrings(value, wanted, (whole, part) => whole.startsWith(part));
    case 'ends_with':
      return bothStrings(value, wanted, (whole, part) => whole.endsWith(part));
  }
}
