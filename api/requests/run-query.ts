import type { z } from 'zod';
import type { Problem } from '../../src/contracts/failures.ts';
import { EntryQuery, RunQuery } from '../../src/contracts/run-query.ts';
import { WAIT_MS_MAX } from '../../src/contracts/limits.ts';
import { nearest } from '../../src/domain/near-miss.ts';
import { clip, didYouMean, quote } from '../../src/domain/plan/wording.ts';
import type { RunFilter } from '../../src/storage/runs.ts';
import { readCursor, readNumberCursor } from './cursor.ts';
import { refused } from './parse.ts';

type Query = Record<string, string | string[] | undefined>;

/** A filter that is misspelt would list what was not asked for, so a near miss of a known name is refused. */
export function parseQuery<S extends z.ZodObject>(schema: S, query: Query): z.infer<S> {
  const problems: Problem[] = [];
  const known = Object.keys(schema.shape);
  for (const name of Object.keys(query).filter((each) => !known.includes(each))) {
    const near = nearest(name, known);
    if (near === undefined) continue;
    const message = `unknown name ${quote(name)}${didYouMean(near)}`;
    problems.push({ pointer: `?${clip(name)}`, code: 'UNKNOWN_KEY', message });
  }
  const parsed = schema.safeParse(query);
  for (const { path, message } of parsed.error?.issues ?? []) {
    problems.push({ pointer: `?${String(path[0] ?? '')}`, code: 'INVALID_TYPE', message });
  }
  if (!parsed.success || problems.length > 0) throw refused(problems);
  return parsed.data;
}

/** `?status=&label=key=value&created_after=&created_before=&limit=&cursor=` Errors: INVALID_REQUEST, CURSOR_INVALID. */
export function parseRunQuery(query: Query): RunFilter {
  const { status, agent_id, label, created_after, created_before, limit, cursor } = parseQuery(
    RunQuery,
    query,
  );
  return {
    agentId: agent_id,
    status,
    labels: Object.fromEntries(label),
    createdAfter: created_after,
    createdBefore: created_before,
    limit,
    after: cursor === undefined ? undefined : readCursor(cursor, 'run'),
  };
}

/** `?limit=&cursor=`; the cursor is the number of the last entry. Errors: INVALID_REQUEST, CURSOR_INVALID. */
export function parseEntryQuery(query: Query): { limit: number; cursor: number } {
  const { limit, cursor = '0' } = parseQuery(EntryQuery, query);
  return { limit, cursor: readNumberCursor(cursor) };
}

/** `?wait=30s`, also `500ms` or a bare number of seconds: milliseconds, at most a minute. */
export function parseWait(text: string | string[] | undefined): number {
  if (text === undefined) return 0;
  const match = typeof text === 'string' ? /^(\d{1,6})(ms|s)?$/.exec(text) : null;
  const waitMs = match ? Number(match[1]) * (match[2] === 'ms' ? 1 : 1000) : NaN;
  if (waitMs <= WAIT_MS_MAX) return waitMs;
  const message = `must be a time of at most ${WAIT_MS_MAX / 1000}s, for instance 30s`;
  throw refused([{ pointer: '?wait', code: 'INVALID_TYPE', message }]);
}
