import type { z } from 'zod';

export type JsonSchema = z.core.JSONSchema.JSONSchema;

const ONE = ['items', 'additionalProperties', 'propertyNames', 'not', 'contains'] as const;
const LISTS = ['anyOf', 'allOf', 'oneOf', 'prefixItems'] as const;
const MAPS = ['properties', 'patternProperties', '$defs'] as const;

/** A copy of a schema with each schema in it, innermost first, replaced by what `change` makes of it. */
export function mapSchema(
  schema: JsonSchema,
  change: (schema: JsonSchema) => JsonSchema,
): JsonSchema {
  const copy: Record<string, unknown> = { ...schema };
  const visit = (value: unknown): unknown =>
    typeof value === 'object' && value !== null ? mapSchema(value as JsonSchema, change) : value;
  for (const name of ONE) if (name in copy) copy[name] = visit(copy[name]);
  for (const name of LISTS) {
    if (name in copy) copy[name] = (copy[name] as unknown[]).map(visit);
  }
  for (const name of MAPS) {
    if (!(name in copy)) continue;
    const entries = Object.entries(copy[name] as Record<string, unknown>);
    copy[name] = Object.fromEntries(entries.map(([key, value]) => [key, visit(value)]));
  }
  return change(copy as JsonSchema);
}

const COMPONENT = '#/components/schemas/';

export const refTo = (name: string): { $ref: string } => ({ $ref: COMPONENT + name });

/** The name of the component that a schema refers to, if it does. */
export const nameOfRef = ({ $ref }: JsonSchema): string | undefined =>
  $ref?.startsWith(COMPONENT) ? $ref.slice(COMPONENT.length) : undefined;

/** The names of all components that a schema refers to by itself. */
export function refsIn(schema: JsonSchema): string[] {
  const names: string[] = [];
  mapSchema(schema, (each) => {
    const name = nameOfRef(each);
    if (name !== undefined) names.push(name);
    return each;
  });
  return names;
}
