import { QUERY_INCLUDED_BYTES_MAX } from '../../contracts/limits.ts';
import type { Statement } from '../../storage/read-only.ts';
import type { KeyColumn, Included } from '../catalogue/source.ts';
import type { CheckedQuery, Condition, FieldRef, Shape } from '../checked.ts';
import { isNullable, typeOf } from '../checked.ts';
import { createBinder } from './binder.ts';
import type { Binder } from './binder.ts';
import { conditionOf } from './condition.ts';
import { aggregateOf, groupOf, orderedOf, valueOf } from './expression.ts';
import { afterOf, keptOf, orderOf, readCursor } from './order.ts';
import type { OrderColumn, OrderType } from './order.ts';

/** Whose rows may be seen: those of a tenant, or of one agent of it. */
export interface Viewer {
  tenantId: string;
  /** The agent that the key is bound to. */
  agentId: string | null;
}

/** A statement, and how its rows are read: first the columns that are told, behind them those of the cursor. */
export interface Compiled extends Statement {
  keyColumns: number;
}

/**
 * Makes SQL of a question. Every piece of the text is a constant of ours or the number of a value; what the caller wrote
 * is bound, and the names that a row is told by are given to it afterwards, by position.
 * Errors: CURSOR_INVALID.
 */
export function compileQuery(query: CheckedQuery, viewer: Viewer): Compiled {
  const binder = createBinder([viewer.tenantId]);
  return query.shape.kind === 'rows'
    ? compileRows(query, query.shape, viewer, binder)
    : compileGroups(query, query.shape, viewer, binder);
}

type Of<Kind extends Shape['kind']> = Extract<Shape, { kind: Kind }>;

function compileRows(
  query: CheckedQuery,
  shape: Of<'rows'>,
  viewer: Viewer,
  binder: Binder,
): Compiled {
  const { cursor, fingerprint, limit } = query;
  const order = orderOfRows(query, shape, binder);
  const told = [
    ...shape.select.map((ref) => selectedOf(ref, binder)),
    ...shape.include.flatMap((each) => includedOf(each, binder)),
  ];
  const conditions = conditionsOf(query, viewer, binder);
  if (cursor !== undefined)
    conditions.push(afterOf(order, readCursor(cursor, fingerprint, order), binder));
  const text = `SELECT ${[...told, ...order.map(keptOf)].join(', ')} FROM ${placeOf(query).from}
    WHERE ${conditions.join(' AND ')} ORDER BY ${orderOf(order)} LIMIT ${binder.bind(limit + 1, 'bigint')}`;
  return { text, values: binder.values, keyColumns: order.length };
}

function compileGroups(
  query: CheckedQuery,
  shape: Of<'groups'>,
  viewer: Viewer,
  binder: Binder,
): Compiled {
  const { cursor, fingerprint, limit } = query;
  const { groups, aggregates } = shape;
  const columns = [
    ...groups.map(({ ref, bucket }) => groupOf(ref, bucket, binder)),
    ...aggregates.map((aggregate) => aggregateOf(aggregate, binder)),
  ];
  const grouping =
    groups.length > 0 ? `GROUP BY ${groups.map((_, index) => index + 1).join(', ')}` : '';
  const inner = `SELECT ${columns.map((sql, index) => `${sql} AS c${index}`).join(', ')} FROM ${placeOf(query).from}
      WHERE ${conditionsOf(query, viewer, binder).join(' AND ')} ${grouping}`;
  const order = orderOfGroups(shape);
  const after =
    cursor === undefined ? 'true' : afterOf(order, readCursor(cursor, fingerprint, order), binder);
  const told = columns.map((_, index) => `q.c${index}`);
  const text = `SELECT ${[...told, ...order.map(keptOf)].join(', ')} FROM (
      ${inner}
    ) q WHERE ${after} ${order.length > 0 ? `ORDER BY ${orderOf(order)}` : ''} LIMIT ${binder.bind(limit + 1, 'bigint')}`;
  return { text, values: binder.values, keyColumns: order.length };
}

