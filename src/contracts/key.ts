import { z } from 'zod';
import { AGENT_STATUSES } from './agent.ts';
import { Budget, Cents, Threshold } from './budget.ts';
import { Problem } from './failures.ts';
import {
  ID_LENGTH_MAX,
  KEY_NAME_LENGTH_MAX,
  KEY_OVERLAP_DEFAULT_MS,
  KEY_OVERLAP_MAX_MS,
  RATE_PER_MINUTE_MAX,
} from './limits.ts';
import { ROLES } from './roles.ts';
import { METHODS } from './route.ts';
import { text } from './text.ts';

/** The body of POST /api/v1/keys. A key that is bound to an agent acts for that one alone and cannot be an admin's. */
export const CreateKey = z.object({
  name: text(KEY_NAME_LENGTH_MAX).min(1),
  role: z.enum(ROLES).default('viewer'),
  expires_at: z.iso.datetime({ offset: true }).optional(),
  rate_limit_per_minute: z.int().min(1).max(RATE_PER_MINUTE_MAX).optional(),
  agent_id: text(ID_LENGTH_MAX).min(1).optional(),
  budget_cents: Cents.optional(),
});
export type CreateKey = z.infer<typeof CreateKey>;

/**
 * The body of POST /api/v1/keys/{id}/rotate. The old key goes on working for `overlap_ms`; 0 ends it at once. The new
 * one expires when the old one would have, unless `expires_at` says otherwise; null is never.
 */
export const RotateKey = z.object({
  overlap_ms: z.int().min(0).max(KEY_OVERLAP_MAX_MS).default(KEY_OVERLAP_DEFAULT_MS),
  expires_at: z.iso.datetime({ offset: true }).nullable().optional(),
});
export type RotateKey = z.infer<typeof RotateKey>;

export const KEY_STATUSES = ['active', 'expired', 'revoked'] as const;

/** A key as the API shows it; the key itself is shown once, when it is made. */
export const KeyView = z.object({
  id: z.string(),
  name: z.string(),
  role: z.enum(ROLES),
  /** Its first characters, by which a person knows it. */
  prefix: z.string(),
  status: z.enum(KEY_STATUSES),
  agent_id: z.string().nullable(),
  /** Its own limit, or the one that keys have without one. */
  rate_limit_per_minute: z.int(),
  /** Null when the key has no budget of its own. */
  budget: Budget.nullable(),
  /** The parts of `budget`; none without one. */
  thresholds: z.array(Threshold),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().nullable(),
  /** To the minute. */
  last_used_at: z.iso.datetime().nullable(),
  revoked_at: z.iso.datetime().nullable(),
  /** The key that this one was rotated to. */
  replaced_by: z.string().nullable(),
});
export type KeyView = z.infer<typeof KeyView>;

/** `key` is shown in this answer only. */
export const CreatedKey = KeyView.extend({
  key: z.string(),
  /** What of the request was ignored. */
  warnings: z.array(Problem),
});
export type CreatedKey = z.infer<typeof CreatedKey>;

export const KeyPage = z.object({
  data: z.array(KeyView),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
export type KeyPage = z.infer<typeof KeyPage>;

/** Who the key of the request is, and for whom it acts. */
export const Me = z.object({
  tenant: z.object({ id: z.string(), name: z.string() }),
  role: z.enum(ROLES),
  key: KeyView,
  /** The one agent that the key acts for; null: for all of the tenant. */
  agent: z
    .object({ agent_id: z.string(), name: z.string(), status: z.enum(AGENT_STATUSES) })
    .nullable(),
});
export type Me = z.infer<typeof Me>;

/** What each role may do, all of the roles before it included. */
export const Rbac = z.object({
  /** The role of the key of the request. */
  role: z.enum(ROLES),
  roles: z.array(
    z.object({
      role: z.enum(ROLES),
      may: z.array(
        z.object({ operation_id: z.string(), method: z.enum(METHODS), path: z.string() }),
      ),
    }),
  ),
});
export type Rbac = z.infer<typeof Rbac>;
