import fc from 'fast-check';
import type { Json, JsonObject } from '../../src/contracts/json.ts';
import { BUCKETS, QUERY_SOURCES } from '../../src/contracts/typed-query.ts';
import type { AggregateFunction, QuerySource } from '../../src/contracts/typed-query.ts';
import { CATALOGUE } from '../../src/query/catalogue/catalogue.ts';
import type { Field, FieldType } from '../../src/query/catalogue/field.ts';
import { AGGREGATED, GROUPED, OPERATORS } from '../../src/query/operators.ts';
import { fieldOf } from './query-oracle.ts';
import { HOSTILE } from './query-world.ts';
import type { PlainWorld } from './query-world.ts';

interface Named {
  name: string;
  field: Field;
}

const LABEL_NAMES = ['team', "it's", '__proto__', "'; DROP TABLE runs; --"];
const isText = (text: string): boolean => !/[\0\p{Surrogate}]/u.test(text);
export const hostileText = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: 'grapheme', maxLength: 20 }).filter(isText),
);
const moment = fc
  .date({ min: new Date('2026-01-29'), max: new Date('2026-02-03'), noInvalidDate: true })
  .map((date) => date.toISOString());

/** Fields of a source that a plain world has, of some types. */
function fieldsOf(world: PlainWorld, from: QuerySource, types?: readonly FieldType[]): Named[] {
  const plain = world[from][0] ?? {};
  const fields = Object.entries(CATALOGUE[from].fields)
    .filter(([name]) => name in plain)
    .map(([name, field]) => ({ name, field }));
  const labels = LABEL_NAMES.map((label) => ({
    name: `labels.${label}`,
    field: { type: 'string', sql: '', nullable: true, description: '' } as Field,
  }));
  const all = 'labels' in plain ? [...fields, ...labels] : fields;
  return types ? all.filter(({ field }) => types.includes(field.type)) : all;
}

/** A value to compare with: one that is there, or any of the type. */
function valueFor(
  world: PlainWorld,
  from: QuerySource,
  { name, field }: Named,
): fc.Arbitrary<Json> {
  const there = world[from].map((row) => fieldOf(row, name)).filter((value) => value !== null);
  const any: Record<FieldType, fc.Arbitrary<Json>> = {
    string: hostileText,
    list: fc.constantFrom('step_0', 'http_call', 'x'),
    enum: fc.constantFrom(...(field.values ?? ['x'])),
    number: fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true })),
    boolean: fc.boolean(),
    time: moment,
    labels: fc.constant('x'),
    json: fc.constant('x'),
  };
  if (there.length === 0 || field.type === 'list') return any[field.type];
  return fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...there) }, any[field.type]);
}

function testOn(world: PlainWorld, from: QuerySource): fc.Arbitrary<JsonObject> {
  const askable = fieldsOf(world, from).filter(({ field }) => OPERATORS[field.type].length > 0);
  return fc.constantFrom(...askable).chain((named) =>
    fc.constantFrom(...OPERATORS[named.field.type]).chain((op): fc.Arbitrary<JsonObject> => {
      const base = { field: named.name, op };
      if (op === 'exists' || op === 'not_exists') return fc.constant(base);
      const value = valueFor(world, from, named);
      return op === 'in' || op === 'not_in'
        ? fc.array(value, { maxLength: 4 }).map((values) => ({ ...base, value: values }))
        : value.map((one) => ({ ...base, value: one }));
    }),
  );
}

function whereOn(world: PlainWorld, from: QuerySource): fc.Arbitrary<JsonObject> {
  const { node } = fc.letrec<{ node: JsonObject }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      testOn(world, from),
      fc.array(tie('node'), { minLength: 1, maxLength: 3 }).map((and) => ({ and })),
      fc.array(tie('node'), { minLength: 1, maxLength: 3 }).map((or) => ({ or })),
      tie('node').map((not) => ({ not })),
    ),
  }));
  return node;
}

