import type { Json, JsonObject } from '../../src/contracts/json.ts';
import type { PlainRow } from './query-world.ts';

/** The typed language over plain rows, as simply as it can be told: what SQL answers is compared with it. */

/** The value of a field; of a label where one is named. */
export function fieldOf(row: PlainRow, name: string): Json {
  if (!name.startsWith('labels.')) return row[name] ?? null;
  const labels = row['labels'] as JsonObject | null;
  const label = name.slice('labels.'.length);
  return labels && Object.hasOwn(labels, label) ? labels[label]! : null;
}

const TIME = /^\d{4}-\d\d-\d\dT/;

/** Texts by their bytes, times by what they mean, what is not there last. */
export function compare(left: Json, right: Json): number {
  if (left === null || right === null) return left === right ? 0 : left === null ? 1 : -1;
  if (typeof left === 'string' && typeof right === 'string')
    return Buffer.compare(Buffer.from(left), Buffer.from(right));
  return Number(left) - Number(right);
}

const sameTime = (value: Json): Json =>
  typeof value === 'string' && TIME.test(value) ? new Date(value).toISOString() : value;

export function matches(row: PlainRow, condition: JsonObject): boolean {
  if (condition['and'])
    return (condition['and'] as JsonObject[]).every((part) => matches(row, part));
  if (condition['or']) return (condition['or'] as JsonObject[]).some((part) => matches(row, part));
  if (condition['not']) return !matches(row, condition['not'] as JsonObject);
  const found = fieldOf(row, condition['field'] as string);
  const wanted = condition['value'] ?? null;
  const value = Array.isArray(wanted) ? wanted.map(sameTime) : sameTime(wanted);
  const isOne = (other: Json): boolean => found !== null && compare(found, other) === 0;
  const ordered = (test: (order: number) => boolean): boolean =>
    found !== null && test(compare(found, value));
  const texts = (test: (text: string, part: string) => boolean): boolean =>
    typeof found === 'string' && test(found, value as string);
  switch (condition['op'] as string) {
    case 'eq':
      return isOne(value);
    case 'ne':
      return !isOne(value);
    case 'in':
      return (value as Json[]).some(isOne);
    case 'not_in':
      return !(value as Json[]).some(isOne);
    case 'gt':
      return ordered((order) => order > 0);
    case 'gte':
      return ordered((order) => order >= 0);
    case 'lt':
      return ordered((order) => order < 0);
    case 'lte':
      return ordered((order) => order <= 0);
    case 'contains':
      return Array.isArray(found)
        ? found.includes(value)
        : texts((text, part) => text.includes(part));
    case 'starts_with':
      return texts((text, part) => text.startsWith(part));
    case 'ends_with':
      return texts((text, part) => text.endsWith(part));
    case 'exists':
      return found !== null;
    case 'not_exists':
      return found === null;
    default:
      throw new Error('no such operator');
  }
}

function bucketOf(value: Json, bucket: Json | undefined): Json {
  if (value === null || bucket === undefined) return value;
  const moment = new Date(value as string);
  const [year, month, day] = [moment.getUTCFullYear(), moment.getUTCMonth(), moment.getUTCDate()];
  switch (bucket as string) {
    case 'hour':
      return new Date(Date.UTC(year, month, day, moment.getUTCHours())).toISOString();
    case 'day':
      return new Date(Date.UTC(year, month, day)).toISOString();
    case 'week':
      return new Date(Date.UTC(year, month, day - ((moment.getUTCDay() + 6) % 7))).toISOString();
    case 'month':
      return new Date(Date.UTC(year, month, 1)).toISOString();
    default:
      throw new Error('no such bucket');
  }
}

const FRACTIONS: Record<string, number> = { p50: 0.5, p90: 0.9, p95: 0.95, p99: 0.99 };

function aggregateOf(rows: readonly PlainRow[], { fn, field, p }: JsonObject): Json {
  if (field === undefined) return rows.length;
  const values = rows.map((row) => fieldOf(row, field as string)).filter((value) => value !== null);
  const sorted = values.toSorted(compare);
  const sum = (): number => (values as number[]).reduce((total, value) => total + value, 0);
  switch (fn as string) {
    case 'count':
      return values.length;
    case 'count_distinct':
      return new Set(values).size;
    case 'sum':
      return sum();
    case 'avg':
      return values.length === 0 ? null : sum() / values.length;
    case 'min':
      return sorted[0] ?? null;
    case 'max':
      return sorted.at(-1) ?? null;
    default: {
      if (sorted.length === 0) return null;
      const place = (sorted.length - 1) * ((p as number | undefined) ?? FRACTIONS[fn as string]!);
      const [low, high] = [sorted[Math.floor(place)] as number, sorted[Math.ceil(place)] as number];
      return low + (high - low) * (place - Math.floor(place));
    }
  }
}

const nameOf = (group: Json): string =>
  typeof group === 'string' ? group : ((group as JsonObject)['field'] as string);

/** All rows of the answer, in no order. */
export function answerOf(rows: readonly PlainRow[], query: JsonObject): PlainRow[] {
  const where = query['where'] as JsonObject | undefined;
  const found = where ? rows.filter((row) => matches(row, where)) : rows;
  const groups = query['group_by'] as Json[] | undefined;
  const aggregates = query['aggregates'] as JsonObject[] | undefined;
  if (!groups && !aggregates) {
    const select = query['select'] as string[];
    return found.map((row) => Object.fromEntries(select.map((name) => [name, fieldOf(row, name)])));
  }
  const grouped = new Map<string, { key: PlainRow; rows: PlainRow[] }>();
  if (!groups) grouped.set('', { key: {}, rows: [...found] });
  for (const row of groups ? found : []) {
    const key = Object.fromEntries(
      groups!.map((group) => [
        nameOf(group),
        bucketOf(
          fieldOf(row, nameOf(group)),
          typeof group === 'string' ? undefined : (group as JsonObject)['bucket'],
        ),
      ]),
    );
    const text = JSON.stringify(Object.entries(key));
    const group = grouped.get(text) ?? { key, rows: [] };
    group.rows.push(row);
    grouped.set(text, group);
  }
  const asked = aggregates ?? [{ fn: 'count', as: 'count' }];
  return [...grouped.values()].map(({ key, rows: own }) => ({
    ...key,
    ...Object.fromEntries(asked.map((each) => [each['as'] as string, aggregateOf(own, each)])),
  }));
}

/** Whether rows stand in the order that was asked for; what is not there comes last either way. */
export function isInOrder(rows: readonly PlainRow[], order: readonly JsonObject[]): boolean {
  const before = (left: PlainRow, right: PlainRow): number => {
    for (const { field, as, direction } of order) {
      const [a, b] = [
        left[(field ?? as) as string] ?? null,
        right[(field ?? as) as string] ?? null,
      ];
      const compared = compare(a, b);
      if (compared !== 0)
        return direction === 'desc' && a !== null && b !== null ? -compared : compared;
    }
    return 0;
  };
  return rows.every((row, index) => index === 0 || before(rows[index - 1]!, row) <= 0);
}
