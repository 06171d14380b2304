import type { Problem } from '../contracts/failures.ts';
import { QUERY_MS_MAX } from '../contracts/limits.ts';
import type { TypedAnswer } from '../contracts/typed-query.ts';
import type { Pool } from '../storage/pool.ts';
import { readWithin } from '../storage/read-only.ts';
import type { CheckedQuery } from './checked.ts';
import { compileQuery } from './compile/compile.ts';
import type { Viewer } from './compile/compile.ts';
import { writeCursor } from './compile/order.ts';
import type { CursorValue } from './compile/order.ts';
import { narrowingOf } from './narrowing.ts';
import { readRow } from './read-rows.ts';
import { withinTime } from './within-time.ts';

/** Answers a question of the typed language, of what the viewer may see. Errors: CURSOR_INVALID, QUERY_TIMEOUT. */
export async function runQuery(
  pool: Pool,
  query: CheckedQuery,
  viewer: Viewer,
  { warnings = [], timeoutMs = QUERY_MS_MAX }: { warnings?: Problem[]; timeoutMs?: number } = {},
): Promise<TypedAnswer> {
  const { keyColumns, ...statement } = compileQuery(query, viewer);
  const rows = await withinTime(
    narrowingOf(query),
    () => readWithin(pool, statement, timeoutMs),
    timeoutMs,
  );
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  const hasMore = rows.length > query.limit && last !== undefined;
  return {
    from: query.from,
    data: page.map((row) => readRow(query.shape, row)),
    has_more: hasMore,
    next_cursor: hasMore
      ? writeCursor(query.fingerprint, last.slice(last.length - keyColumns) as CursorValue[])
      : null,
    warnings,
  };
}
