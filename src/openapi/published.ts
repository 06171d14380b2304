import { z } from 'zod';
import { mapSchema, nameOfRef, refTo } from './json-schema.ts';
import type { JsonSchema } from './json-schema.ts';

export type Direction = 'input' | 'output';

/** The component for any JSON value. */
export const ANY_JSON = 'Json';

/** Where zod puts what refers to itself and has no name: of ours, that is any JSON alone. */
const SHARED = '__shared';
const SURROGATES = String.raw`^\P{Surrogate}*$`;
const WITHOUT_NUL = String.raw`^[^\u0000]*$`;

/** The schemas as the document shows them, by their names. */
export function publish(
  schemas: ReadonlyMap<string, z.ZodType>,
  io: Direction,
): Map<string, JsonSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of schemas) registry.add(schema, { id });
  const { schemas: made } = z.toJSONSchema(registry, {
    io,
    uri: (id) => refTo(id).$ref,
    // What a query is turned into has no JSON, and is no answer.
    unrepresentable: io === 'output' ? 'any' : 'throw',
  });
  const { [SHARED]: shared, ...named } = made as Record<string, JsonSchema>;
  for (const [name, schema] of Object.entries(shared?.$defs ?? {})) {
    if (!isAnyJson(schema))
      throw new Error(`A schema that refers to itself is not exported: ${name}.`);
  }
  return new Map(
    Object.entries(named).map(([name, schema]) => [
      name,
      isAnyJson(schema) ? refTo(ANY_JSON) : mapSchema(schema, (each) => clean(each, io)),
    ]),
  );
}

/** Whether it is what `z.json()` is written as. */
const isAnyJson = ({ anyOf = [] }: JsonSchema): boolean =>
  anyOf.map(({ type }) => type).join() === 'string,number,boolean,null,array,object';

/** Leaves out what says nothing to a reader, or says it in a dialect that only some tools read. */
function clean(schema: JsonSchema, io: Direction): JsonSchema {
  if (nameOfRef(schema)?.startsWith(SHARED)) return { ...schema, ...refTo(ANY_JSON) };
  const { $schema: _dialect, $id: _id, ...kept } = schema as JsonSchema & { $id?: string };
  const names = kept.propertyNames as JsonSchema | undefined;
  // The format of a time says the same as its pattern; zod's own formats are known to nobody else.
  if (kept.format === 'date-time' || kept.format === 'date') delete kept.pattern;
  else delete kept.format;
  // What is well-formed Unicode, JSON says by itself; no body may hold a NUL.
  if (kept.pattern === SURROGATES) kept.pattern = WITHOUT_NUL;
  if (kept.pattern !== undefined) kept.pattern = kept.pattern.replaceAll('\\0', '\\u0000');
  if (names && Object.keys(names).every((key) => key === 'type')) delete kept.propertyNames;
  if (kept.allOf !== undefined) foldAlike(kept);
  if (io === 'output') {
    // A later version may say more, and clients must bear that.
    if (kept.additionalProperties === false) delete kept.additionalProperties;
    if (kept.maximum === Number.MAX_SAFE_INTEGER) delete kept.maximum;
    if (kept.minimum === Number.MIN_SAFE_INTEGER) delete kept.minimum;
  }
  return kept;
}

/** Two patterns that are published as one would be there twice. */
function foldAlike(schema: JsonSchema): void {
  const alike = new Map(schema.allOf!.map((each) => [JSON.stringify(each), each]));
  schema.allOf = [...alike.values()];
  const [only, ...others] = schema.allOf;
  if (others.length > 0 || Object.keys(only!).some((key) => key in schema)) return;
  delete schema.allOf;
  Object.assign(schema, only);
}
