import type { JsonObject } from '../contracts/json.ts';
import {
  LABEL_LENGTH_MAX,
  PAGE_SIZE_DEFAULT,
  QUERY_AGGREGATES_MAX,
  QUERY_CURSOR_LENGTH_MAX,
  QUERY_GROUPS_MAX,
  QUERY_LIST_MAX,
  QUERY_ORDERS_MAX,
  QUERY_ROWS_MAX,
  QUERY_SELECTED_MAX,
  QUERY_TEXT_LENGTH_MAX,
} from '../contracts/limits.ts';
import { ALIAS, BUCKETS, INCLUDES, QUERY_SOURCES } from '../contracts/typed-query.ts';
import type { AggregateFunction, QueryOperator, QuerySource } from '../contracts/typed-query.ts';
import { CATALOGUE } from './catalogue/catalogue.ts';
import type { Field, FieldType } from './catalogue/field.ts';
import { AGGREGATED, GROUPED, OPERATORS } from './operators.ts';

const LABEL: JsonObject = {
  type: 'string',
  pattern: `^labels\\.[^]{1,${LABEL_LENGTH_MAX}}$`,
  description: 'One label, by its name: a text, or null.',
};

/** A JSON Schema (2020-12) of the typed language, for models that write questions and whoever checks theirs. */
export const createQuerySchema = (): JsonObject => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'A question of AOS',
  description:
    'Asks POST /api/v1/runtime/query for rows of one source, or with `group_by` or `aggregates` for groups of them. What is ' +
    'not there equals nothing: `not` and `ne` are true of it. Money is in cents, times are ISO 8601.',
  anyOf: QUERY_SOURCES.map((from) => ({ $ref: `#/$defs/${from}` })),
  $defs: Object.fromEntries(QUERY_SOURCES.flatMap(definitionsOf)),
});

const refTo = (from: QuerySource, part: string): JsonObject => ({
  $ref: `#/$defs/${from}_${part}`,
});
const listOf = (items: JsonObject, maxItems: number): JsonObject => ({
  type: 'array',
  items,
  maxItems,
});
const nullable = (schema: JsonObject): JsonObject => ({ anyOf: [schema, { type: 'null' }] });

function definitionsOf(from: QuerySource): [string, JsonObject][] {
  const { description, fields, inputs, outputs } = CATALOGUE[from];
  const hasLabels = 'labels' in fields;
  const field: JsonObject = {
    anyOf: [
      ...Object.entries(fields).map(([name, each]) => ({
        const: name,
        description: wordsOf(each),
      })),
      ...(hasLabels ? [LABEL] : []),
    ],
  };
  const names = (types: readonly FieldType[]): JsonObject => {
    const fitting = Object.entries(fields).filter(([, { type }]) => types.includes(type));
    return {
      anyOf: [
        { enum: fitting.map(([name]) => name) },
        ...(hasLabels && types.includes('string') ? [LABEL] : []),
      ],
    };
  };
  const ordered = names(GROUPED);
  const direction: JsonObject = { enum: ['asc', 'desc'] };
  const include = INCLUDES.filter((name) => (name === 'inputs' ? inputs : outputs) !== undefined);
  const question: JsonObject = {
    description,
    type: 'object',
    properties: {
      from: { const: from },
      where: nullable(refTo(from, 'condition')),
      select: nullable({ ...listOf(refTo(from, 'field'), QUERY_SELECTED_MAX), uniqueItems: true }),
      include: nullable(listOf(include.length > 0 ? { enum: include } : {}, include.length)),
      group_by: nullable(
        listOf(
          {
            anyOf: [
              ordered,
              {
                type: 'object',
                properties: { field: ordered },
                required: ['field'],
                not: { required: ['bucket'] },
              },
              {
                type: 'object',
                properties: { field: names(['time']), bucket: { enum: [...BUCKETS] } },
                required: ['field', 'bucket'],
              },
            ],
          },
          QUERY_GROUPS_MAX,
        ),
      ),
      aggregates: nullable(listOf({ anyOf: aggregatesOf(names) }, QUERY_AGGREGATES_MAX)),
      order_by: nullable(
        listOf(
          {
            anyOf: [
              { type: 'object', properties: { field: ordered, direction }, required: ['field'] },
              {
                type: 'object',
                description: 'By an aggregate, or a group, of this name.',
                properties: { as: { type: 'string' }, direction },
                required: ['as'],
              },
            ],
          },
          QUERY_ORDERS_MAX,
        ),
      ),
      limit: { type: 'integer', minimum: 1, maximum: QUERY_ROWS_MAX, default: PAGE_SIZE_DEFAULT },
      cursor: nullable({ type: 'string', maxLength: QUERY_CURSOR_LENGTH_MAX }),
    },
    required: ['from'],
  };
  const self = refTo(from, 'condition');
  const condition: JsonObject = {
    anyOf: [
      ...(['and', 'or'] as const).map((kind) => ({
        type: 'object',
        properties: { [kind]: { type: 'array', items: self, minItems: 1 } },
        required: [kind],
      })),
      { type: 'object', properties: { not: self }, required: ['not'] },
      ...testsOf(fields, names),
    ],
  };
  return [
    [from, question],
    [`${from}_field`, field],
    [`${from}_condition`, condition],
  ];
}