/** Where the rows are found: by a shorter way, if what is asked allows it. */
function placeOf({ source, where }: CheckedQuery): { from: string; where: string } {
  const shorter = source.narrower?.find(
    ({ field, value }) => where !== undefined && isAsked(where, field, value),
  );
  return shorter ?? source;
}

const isAsked = (condition: Condition, field: string, value: string | boolean): boolean =>
  condition.kind === 'test'
    ? condition.ref.name === field && condition.op === 'eq' && condition.values[0] === value
    : condition.kind === 'and' && condition.parts.some((part) => isAsked(part, field, value));

/** The tenant always, the agent of a key that is bound to one, and what is asked. */
function conditionsOf(query: CheckedQuery, { agentId }: Viewer, binder: Binder): string[] {
  const { source, where } = query;
  return [
    placeOf(query).where,
    ...(agentId === null ? [] : [`${source.agent} = ${binder.bind(agentId, 'text')}`]),
    ...(where ? [conditionOf(where, binder)] : []),
  ];
}

function selectedOf(ref: FieldRef, binder: Binder): string {
  const sql = valueOf(ref, binder);
  const type = typeOf(ref);
  if (type === 'number') return `(${sql})::float8`;
  if (type !== 'json') return sql;
  // JSON as text: of what is too large, its size.
  const max = binder.bind(QUERY_INCLUDED_BYTES_MAX, 'bigint');
  const size = `octet_length(${sql})`;
  return `CASE WHEN ${size} > ${max} THEN '{"bytes":' || ${size} || '}' ELSE ${sql} END`;
}

/** What is too large stays in Postgres: its size and where it is are told instead. */
const includedOf = ({ sql, bytes, path }: Included, binder: Binder): string[] => [
  `CASE WHEN (${bytes}) <= ${binder.bind(QUERY_INCLUDED_BYTES_MAX, 'bigint')} THEN ${sql.startsWith('CASE') ? `(${sql})` : sql} END`,
  `(${bytes})::float8`,
  path,
];

/** The order that is asked for, and behind it what tells rows apart, in the direction of the last of it. */
function orderOfRows({ source }: CheckedQuery, shape: Of<'rows'>, binder: Binder): OrderColumn[] {
  const asked = shape.order.map(({ ref, direction }): OrderColumn => ({
    sql: () => orderedOf(ref, binder),
    type: orderTypeOf(ref),
    isNullable: isNullable(ref),
    direction,
  }));
  const direction = asked.at(-1)?.direction ?? 'desc';
  const isAsked = ({ sql }: KeyColumn): boolean =>
    shape.order.some(({ ref }) => ref.label === undefined && ref.field.sql === sql);
  const key = source.key
    .filter((column) => !isAsked(column))
    .map(({ sql, type }): OrderColumn => ({ sql: () => sql, type, isNullable: false, direction }));
  return [...asked, ...key];
}

function orderOfGroups({ groups, aggregates, order }: Of<'groups'>): OrderColumn[] {
  const ordered = new Set(order.map(({ column }) => column));
  const rest = groups.flatMap((_, column) =>
    ordered.has(column) ? [] : [{ column, direction: 'asc' as const }],
  );
  return [...order, ...rest].map(({ column, direction }) => {
    const group = groups[column];
    const aggregate = aggregates[column - groups.length];
    const ref =
      group?.ref ??
      (aggregate?.fn === 'min' || aggregate?.fn === 'max' ? aggregate.ref : undefined);
    return {
      sql: () => `q.c${column}`,
      type: ref ? orderTypeOf(ref) : 'number',
      isNullable: group
        ? isNullable(group.ref)
        : !['count', 'count_distinct', 'sum'].includes(aggregate!.fn),
      direction,
    };
  });
}

function orderTypeOf(ref: FieldRef): OrderType {
  const type = typeOf(ref);
  if (type === 'number' && ref.field.isId) return 'whole';
  return type === 'number' || type === 'boolean' || type === 'time' ? type : 'string';
}
