import type { AggregateFunction, QueryOperator } from '../contracts/typed-query.ts';
import type { FieldType } from './catalogue/field.ts';

const EQUAL = ['eq', 'ne'] as const;
const ORDER = ['gt', 'gte', 'lt', 'lte'] as const;
const LIST = ['in', 'not_in'] as const;
const PRESENCE = ['exists', 'not_exists'] as const;

/** The operators that each type of field takes. */
export const OPERATORS: Readonly<Record<FieldType, readonly QueryOperator[]>> = {
  string: [...EQUAL, ...ORDER, ...LIST, 'contains', 'starts_with', 'ends_with', ...PRESENCE],
  enum: [...EQUAL, ...LIST, ...PRESENCE],
  number: [...EQUAL, ...ORDER, ...LIST, ...PRESENCE],
  time: [...EQUAL, ...ORDER, ...LIST, ...PRESENCE],
  boolean: [...EQUAL, ...PRESENCE],
  list: ['contains', ...PRESENCE],
  labels: [],
  json: PRESENCE,
};

const NUMERIC = ['number'] as const;
const ORDERED = ['number', 'time', 'string', 'enum'] as const;
export const GROUPED: readonly FieldType[] = [...ORDERED, 'boolean'];

/** The types of field that each aggregate is of. */
export const AGGREGATED: Readonly<Record<AggregateFunction, readonly FieldType[]>> = {
  count: [...ORDERED, 'boolean', 'list', 'json'],
  count_distinct: [...ORDERED, 'boolean'],
  sum: NUMERIC,
  avg: NUMERIC,
  min: ORDERED,
  max: ORDERED,
  p50: NUMERIC,
  p90: NUMERIC,
  p95: NUMERIC,
  p99: NUMERIC,
  percentile: NUMERIC,
};

/** The fractions of the percentiles that have a name. */
export const FRACTIONS: Partial<Record<AggregateFunction, number>> = {
  p50: 0.5,
  p90: 0.9,
  p95: 0.95,
  p99: 0.99,
};