const direction = fc.constantFrom('asc', 'desc');
const some = <T>(items: readonly T[], maxLength: number): fc.Arbitrary<T[]> =>
  fc.uniqueArray(fc.constantFrom(...items), { minLength: 1, maxLength });

function rowsQuery(world: PlainWorld, from: QuerySource): fc.Arbitrary<JsonObject> {
  const names = fieldsOf(world, from).map(({ name }) => name);
  const ordered = new Set(fieldsOf(world, from, GROUPED).map(({ name }) => name));
  return some(names, 6).chain((select) => {
    const able = select.filter((name) => ordered.has(name));
    const order =
      able.length === 0
        ? fc.constant<JsonObject[]>([])
        : some(able, 3).chain((fields) =>
            fc.tuple(
              ...fields.map((field) =>
                direction.map((each): JsonObject => ({ field, direction: each })),
              ),
            ),
          );
    return order.map((order_by): JsonObject => ({
      select,
      ...(order_by.length > 0 && { order_by }),
    }));
  });
}

function groupsQuery(world: PlainWorld, from: QuerySource): fc.Arbitrary<JsonObject> {
  const functions = (Object.keys(AGGREGATED) as AggregateFunction[]).filter(
    (fn) => fn === 'count' || fieldsOf(world, from, AGGREGATED[fn]).length > 0,
  );
  const aggregate = fc.constantFrom(...functions).chain((fn): fc.Arbitrary<JsonObject> => {
    const named = fieldsOf(world, from, AGGREGATED[fn]).map(({ name }) => name);
    const field = fc.constantFrom(...named).map((name): JsonObject => ({ fn, field: name }));
    if (fn === 'count') return fc.oneof(fc.constant({ fn }), field);
    if (fn !== 'percentile') return field;
    const p = fc.double({ min: 0, max: 1, noNaN: true });
    return fc.tuple(field, p).map(([base, fraction]) => ({ ...base, p: fraction }));
  });
  const group = fc
    .constantFrom(...fieldsOf(world, from, GROUPED))
    .chain(({ name, field }): fc.Arbitrary<Json> =>
      field.type === 'time'
        ? fc.constantFrom(...BUCKETS).map((bucket) => ({ field: name, bucket }))
        : fc.constant(name),
    );
  const nameOf = (each: Json): string =>
    typeof each === 'string' ? each : ((each as JsonObject)['field'] as string);
  return fc
    .record({
      groups: fc.uniqueArray(group, { maxLength: 3, selector: nameOf }),
      aggregates: fc.array(aggregate, { minLength: 1, maxLength: 3 }),
    })
    .chain(({ groups, aggregates }) => {
      const named = aggregates.map((each, index): JsonObject => ({ ...each, as: `a${index}` }));
      const keys: JsonObject[] = [
        ...groups.map((each) => ({ field: nameOf(each) })),
        ...named.map((each) => ({ as: each['as']! })),
      ];
      const order = fc
        .uniqueArray(fc.constantFrom(...keys), { maxLength: 3 })
        .chain((chosen) =>
          fc.tuple(
            ...chosen.map((key) =>
              direction.map((each): JsonObject => ({ ...key, direction: each })),
            ),
          ),
        );
      return order.map((order_by) => ({
        ...(groups.length > 0 && { group_by: groups }),
        aggregates: named,
        ...(order_by.length > 0 && { order_by }),
      }));
    });
}

/** Questions that are well formed, over what a plain world has of each source. */
export const queries = (world: PlainWorld): fc.Arbitrary<JsonObject> =>
  fc.constantFrom(...QUERY_SOURCES).chain((from) =>
    fc
      .record({
        where: fc.option(whereOn(world, from), { nil: undefined }),
        shape: fc.oneof(rowsQuery(world, from), groupsQuery(world, from)),
        limit: fc.integer({ min: 1, max: 40 }),
      })
      .map(({ where, shape, limit }) => ({ from, ...(where && { where }), ...shape, limit })),
  );
