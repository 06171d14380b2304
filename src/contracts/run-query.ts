import { z } from 'zod';
import { ID_LENGTH_MAX, LABEL_FILTERS_MAX, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX } from './limits.ts';
import { RUN_STATUSES } from './run.ts';

/** What a list takes in its query: `cursor` is the `next_cursor` of the page before. */
export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(PAGE_SIZE_MAX).default(PAGE_SIZE_DEFAULT),
  cursor: z.string().optional(),
});

const LabelFilter = z
  .string()
  .regex(/^[^=\0]+=[^\0]*$/, 'must be key=value')
  .transform(
    (text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)] as const,
  );

const isEachNamedOnce = (labels: (readonly [string, string])[]): boolean =>
  new Set(labels.map(([name]) => name)).size === labels.length;

/** `?label=team=a&label=env=live`: what has all of them. */
export const LabelFilters = z.preprocess(
  (value) => (value === undefined ? [] : [value].flat()),
  z.array(LabelFilter).max(LABEL_FILTERS_MAX).refine(isEachNamedOnce, 'must name each label once'),
);

const Iso8601 = z.iso.datetime({ offset: true, local: true }).or(z.iso.date());

// A day short at either end, so that no offset leads out of what is written with four digits.
const YEAR_MIN = new Date('0001-01-02T00:00:00Z').getTime();
const YEAR_MAX = new Date('9999-12-30T00:00:00Z').getTime();

/** A moment, without an offset by UTC; undefined for what is none, or none to Postgres. */
export function parseMoment(text: string): Date | undefined {
  if (!Iso8601.safeParse(text).success) return undefined;
  const hasZone = /(?:Z|[+-]\d\d:?\d\d)$/.test(text) || !text.includes('T');
  const at = new Date(hasZone ? text : `${text}Z`);
  return at.getTime() >= YEAR_MIN && at.getTime() <= YEAR_MAX ? at : undefined;
}

/** A moment as callers write it. */
export const Moment = z
  .string()
  .refine(
    (text) => parseMoment(text) !== undefined,
    'must be a time in ISO 8601, for instance 2026-01-31T12:00:00Z',
  )
  .meta({ anyOf: [{ format: 'date-time' }, { format: 'date' }] })
  .transform((text) => parseMoment(text)!);

export const RunQuery = PageQuery.extend({
  status: z.enum(RUN_STATUSES).optional(),
  agent_id: z
    .string()
    .min(1)
    .max(ID_LENGTH_MAX)
    .regex(/^[^\0]*$/, 'holds a NUL character')
    .optional(),
  label: LabelFilters,
  created_after: Moment.optional(),
  created_before: Moment.optional(),
});

export const EntryQuery = PageQuery.extend({
  limit: PageQuery.shape.limit.unwrap().default(PAGE_SIZE_MAX),
});

/** `30s`, `500ms` or a bare number of seconds. */
export const WaitQuery = z.object({ wait: z.string().optional() });
