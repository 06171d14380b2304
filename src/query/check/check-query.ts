import type { Problem } from '../../contracts/failures.ts';
import type { Json, JsonObject } from '../../contracts/json.ts';
import {
  PAGE_SIZE_DEFAULT,
  QUERY_CURSOR_LENGTH_MAX,
  QUERY_ROWS_INCLUDED_MAX,
  QUERY_ROWS_MAX,
} from '../../contracts/limits.ts';
import { AskTyped, QUERY_SOURCES } from '../../contracts/typed-query.ts';
import { stringsOf } from '../../domain/plan/json-strings.ts';
import { keepKnown } from '../../domain/plan/known-keys.ts';
import type { Findings } from '../../domain/plan/known-keys.ts';
import { createProblemList, createWarningList } from '../../domain/plan/problem-list.ts';
import { hashBody } from '../../runs/body-hash.ts';
import { CATALOGUE } from '../catalogue/catalogue.ts';
import type { CheckedQuery } from '../checked.ts';
import { lookUpWord } from './look-up.ts';
import { checkShape } from './shape.ts';
import { checkWhere } from './where.ts';

type Checked =
  | { query: CheckedQuery; warnings: Problem[] }
  /** All of them, at least one. */
  | { problems: Problem[] };

/** Checks a question of the typed language and tells every problem of it at once. */
export function checkQuery(body: JsonObject): Checked {
  const findings = { problems: createProblemList(), warnings: createWarningList() };
  const { problems, warnings } = findings;
  checkTexts(body, findings);
  keepKnown(body, Object.keys(AskTyped.shape), '', 'a question', findings);
  const from = lookUpWord(findings, '/from', body['from'], QUERY_SOURCES);
  // What is named below it can only be judged by it.
  if (from === undefined) return { problems: problems.toProblems() };
  const source = CATALOGUE[from];
  const scope = { ...findings, from, source };
  const where = checkWhere(scope, body['where']);
  const shape = checkShape(scope, body);
  const hasIncluded = shape.kind === 'rows' && shape.include.length > 0;
  const limit = checkLimit(
    findings,
    body['limit'],
    hasIncluded ? QUERY_ROWS_INCLUDED_MAX : QUERY_ROWS_MAX,
  );
  const cursor = body['cursor'] ?? undefined;
  if (
    cursor !== undefined &&
    !(typeof cursor === 'string' && cursor.length <= QUERY_CURSOR_LENGTH_MAX)
  )
    problems.add('/cursor', 'INVALID_TYPE', () => 'must be the `next_cursor` of the page before');
  if (!problems.isEmpty()) return { problems: problems.toProblems() };
  const { limit: _limit, cursor: _cursor, ...asked } = body;
  const fingerprint = hashBody(asked).toString('base64url').slice(0, 16);
  const query = {
    from,
    source,
    where,
    shape,
    limit,
    cursor: cursor as string | undefined,
    fingerprint,
  };
  return { query, warnings: warnings.toProblems() };
}

/** What no column can hold is in none: to ask for it is a mistake. */
function checkTexts(body: JsonObject, { problems }: Findings): void {
  for (const { pointer, text } of stringsOf(body)) {
    if (text.includes('\0')) problems.add(pointer, 'NUL_CHARACTER', () => 'holds a NUL character');
    if (/\p{Surrogate}/u.test(text))
      problems.add(pointer, 'INVALID_TYPE', () => 'must be well-formed Unicode');
  }
}

function checkLimit({ problems }: Findings, value: Json | undefined, max: number): number {
  const limit = value ?? Math.min(PAGE_SIZE_DEFAULT, max);
  if (typeof limit === 'number' && Number.isInteger(limit) && limit >= 1 && limit <= max)
    return limit;
  problems.add('/limit', 'INVALID_TYPE', () => `must be a whole number from 1 to ${max}`);
  return 1;
}
