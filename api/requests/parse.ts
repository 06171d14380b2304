import type { z } from 'zod';
import { AosError } from '../../src/contracts/failures.ts';
import type { Problem } from '../../src/contracts/failures.ts';
import { isJsonObject } from '../../src/contracts/json.ts';
import type { Json, JsonObject } from '../../src/contracts/json.ts';
import { stringsOf } from '../../src/domain/plan/json-strings.ts';
import { keepKnown } from '../../src/domain/plan/known-keys.ts';
import { pointerOf } from '../../src/domain/plan/pointer.ts';
import type { ProblemCode } from '../../src/domain/plan/problem-codes.ts';
import { createProblemList, createWarningList } from '../../src/domain/plan/problem-list.ts';
import type { ProblemList } from '../../src/domain/plan/problem-list.ts';

export interface ParsedBody<T> {
  value: T;
  /** Keys that are unknown and were ignored. */
  warnings: Problem[];
}

export interface ApartFields {
  /** Any JSON, taken as it came: to parse it would walk and copy it, and lose a key named `__proto__`. */
  asIs?: string[];
  /** Checked elsewhere, with their own problems. */
  checkedLater?: string[];
  /** Finds what no schema can know of, in the body as it came. */
  alsoCheck?: (body: JsonObject, problems: ProblemList<ProblemCode>) => void;
}

/** Parses a body against its schema and tells every problem at once. Errors: INVALID_REQUEST. */
export function parseBody<S extends z.ZodObject>(
  schema: S,
  body: Json,
  { asIs = [], checkedLater = [], alsoCheck }: ApartFields = {},
): ParsedBody<z.infer<S>> {
  if (!isJsonObject(body))
    throw refused([{ pointer: '', code: 'INVALID_TYPE', message: 'must be an object' }]);
  const problems = createProblemList();
  const warnings = createWarningList();
  const without = (names: string[]) =>
    Object.fromEntries(Object.entries(body).filter(([key]) => !names.includes(key)));
  keepKnown(body, Object.keys(schema.shape), '', 'a request', { problems, warnings });
  for (const { pointer, text } of stringsOf(without(checkedLater))) {
    if (text.includes('\0')) problems.add(pointer, 'NUL_CHARACTER', () => 'holds a NUL character');
  }
  const parsed = schema.safeParse(without(asIs));
  for (const issue of parsed.error?.issues ?? []) {
    problems.add(
      () => pointerOf('', issue.path),
      'INVALID_TYPE',
      () => issue.message,
    );
  }
  alsoCheck?.(body, problems);
  if (!parsed.success || !problems.isEmpty()) throw refused(problems.toProblems());
  const taken = Object.fromEntries(Object.entries(body).filter(([key]) => asIs.includes(key)));
  return { value: { ...parsed.data, ...taken }, warnings: warnings.toProblems() };
}

export function refused(problems: Problem[]): AosError {
  const first = problems[0]!;
  const where = first.pointer === '' ? 'The body' : first.pointer;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return new AosError('INVALID_REQUEST', `${where}: ${first.message}${more}`, { errors: problems });
}
