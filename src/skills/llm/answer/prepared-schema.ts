import { isJsonObject } from '../../../contracts/json.ts';
import type { Json, JsonObject } from '../../../contracts/json.ts';
import { ASSERTIONS } from './keywords.ts';
import type { Look } from './keywords.ts';
import { followReference } from './schema.ts';

/** What counts as one more check: characters of the answer that a keyword reads, or compares by its format. */
const READ_PER_CHECK = 512;
const FORMATTED_PER_CHECK = 128;
/** A format is found broken by way of an error object. */
const FORMAT_CHECKS = 2;

/** One object of a schema, read once: a look at a value then costs the same whatever else is written there. */
export interface PreparedSchema {
  looks: readonly Look[];
  /** Checks that the looks at a text of so many characters count for. */
  textChecks: (length: number) => number;
  /** Schemas that are for the same value; those that it must all fit have the reference among them. */
  all: readonly Json[];
  any: readonly Json[];
  one: readonly Json[];
  named: JsonObject;
  otherKeys: Json | undefined;
  first: readonly Json[];
  otherItems: Json | undefined;
}

export function prepareSchema(root: JsonObject, schema: JsonObject): PreparedSchema {
  const looks = Object.entries(schema).flatMap(
    ([key, held]) => ASSERTIONS.get(key)?.prepare(held) ?? [],
  );
  const listOf = (key: string): Json[] => (schema[key] ?? []) as Json[];
  const reference = schema['$ref'] === undefined ? [] : [followReference(root, schema['$ref'])!];
  const named = schema['properties'];
  const hasFormat = schema['format'] !== undefined;
  return {
    looks,
    textChecks: (length) =>
      (looks.length * length) / READ_PER_CHECK +
      (hasFormat ? FORMAT_CHECKS + length / FORMATTED_PER_CHECK : 0),
    all: [...reference, ...listOf('allOf')],
    any: listOf('anyOf'),
    one: listOf('oneOf'),
    named: isJsonObject(named) ? named : {},
    otherKeys: schema['additionalProperties'],
    first: listOf('prefixItems'),
    otherItems: schema['items'],
  };
}
