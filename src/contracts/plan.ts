import { z } from 'zod';
import type { JsonObject } from './json.ts';
import {
  BUDGET_CENTS_MAX,
  COMPENSATION_DEADLINE_MAX_MS,
  MAX_PARALLEL_MAX,
  RETRY_DELAY_MAX_MS,
  RUN_DEADLINE_MAX_MS,
  RUN_DEADLINE_MIN_MS,
  STEP_ID_LENGTH_MAX,
  STEP_TIMEOUT_MAX_MS,
  TRIES_PER_STEP_MAX,
} from './limits.ts';

export const STEP_ID_PATTERN = new RegExp(`^[A-Za-z][A-Za-z0-9_-]{0,${STEP_ID_LENGTH_MAX - 1}}$`);

const JsonParams = z.record(z.string(), z.json());

export const CONDITION_OPERATORS = [
  'eq',
  'ne',
  'gt',
  'gte',
  'lt',
  'lte',
  'exists',
  'not_exists',
  'contains',
  'starts_with',
  'ends_with',
] as const;

/** A closed condition on one referenced value: `{ref: "steps.a.output.n", op: "gt", value: 3}`. */
export const Condition = z.object({
  ref: z.string().min(1),
  op: z.enum(CONDITION_OPERATORS),
  value: z.json().optional(),
});
export type Condition = z.infer<typeof Condition>;

/** `max_attempts` counts all tries: 2 is one retry. Back-off doubles from `backoff_ms` up to `max_backoff_ms`. */
export const RetryWish = z.object({
  max_attempts: z.int().min(1).max(TRIES_PER_STEP_MAX).optional(),
  backoff_ms: z.number().min(0).max(RETRY_DELAY_MAX_MS).optional(),
  backoff_seconds: z
    .number()
    .min(0)
    .max(RETRY_DELAY_MAX_MS / 1000)
    .optional(),
  max_backoff_ms: z.number().min(0).max(RETRY_DELAY_MAX_MS).optional(),
});
export type RetryWish = z.infer<typeof RetryWish>;

const Alternative = z.object({
  skill: z.string().min(1),
  params: JsonParams.default({}),
  description: z.string().optional(),
});

/** One step of a plan as a client sends it. */
export const Step = z.object({
  id: z.string().optional(),
  skill: z.string().min(1),
  params: JsonParams.default({}),
  description: z.string().optional(),
  depends_on: z.array(z.string()).optional(),
  when: Condition.optional(),
  retry: RetryWish.optional(),
  timeout_ms: z.number().int().min(1).max(STEP_TIMEOUT_MAX_MS).optional(),
  max_cost_cents: z.number().min(0).max(BUDGET_CENTS_MAX).optional(),
  on_error: z.enum(['fail', 'skip', 'ask', 'fallback']).optional(),
  fallback: Alternative.optional(),
  idempotent: z.boolean().optional(),
  compensate: Alternative.optional(),
  sensitive: z
    .boolean()
    .optional()
    .describe(
      'The output is sealed, and shown nowhere but to an operator who downloads it. So is the output of every step that reads it.',
    ),
});
export type Step = z.infer<typeof Step>;

/** A plan as a client sends it, in its object form; the other form is the bare list of steps. */
export const Plan = z.object({
  steps: z.array(Step),
  deadline_ms: z.int().min(RUN_DEADLINE_MIN_MS).max(RUN_DEADLINE_MAX_MS).optional(),
  compensation_deadline_ms: z
    .int()
    .min(RUN_DEADLINE_MIN_MS)
    .max(COMPENSATION_DEADLINE_MAX_MS)
    .optional(),
  max_parallel: z.int().min(1).max(MAX_PARALLEL_MAX).optional(),
  on_budget: z.enum(['fail', 'wait']).optional(),
  description: z.string().optional(),
});
export type Plan = z.infer<typeof Plan>;

/** What decides about tries and failures of a step; small enough for a workflow's history. */
export interface StepPolicy {
  max_attempts: number;
  backoff_ms: number;
  max_backoff_ms: number;
  on_error: 'fail' | 'skip' | 'fallback';
  /** Tries of the fallback's skill; absent without a fallback. */
  fallback_max_attempts?: number;
  /** Tries of the compensation's skill; absent without one. */
  compensate_max_attempts?: number;
}

/** Another call than a step's own; `previous_into` is the param that takes what the step before passes on. */
export interface ResolvedAlternative {
  skill: string;
  skill_version: string;
  params: JsonObject;
  previous_into?: string;
}

/** A step with everything decided that can be decided at submit. */
export interface ResolvedStep {
  id: string;
  index: number;
  skill: string;
  skill_version: string;
  params: JsonObject;
  depends_on: string[];
  inline: boolean;
  policy: StepPolicy;
  when?: Condition;
  /** Param that takes what the one dependency passes on. */
  previous_into?: string;
  timeout_ms?: number;
  max_cost_micro_cents?: number;
  /** The cap is the agent's `max_step_cost_cents`, lower than the step's own. */
  is_cap_of_agent?: true;
  idempotent?: boolean;
  /** By the plan's own word, or by what the step reads. */
  sensitive?: true;
  fallback?: ResolvedAlternative;
  compensate?: ResolvedAlternative;
}

export interface ResolvedPlan {
  steps: ResolvedStep[];
  deadline_ms: number;
  compensation_deadline_ms: number;
  max_parallel: number;
}
