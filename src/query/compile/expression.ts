import type { Bucket } from '../../contracts/typed-query.ts';
import type { Aggregate, FieldRef } from '../checked.ts';
import { typeOf } from '../checked.ts';
import type { Binder } from './binder.ts';

/** The value of a field. */
export const valueOf = (ref: FieldRef, { bind }: Binder): string =>
  ref.label === undefined ? ref.field.sql : `(${ref.field.sql} ->> ${bind(ref.label, 'text')})`;

/** A field as a column that is grouped by, compared or put in order: texts by their bytes, whatever the database's rules. */
export function orderedOf(ref: FieldRef, binder: Binder): string {
  const sql = valueOf(ref, binder);
  const type = typeOf(ref);
  // The words of an enum are ours, and their columns have indexes.
  const isAsItIs = type === 'enum' || (ref.field.isId && ref.label === undefined);
  if (isAsItIs) return sql;
  if (type === 'number') return `(${sql})::float8`;
  return type === 'string' ? `(${sql}) COLLATE "C"` : sql;
}

const BUCKET_SQL: Readonly<Record<Bucket, string>> = {
  hour: `'hour'`,
  day: `'day'`,
  week: `'week'`,
  month: `'month'`,
};

/** What rows are grouped by; a time that is put in no bucket as it is told, to the millisecond. */
export function groupOf(ref: FieldRef, bucket: Bucket | undefined, binder: Binder): string {
  if (typeOf(ref) !== 'time') return orderedOf(ref, binder);
  const unit = bucket === undefined ? `'milliseconds'` : BUCKET_SQL[bucket];
  return `date_trunc(${unit}, ${valueOf(ref, binder)}, 'UTC')`;
}

export function aggregateOf({ fn, ref, fraction }: Aggregate, binder: Binder): string {
  if (!ref) return 'count(*)::float8';
  // A value that is bound has to stand in the statement, so each is asked for where it stands.
  const sql = (): string => valueOf(ref, binder);
  const grouped = (): string => groupOf(ref, undefined, binder);
  switch (fn) {
    case 'count':
      return `count(${sql()})::float8`;
    case 'count_distinct':
      return `count(DISTINCT ${grouped()})::float8`;
    case 'sum':
      return `coalesce(sum(${sql()}), 0)::float8`;
    case 'avg':
      return `avg(${sql()})::float8`;
    case 'min':
    case 'max': {
      const least = fn === 'min' ? 'min' : 'max';
      return typeOf(ref) === 'number' ? `${least}(${sql()})::float8` : `${least}(${grouped()})`;
    }
    case 'p50':
    case 'p90':
    case 'p95':
    case 'p99':
    case 'percentile': {
      const place = binder.bind(fraction, 'float8');
      return `percentile_cont(${place}) WITHIN GROUP (ORDER BY (${sql()})::float8)`;
    }
  }
}
