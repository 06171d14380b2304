import { isJsonObject } from '../../contracts/json.ts';
import type { Json, JsonObject } from '../../contracts/json.ts';
import {
  QUERY_AGGREGATES_MAX,
  QUERY_GROUPS_MAX,
  QUERY_ORDERS_MAX,
  QUERY_SELECTED_MAX,
} from '../../contracts/limits.ts';
import { AGGREGATE_FUNCTIONS, ALIAS, BUCKETS, INCLUDES } from '../../contracts/typed-query.ts';
import { keepKnown } from '../../domain/plan/known-keys.ts';
import { quote, quoteSome } from '../../domain/plan/wording.ts';
import type { Included } from '../catalogue/source.ts';
import type { Aggregate, Direction, FieldRef, Group, Shape } from '../checked.ts';
import { typeOf } from '../checked.ts';
import { AGGREGATED, FRACTIONS, GROUPED } from '../operators.ts';
import { lookUpField, lookUpWord, readList } from './look-up.ts';
import type { Scope } from './look-up.ts';

const DIRECTIONS: readonly Direction[] = ['asc', 'desc'];

/** What is told of the rows, and in which order: fields of each, or groups with aggregates. */
export function checkShape(scope: Scope, body: JsonObject): Shape {
  const isGrouped = body['group_by'] != null || body['aggregates'] != null;
  return isGrouped ? checkGroups(scope, body) : checkRows(scope, body);
}

function checkRows(scope: Scope, body: JsonObject): Shape {
  const { problems, source } = scope;
  const named = readList(scope, '/select', body['select'], QUERY_SELECTED_MAX);
  const select = named.flatMap((name, index) => lookUpField(scope, `/select/${index}`, name) ?? []);
  for (const [index, name] of named.entries()) {
    if (named.indexOf(name) < index)
      problems.add(`/select/${index}`, 'INVALID_TYPE', () => 'is selected twice');
  }
  const order = readList(scope, '/order_by', body['order_by'], QUERY_ORDERS_MAX).flatMap(
    (entry, index) => {
      const found = checkOrder(scope, `/order_by/${index}`, entry);
      const name = found && (found.names['field'] ?? found.names['as']);
      const ref = found && lookUpField(scope, `/order_by/${index}/field`, name);
      if (!ref) return [];
      if (!GROUPED.includes(typeOf(ref))) {
        problems.add(
          `/order_by/${index}/field`,
          'INVALID_TYPE',
          () => `${quote(ref.name)} has no order`,
        );
        return [];
      }
      return [{ ref, direction: found.direction }];
    },
  );
  return {
    kind: 'rows',
    select: named.length > 0 ? select : everyField(scope),
    include: checkInclude(scope, body['include']),
    order:
      order.length > 0
        ? order
        : source.order.map((name) => ({
            ref: { name, field: source.fields[name]! },
            direction: 'desc',
          })),
  };
}

const everyField = ({ source }: Scope): FieldRef[] =>
  Object.entries(source.fields).flatMap(([name, field]) =>
    field.isExtra ? [] : [{ name, field }],
  );

function checkInclude(scope: Scope, value: Json | undefined): Included[] {
  const { problems, source, from } = scope;
  return readList(scope, '/include', value, INCLUDES.length).flatMap((word, index) => {
    const found = lookUpWord(scope, `/include/${index}`, word, INCLUDES);
    if (found === undefined) return [];
    const included = source[found];
    if (included) return included;
    problems.add(
      `/include/${index}`,
      'INVALID_TYPE',
      () => `\`${from}\` have no ${found}: \`runs\` and \`steps\` have`,
    );
    return [];
  });
}

function checkGroups(scope: Scope, body: JsonObject): Shape {
  const { problems } = scope;
  for (const name of ['select', 'include']) {
    if (body[name] != null)
      problems.add(
        `/${name}`,
        'INVALID_TYPE',
        () => 'has no meaning beside `group_by` and `aggregates`',
      );
  }
  const groups = readList(scope, '/group_by', body['group_by'], QUERY_GROUPS_MAX).flatMap(
    (entry, index) => checkGroup(scope, `/group_by/${index}`, entry) ?? [],
  );
  const asked = readList(scope, '/aggregates', body['aggregates'], QUERY_AGGREGATES_MAX);
  const found = asked.flatMap(
    (entry, index) => checkAggregate(scope, `/aggregates/${index}`, entry) ?? [],
  );
  const aggregates: Aggregate[] = asked.length > 0 ? found : [{ name: 'count', fn: 'count' }];
  const names = [...groups, ...aggregates].map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) {
    const where = aggregates.some(({ name }) => name === twice) ? '/aggregates' : '/group_by';
    problems.add(
      where,
      'INVALID_TYPE',
      () => `${quote(twice)} is the name of two: give one another with \`as\``,
    );
  }
  const order = readList(scope, '/order_by', body['order_by'], QUERY_ORDERS_MAX).flatMap(
    (entry, index) => {
      const pointer = `/order_by/${index}`;
      const ordered = checkOrder(scope, pointer, entry);
      if (!ordered) return [];
      const key = ordered.names['as'] === undefined ? 'field' : 'as';
      const name = lookUpWord(scope, `${pointer}/${key}`, ordered.names[key], names);
      return name === undefined
        ? []
        : [{ column: names.indexOf(name), direction: ordered.direction }];
    },
  );
  return { kind: 'groups', groups, aggregates, order };
}

