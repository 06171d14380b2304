import { KEPT } from '../catalogue/field.ts';
import type { Condition, FieldRef, Scalar, Test } from '../checked.ts';
import { isNullable, typeOf } from '../checked.ts';
import type { Binder } from './binder.ts';
import { orderedOf, valueOf } from './expression.ts';

/**
 * A condition has two values, as in a plan's `when`: what is not there equals nothing, and `not` of that is true. So
 * negations are carried down to the tests, where alone a NULL has to be thought of, and indexes still serve.
 */
export function conditionOf(condition: Condition, binder: Binder, isNegated = false): string {
  switch (condition.kind) {
    case 'not':
      return conditionOf(condition.part, binder, !isNegated);
    case 'and':
    case 'or': {
      const word = (condition.kind === 'and') === isNegated ? ' OR ' : ' AND ';
      return `(${condition.parts.map((part) => conditionOf(part, binder, isNegated)).join(word)})`;
    }
    case 'test':
      return testOf(condition, binder, isNegated);
  }
}

/** The operators that are the opposite of another one. */
const OPPOSITES = { ne: 'eq', not_in: 'in', not_exists: 'exists' } as const;

function testOf(test: Test, binder: Binder, isNegated: boolean): string {
  const { op, ref } = test;
  if (op === 'ne' || op === 'not_in' || op === 'not_exists')
    return testOf({ ...test, op: OPPOSITES[op] }, binder, !isNegated);
  if (op === 'exists') return existsOf(ref, binder, isNegated);
  const sql = typeOf(ref) === 'time' ? timeTestOf(test, binder) : positiveTestOf(test, binder);
  if (!isNegated) return `(${sql})`;
  return isNullable(ref) ? `((${sql}) IS NOT TRUE)` : `(NOT (${sql}))`;
}

function existsOf(ref: FieldRef, binder: Binder, isNegated: boolean): string {
  if (!isNullable(ref)) return isNegated ? 'false' : 'true';
  return `(${valueOf(ref, binder)} ${isNegated ? 'IS NULL' : 'IS NOT NULL'})`;
}

const COMPARISONS = { gt: '>', gte: '>=', lt: '<', lte: '<=' } as const;

function positiveTestOf({ ref, op, values }: Test, binder: Binder): string {
  const type = typeOf(ref);
  const { bind } = binder;
  const [value] = values;
  const sql = (): string => valueOf(ref, binder);
  if (type === 'list') return `${bind(value, 'text')} = ANY(${sql()})`;
  switch (op) {
    case 'eq':
      // So that the index of labels serves.
      if (ref.label !== undefined)
        return `${ref.field.sql} @> ${bind(JSON.stringify({ [ref.label]: value }), 'jsonb')}`;
      return `${sql()} = ${one(ref, value!, binder)}`;
    case 'in':
      return `${sql()} = ANY(${
        type === 'number'
          ? bind(
              values.map((each) => numberOf(ref, each)),
              'float8[]',
            )
          : bind(values, 'text[]')
      })`;
    case 'gt':
    case 'gte':
    case 'lt':
    case 'lte':
      return `${orderedOf(ref, binder)} ${COMPARISONS[op]} ${one(ref, value!, binder)}`;
    case 'contains':
      return `strpos(${sql()}, ${bind(value, 'text')}) > 0`;
    case 'starts_with':
      return `starts_with(${sql()}, ${bind(value, 'text')})`;
    case 'ends_with': {
      const end = bind(value, 'text');
      return `right(${sql()}, length(${end})) = ${end}`;
    }
    case 'ne':
    case 'not_in':
    case 'exists':
    case 'not_exists':
      throw new Error(`${op} is told by its opposite`);
  }
}

function one(ref: FieldRef, value: Scalar, { bind }: Binder): string {
  if (typeof value === 'number') return bind(numberOf(ref, value), 'float8');
  return typeof value === 'boolean' ? bind(value, 'boolean') : bind(value, 'text');
}

/** A number as it is kept: what is told as this number is equal to it, and nothing else is. */
function numberOf({ field }: FieldRef, value: Scalar): number {
  const kept = field.unit === undefined ? 1 : KEPT[field.unit];
  const scaled = Number(value) * kept;
  const whole = Math.round(scaled);
  return whole / kept === value ? whole : scaled;
}

/** Times are told to the millisecond and kept to the microsecond: a value stands for the whole of its millisecond. */
function timeTestOf({ ref, op, values }: Test, binder: Binder): string {
  const { bind } = binder;
  const sql = valueOf(ref, binder);
  const at = (moment: Scalar, plusMs = 0): string =>
    bind(new Date((moment as Date).getTime() + plusMs).toISOString(), 'timestamptz');
  const during = (moment: Scalar): string =>
    `(${sql} >= ${at(moment)} AND ${sql} < ${at(moment, 1)})`;
  const [value] = values;
  const compared: Partial<Record<Test['op'], () => string>> = {
    gt: () => `${sql} >= ${at(value!, 1)}`,
    gte: () => `${sql} >= ${at(value!)}`,
    lt: () => `${sql} < ${at(value!)}`,
    lte: () => `${sql} < ${at(value!, 1)}`,
  };
  const others = (): string => (values.length === 0 ? 'false' : values.map(during).join(' OR '));
  return (compared[op] ?? others)();
}
