import type { z } from 'zod';
import { OPERATION_IDS, ROUTES } from '../contracts/routes.ts';
import { mapSchema, nameOfRef, refsIn, refTo } from './json-schema.ts';
import type { JsonSchema } from './json-schema.ts';
import { namedSchemas } from './named-schemas.ts';
import { ANY_JSON, publish } from './published.ts';
import type { Direction } from './published.ts';

const DIRECTIONS = ['input', 'output'] as const;

/** Hands out schemas for operations, and gathers the components that they need. */
export interface Components {
  /** A reference to the schema's component; the schema itself when it is not exported. */
  schemaFor(schema: z.ZodType, io: Direction): JsonSchema;
  /** The schema itself, for instance to take its properties apart. */
  inlineSchema(schema: z.ZodType, io: Direction): JsonSchema;
  /** All that has been referred to, by name. */
  schemas(): Record<string, JsonSchema>;
}

export function createComponents(): Components {
  const named = namedSchemas();
  const all = new Map([...named, ...unnamedSchemas(named)]);
  const names = new Map([...all].map(([name, schema]) => [schema, name]));
  const published = { input: publish(all, 'input'), output: publish(all, 'output') };
  const differing = findDiffering(published);
  const wanted = { input: new Set<string>(), output: new Set<string>() };

  const want = (name: string, io: Direction): void => {
    if (wanted[io].has(name)) return;
    wanted[io].add(name);
    for (const other of refsIn(published[io].get(name) ?? {})) want(other, io);
  };
  /** Only once all operations are made is it known which schemas go both ways. */
  const isSplit = (name: string): boolean =>
    differing.has(name) && DIRECTIONS.every((io) => wanted[io].has(name));
  const nameFor = (name: string, io: Direction): string =>
    io === 'input' && isSplit(name) ? `${name}Input` : name;

  const wantSchema = (schema: z.ZodType | undefined, io: Direction, isInlined = false): void => {
    const name = schema && names.get(schema);
    if (name === undefined) return;
    if (named.has(name) && !isInlined) want(name, io);
    else for (const other of refsIn(published[io].get(name)!)) want(other, io);
  };
  for (const id of OPERATION_IDS) {
    const { query, body, answers } = ROUTES[id];
    wantSchema(query, 'input', true);
    wantSchema(body, 'input');
    for (const { schema } of Object.values(answers)) wantSchema(schema, 'output');
  }
  want('Failure', 'output');

  const renamed = (schema: JsonSchema, io: Direction): JsonSchema =>
    mapSchema(schema, (each) => {
      const name = nameOfRef(each);
      return name === undefined ? each : { ...each, ...refTo(nameFor(name, io)) };
    });
  const inlineSchema = (schema: z.ZodType, io: Direction): JsonSchema =>
    renamed(published[io].get(names.get(schema)!)!, io);
  return {
    inlineSchema,
    schemaFor(schema, io) {
      const name = names.get(schema)!;
      return named.has(name) ? refTo(nameFor(name, io)) : inlineSchema(schema, io);
    },
    schemas() {
      const entries = DIRECTIONS.flatMap((io) =>
        [...wanted[io]]
          .filter((name) => name !== ANY_JSON)
          .map((name): [string, JsonSchema] => [
            nameFor(name, io),
            renamed(published[io].get(name)!, io),
          ]),
      );
      entries.push([ANY_JSON, { description: 'Any JSON value.' }]);
      return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
    },
  };
}

/** Bodies, queries and answers that no contract exports, under names of their own. */
function unnamedSchemas(named: ReadonlyMap<string, z.ZodType>): Map<string, z.ZodType> {
  const known = new Set(named.values());
  const unnamed = new Map<string, z.ZodType>();
  for (const id of OPERATION_IDS) {
    const { query, body, answers } = ROUTES[id];
    const parts = [query, body, ...Object.values(answers).map(({ schema }) => schema)];
    for (const [at, schema] of parts.entries()) {
      if (schema === undefined || known.has(schema)) continue;
      known.add(schema);
      unnamed.set(`${id}.${at}`, schema);
    }
  }
  return unnamed;
}

/** The names of what reads otherwise than it is written, by itself or by something that it refers to. */
function findDiffering(published: Record<Direction, Map<string, JsonSchema>>): Set<string> {
  const { input, output } = published;
  const differing = new Set(
    [...input.keys()].filter(
      (name) => JSON.stringify(input.get(name)) !== JSON.stringify(output.get(name)),
    ),
  );
  for (let before = -1; before !== differing.size;) {
    before = differing.size;
    for (const [name, schema] of input) {
      if (refsIn(schema).some((other) => differing.has(other))) differing.add(name);
    }
  }
  return differing;
}