function checkGroup(scope: Scope, pointer: string, entry: Json): Group | undefined {
  const isBucketed = isJsonObject(entry);
  if (isBucketed) keepKnown(entry, ['field', 'bucket'], pointer, 'the group', scope);
  const at = isBucketed ? `${pointer}/field` : pointer;
  const ref = lookUpField(scope, at, isBucketed ? entry['field'] : entry);
  const given = isBucketed ? (entry['bucket'] ?? undefined) : undefined;
  const bucket =
    given === undefined ? undefined : lookUpWord(scope, `${pointer}/bucket`, given, BUCKETS);
  if (!ref) return undefined;
  if (!GROUPED.includes(typeOf(ref))) {
    scope.problems.add(
      at,
      'INVALID_TYPE',
      () =>
        `${quote(ref.name)} makes no groups${typeOf(ref) === 'labels' ? ': name one label, `labels.NAME`' : ''}`,
    );
    return undefined;
  }
  if (bucket !== undefined && typeOf(ref) !== 'time') {
    scope.problems.add(`${pointer}/bucket`, 'INVALID_TYPE', () => `${quote(ref.name)} is no time`);
    return undefined;
  }
  return { name: ref.name, ref, ...(bucket !== undefined && { bucket }) };
}

function checkAggregate(scope: Scope, pointer: string, entry: Json): Aggregate | undefined {
  const { problems } = scope;
  if (!isJsonObject(entry)) {
    problems.add(pointer, 'INVALID_TYPE', () => 'must be `{fn, field, as}`');
    return undefined;
  }
  keepKnown(entry, ['fn', 'field', 'p', 'as'], pointer, 'the aggregate', scope);
  const fn = lookUpWord(scope, `${pointer}/fn`, entry['fn'], AGGREGATE_FUNCTIONS);
  const named = entry['field'] ?? undefined;
  const ref = named === undefined ? undefined : lookUpField(scope, `${pointer}/field`, named);
  const alias = entry['as'] ?? undefined;
  if (alias !== undefined && !(typeof alias === 'string' && ALIAS.test(alias)))
    problems.add(
      `${pointer}/as`,
      'INVALID_TYPE',
      () => 'must be a word of letters, digits and _, at most 64',
    );
  if (fn === undefined || (named !== undefined && !ref)) return undefined;
  if (!ref && fn !== 'count') {
    problems.add(`${pointer}/field`, 'INVALID_TYPE', () => `\`${fn}\` is of a field: name one`);
    return undefined;
  }
  if (ref && !AGGREGATED[fn].includes(typeOf(ref))) {
    problems.add(
      `${pointer}/field`,
      'INVALID_TYPE',
      () => `\`${fn}\` is of a ${quoteSome(AGGREGATED[fn])}; ${quote(ref.name)} is none`,
    );
    return undefined;
  }
  const fraction = fn === 'percentile' ? entry['p'] : FRACTIONS[fn];
  if (fn === 'percentile' && !(typeof fraction === 'number' && fraction >= 0 && fraction <= 1)) {
    problems.add(
      `${pointer}/p`,
      'INVALID_TYPE',
      () => 'must be a number from 0 to 1, for instance 0.95',
    );
    return undefined;
  }
  if (fn !== 'percentile' && entry['p'] != null)
    problems.add(`${pointer}/p`, 'INVALID_TYPE', () => 'has a meaning for `percentile` alone');
  return {
    name: typeof alias === 'string' ? alias : ref ? `${fn}_${ref.name}` : fn,
    fn,
    ...(ref && { ref }),
    ...(typeof fraction === 'number' && { fraction }),
  };
}

function checkOrder(
  scope: Scope,
  pointer: string,
  entry: Json,
): { names: JsonObject; direction: Direction } | undefined {
  if (!isJsonObject(entry) || (entry['field'] ?? entry['as']) == null) {
    scope.problems.add(
      pointer,
      'INVALID_TYPE',
      () => 'must be `{field, direction}`, or of an aggregate `{as, direction}`',
    );
    return undefined;
  }
  const { entries } = keepKnown(entry, ['field', 'as', 'direction'], pointer, 'the order', scope);
  const given = entry['direction'] ?? 'asc';
  const direction = lookUpWord(scope, `${pointer}/direction`, given, DIRECTIONS);
  return direction && { names: entries, direction };
}
