import type { Json, JsonObject } from '../contracts/json.ts';
import { KEPT } from './catalogue/field.ts';
import type { Included } from './catalogue/source.ts';
import type { Aggregate, FieldRef, Shape } from './checked.ts';
import { typeOf } from './checked.ts';

/** Gives the columns of a row the names by which they were asked for. */
export function readRow(shape: Shape, row: readonly unknown[]): JsonObject {
  // Names are the caller's: made from entries, one that is `__proto__` is a name like any other.
  if (shape.kind === 'groups') {
    const { groups, aggregates } = shape;
    return Object.fromEntries([
      ...groups.map(({ name, ref }, index) => [name, readValue(ref, row[index])] as const),
      ...aggregates.map(
        (aggregate, index) =>
          [aggregate.name, readAggregate(aggregate, row[groups.length + index])] as const,
      ),
    ]);
  }
  const { select, include } = shape;
  return Object.fromEntries([
    ...select.map((ref, index) => [ref.name, readValue(ref, row[index])] as const),
    ...include.map((each, index) => {
      const at = select.length + 3 * index;
      return [each.name, readIncluded(each, row.slice(at, at + 3))] as const;
    }),
  ]);
}

function readValue(ref: FieldRef, value: unknown): Json {
  if (value === null || value === undefined) return null;
  const type = typeOf(ref);
  if (type === 'time') return (value as Date).toISOString();
  if (type === 'json') return JSON.parse(value as string) as Json;
  const { unit } = ref.field;
  if (type === 'number' && unit !== undefined) return (value as number) / KEPT[unit];
  return value as Json;
}

const readAggregate = ({ fn, ref }: Aggregate, value: unknown): Json =>
  ref === undefined || fn === 'count' || fn === 'count_distinct'
    ? (value as number)
    : readValue(ref, value);

/** The value itself, or of a large one its size and where it is. */
function readIncluded({ part }: Included, [text, bytes, path]: unknown[]): Json {
  if (bytes === null) return null;
  if (text === null) return { ref: path as string | null, bytes: bytes as number };
  const value = JSON.parse(text as string) as Json;
  return part === undefined ? value : ((value as JsonObject)[part] ?? null);
}
