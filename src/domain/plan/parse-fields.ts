import type { z } from 'zod';
import type { JsonObject } from '../../contracts/json.ts';
import type { Findings } from './known-keys.ts';
import { pointerOf } from './pointer.ts';
import { issuesOf } from './schema-issues.ts';
import { quote } from './wording.ts';

type Shape = Record<string, z.ZodType>;

/** Parses each field by itself, so that a wrong one hides nothing about the others. */
export function parseFields(
  entries: JsonObject,
  shape: Shape,
  pointer: string,
  meant: ReadonlySet<string>,
  { problems }: Findings,
): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(shape)) {
    const value = entries[key];
    const parsed = schema.safeParse(value);
    if (parsed.success) {
      if (parsed.data !== undefined) fields[key] = parsed.data;
      continue;
    }
    for (const { path, message, isMissing } of issuesOf(parsed.error, value)) {
      if (isMissing && path.length === 0 && meant.has(key)) continue;
      problems.add(
        () => pointerOf(pointer, [key, ...path]),
        'INVALID_TYPE',
        () => {
          const name = quote([key, ...path].join('.'));
          return isMissing ? `${name} is required.` : `${name}: ${message}`;
        },
      );
    }
  }
  return fields;
}
