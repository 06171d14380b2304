import { z } from 'zod';
import { FailureCodeSchema } from './failures.ts';
import { ID_LENGTH_MAX } from './limits.ts';
import { RunQuery } from './run-query.ts';

export const AUDIT_KINDS = ['change', 'refusal'] as const;
export type AuditKind = (typeof AUDIT_KINDS)[number];

/** Something that was changed by a request or by the operator, or refused to a key. */
export const AuditEntry = z.object({
  id: z.int(),
  kind: z.enum(AUDIT_KINDS),
  /** What was asked for: the `operationId` of a route; `aos` is the operator's command, `unmatched` no route. */
  operation: z.string(),
  /** Null: the operator. A key that has ended is named as well. */
  key_id: z.string().nullable(),
  /** Of refusals that are counted together, the first. */
  request_id: z.string().nullable(),
  /** The id of what was changed, or of the run or agent that a refusal was about. */
  subject: z.string().nullable(),
  /** Why it was refused; null for a change. */
  code: FailureCodeSchema.nullable(),
  /** What a change changed it to, or the message of a refusal; `reason` tells how the key had ended. */
  detail: z.record(z.string(), z.json()),
  /** How often the same was refused to the key within a minute; 1 for a change. */
  count: z.int(),
  at: z.iso.datetime(),
});
export type AuditEntry = z.infer<typeof AuditEntry>;

export const AuditPage = z.object({
  data: z.array(AuditEntry),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
export type AuditPage = z.infer<typeof AuditPage>;

const Word = z
  .string()
  .min(1)
  .max(ID_LENGTH_MAX)
  .regex(/^[^\0]*$/, 'must hold no NUL character');

export const AuditQuery = RunQuery.pick({
  limit: true,
  cursor: true,
  created_after: true,
  created_before: true,
}).extend({
  kind: z.enum(AUDIT_KINDS).optional(),
  key_id: Word.optional(),
  operation: Word.optional(),
});
