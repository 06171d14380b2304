import { z } from 'zod';
import { RUN_STATUSES } from '../../src/contracts/run.ts';
import { PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, WAIT_MS_MAX } from '../../src/contracts/limits.ts';
import type { RunFilter } from '../../src/storage/runs.ts';
import { readCursor } from './cursor.ts';
import { refused } from './parse.ts';

type Query = Record<string, string | string[] | undefined>;

const LabelFilter = z
  .string()
  .regex(/^[^=\0]+=[^\0]*$/, 'must be key=value')
  .transform((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)] as const);

const RunQuery = z.object({
  status: z.enum(RUN_STATUSES).optional(),
  label: z.preprocess((value) => (value === undefined ? [] : [value].flat()), z.array(LabelFilter).max(10)),
  created_after: z.coerce.date().optional(),
  created_before: z.coerce.date().optional(),
  limit: z.coerce.number().int().min(1).max(PAGE_SIZE_MAX).default(PAGE_SIZE_DEFAULT),
  cursor: z.string().optional(),
});

function parseQuery<S extends z.ZodType>(schema: S, query: Query): z.infer<S> {
  const parsed = schema.safeParse(query);
  if (parsed.success) return parsed.data;
  throw refused(
    parsed.error.issues.map((issue) => ({
      pointer: `?${String(issue.path[0] ?? '')}`,
      code: 'INVALID_TYPE',
      message: issue.message,
    })),
  );
}

/** `?status=&label=key=value&created_after=&created_before=&limit=&cursor=` Errors: INVALID_REQUEST, CURSOR_INVALID. */
export function parseRunQuery(query: Query): RunFilter {
  const { status, label, created_after, created_before, limit, cursor } = parseQuery(RunQuery, query);
  return {
    status,
    labels: Object.fromEntries(label),
    createdAfter: created_after,
    createdBefore: created_before,
    limit,
    after: cursor === undefined ? undefined : readCursor(cursor),
  };
}

const EntryQuery = z.object({
  limit: z.coerce.number().int().min(1).max(PAGE_SIZE_MAX).default(PAGE_SIZE_MAX),
  cursor: z.coerce.number().int().min(0).default(0),
});

export const parseEntryQuery = (query: Query): z.infer<typeof EntryQuery> => parseQuery(EntryQuery, query);

/** `?wait=30s`, also `500ms` or a bare number of seconds: milliseconds, at most a minute. */
export function parseWait(text: string | string[] | undefined): number {
  if (text === undefined) return 0;
  const match = typeof text === 'string' ? /^(\d{1,6})(ms|s)?$/.exec(text) : null;
  const waitMs = match ? Number(match[1]) * (match[2] === 'ms' ? 1 : 1000) : NaN;
  if (waitMs <= WAIT_MS_MAX) return waitMs;
  const message = `must be a time of at most ${WAIT_MS_MAX / 1000}s, for instance 30s`;
  throw refused([{ pointer: '?wait', code: 'INVALID_TYPE', message }]);
}