const wordsOf = ({
  description,
  type,
  nullable: isNullable,
  unit,
  isIndexed,
  isExtra,
}: Field): string =>
  [
    description,
    `Type ${type}${unit === undefined ? '' : `, in ${unit}`}${isNullable ? ', may be null' : ''}.`,
    isIndexed && 'Indexed.',
    isExtra && 'Only when selected.',
  ]
    .filter(Boolean)
    .join(' ');

type Names = (types: readonly FieldType[]) => JsonObject;

const aggregatesOf = (names: Names): JsonObject[] => {
  const as: JsonObject = { type: 'string', pattern: ALIAS.source };
  const functions = Object.keys(AGGREGATED) as AggregateFunction[];
  return functions.map((fn) => ({
    type: 'object',
    properties: {
      fn: { const: fn },
      field: names(AGGREGATED[fn]),
      as,
      ...(fn === 'percentile' && { p: { type: 'number', minimum: 0, maximum: 1 } }),
    },
    required: ['fn', ...(fn === 'count' ? [] : ['field']), ...(fn === 'percentile' ? ['p'] : [])],
  }));
};

const TEXT: JsonObject = { type: 'string', maxLength: QUERY_TEXT_LENGTH_MAX };
const VALUES: Readonly<Record<Exclude<FieldType, 'enum'>, JsonObject>> = {
  string: TEXT,
  list: TEXT,
  labels: TEXT,
  json: TEXT,
  number: { type: 'number' },
  boolean: { type: 'boolean' },
  time: {
    anyOf: [
      { type: 'string', format: 'date-time' },
      { type: 'string', format: 'date' },
    ],
  },
};

/** Conditions on one field: by its type, and of an enum by its words. */
function testsOf(fields: Readonly<Record<string, Field>>, names: Names): JsonObject[] {
  const enums = Object.entries(fields).filter(([, { type }]) => type === 'enum');
  const types = [...new Set(Object.values(fields).map(({ type }) => type))];
  return [
    ...types.flatMap((type) =>
      type === 'enum' ? [] : testsOn(names([type]), OPERATORS[type], VALUES[type]),
    ),
    ...enums.flatMap(([name, { values = [] }]) =>
      testsOn({ const: name }, OPERATORS.enum, { enum: [...values] }),
    ),
  ];
}

function testsOn(
  field: JsonObject,
  all: readonly QueryOperator[],
  value: JsonObject,
): JsonObject[] {
  const test = (ops: readonly QueryOperator[], more?: JsonObject): JsonObject[] => {
    const op = ops.filter((each) => all.includes(each));
    if (op.length === 0) return [];
    const properties = { field, op: { enum: op }, ...(more && { value: more }) };
    return [
      {
        type: 'object',
        properties,
        required: ['field', 'op', ...(more ? ['value'] : [])],
        ...(!more && { not: { required: ['value'] } }),
      },
    ];
  };
  const single = all.filter((op) => !['in', 'not_in', 'exists', 'not_exists'].includes(op));
  return [
    ...test(single, value),
    ...test(['in', 'not_in'], listOf(value, QUERY_LIST_MAX)),
    ...test(['exists', 'not_exists']),
  ];
}
