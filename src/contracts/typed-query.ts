import { z } from 'zod';
import { Problem } from './failures.ts';
import {
  PAGE_SIZE_DEFAULT,
  QUERY_AGGREGATES_MAX,
  QUERY_GROUPS_MAX,
  QUERY_ORDERS_MAX,
  QUERY_ROWS_MAX,
  QUERY_SELECTED_MAX,
} from './limits.ts';

export const QUERY_SOURCES = [
  'runs',
  'steps',
  'transactions',
  'failures',
  'events',
  'agents',
] as const;
export type QuerySource = (typeof QUERY_SOURCES)[number];

export const QUERY_OPERATORS = [
  'eq',
  'ne',
  'gt',
  'gte',
  'lt',
  'lte',
  'in',
  'not_in',
  'contains',
  'starts_with',
  'ends_with',
  'exists',
  'not_exists',
] as const;
export type QueryOperator = (typeof QUERY_OPERATORS)[number];

export const AGGREGATE_FUNCTIONS = [
  'count',
  'count_distinct',
  'sum',
  'avg',
  'min',
  'max',
  'p50',
  'p90',
  'p95',
  'p99',
  'percentile',
] as const;
export type AggregateFunction = (typeof AGGREGATE_FUNCTIONS)[number];

export const BUCKETS = ['hour', 'day', 'week', 'month'] as const;
export type Bucket = (typeof BUCKETS)[number];

export const INCLUDES = ['inputs', 'outputs'] as const;
export type Include = (typeof INCLUDES)[number];

/** What a result column may be called. */
export const ALIAS = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

const Part = z.record(z.string(), z.unknown());

/** A question in the typed language. Which fields there are, and which operators each takes, its schema tells. */
export const AskTyped = z.object({
  from: z.enum(QUERY_SOURCES),
  where: Part.nullish().describe(
    '`{and: […]}`, `{or: […]}`, `{not: …}` or `{field, op, value}`; the whole of it is GET /api/v1/runtime/query-schema.',
  ),
  select: z.array(z.string()).max(QUERY_SELECTED_MAX).nullish(),
  include: z.array(z.enum(INCLUDES)).max(INCLUDES.length).nullish(),
  group_by: z.array(z.string().or(Part)).max(QUERY_GROUPS_MAX).nullish(),
  aggregates: z.array(Part).max(QUERY_AGGREGATES_MAX).nullish(),
  order_by: z.array(Part).max(QUERY_ORDERS_MAX).nullish(),
  limit: z.int().min(1).max(QUERY_ROWS_MAX).default(PAGE_SIZE_DEFAULT),
  cursor: z.string().nullish(),
});

/** A page of rows; each has what was selected, or its groups and aggregates, by their names. */
export const TypedAnswer = z.object({
  from: z.enum(QUERY_SOURCES),
  data: z.array(z.record(z.string(), z.json())),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
  warnings: z.array(Problem).describe('What of the request was ignored.'),
});
export type TypedAnswer = z.infer<typeof TypedAnswer>;
