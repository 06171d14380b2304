import type { z } from 'zod';
import { AosError } from '../../src/contracts/failures.ts';
import type { Problem } from '../../src/contracts/failures.ts';
import { isJsonObject } from '../../src/contracts/json.ts';
import type { Json } from '../../src/contracts/json.ts';
import { nearest } from '../../src/domain/near-miss.ts';
import { stringsOf } from '../../src/domain/plan/json-strings.ts';
import { childPointer } from '../../src/domain/plan/pointer.ts';

export interface ParsedBody<T> {
  value: T;
  /** Keys that are unknown and were ignored. */
  warnings: Problem[];
}

const PROBLEMS_MAX = 100;

/**
 * Parses a body against its schema and tells every problem at once. `apart` names fields that are checked elsewhere,
 * with their own problems. Errors: INVALID_REQUEST.
 */
export function parseBody<S extends z.ZodObject>(schema: S, body: Json, apart: string[] = []): ParsedBody<z.infer<S>> {
  if (!isJsonObject(body)) throw refused([{ pointer: '', code: 'INVALID_TYPE', message: 'must be an object' }]);
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const known = Object.keys(schema.shape);
  for (const key of Object.keys(body).filter((each) => !known.includes(each))) {
    const pointer = childPointer('', key);
    const near = nearest(key, known);
    if (near) problems.push({ pointer, code: 'UNKNOWN_KEY', message: `unknown key \`${key}\`, did you mean \`${near}\`?` });
    else warnings.push({ pointer, code: 'UNKNOWN_KEY', message: `unknown key \`${key}\` was ignored` });
  }
  const own = Object.fromEntries(Object.entries(body).filter(([key]) => !apart.includes(key)));
  for (const { pointer, text } of stringsOf(own)) {
    if (text.includes('\0')) problems.push({ pointer: pointer(), code: 'NUL_CHARACTER', message: 'holds a NUL character' });
  }
  const parsed = schema.safeParse(body);
  for (const issue of parsed.error?.issues ?? []) {
    const pointer = issue.path.reduce<string>((path, part) => childPointer(path, String(part)), '');
    problems.push({ pointer, code: 'INVALID_TYPE', message: issue.message });
  }
  if (!parsed.success || problems.length > 0) throw refused(problems.slice(0, PROBLEMS_MAX));
  return { value: parsed.data, warnings };
}

export function refused(problems: Problem[]): AosError {
  const first = problems[0]!;
  const where = first.pointer === '' ? 'The body' : first.pointer;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return new AosError('INVALID_REQUEST', `${where}: ${first.message}${more}`, { errors: problems });
}
