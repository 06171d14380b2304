import { z } from 'zod';
import { Budget } from './budget.ts';
import { Problem } from './failures.ts';
import { ID_LENGTH_MAX } from './limits.ts';
import { SkillView } from './skill.ts';
import { NO_NUL, text } from './text.ts';

/** `tenant_id` is passed over: the key says whose request it is. */
export const CapabilityQuery = z.object({
  agent_id: text(ID_LENGTH_MAX).min(1).regex(NO_NUL, 'must hold no NUL character').optional(),
  tenant_id: z.unknown().optional().describe('Ignored: the key says whose request it is.'),
});

/** One reason why something cannot be used, and what would change that. */
export const Obstacle = z.object({
  code: z.string(),
  reason: z.string(),
  fix: z.string(),
  /** Where waiting is enough: for how long. */
  retry_after_ms: z.int().optional(),
});
export type Obstacle = z.infer<typeof Obstacle>;

/** What the tenant's newest calls of a skill came to; null where none was recorded. */
export const Observed = z.object({
  sample_size: z.int(),
  avg_latency_ms: z.number(),
  p50_latency_ms: z.number(),
  p95_latency_ms: z.number(),
  failure_rate: z.number(),
});
export type Observed = z.infer<typeof Observed>;

/** A failure to reckon with; GET /api/v1/runtime/skills/{id} describes those of a skill, and /docs/errors/{code} each. */
export const FailurePattern = z.object({
  code: z.string(),
  retryable: z.boolean(),
  probability: z
    .number()
    .nullable()
    .describe('The share of calls that the contract expects; null when it does not name the code.'),
  observed_count: z.int(),
});
export type FailurePattern = z.infer<typeof FailurePattern>;

/** What of a skill does not depend on who asks. */
export const MeasuredSkill = z.object({
  name: z.string(),
  version: z.string(),
  cost_estimate_cents: z.number().describe('Of one call, by the contract.'),
  cost_model: SkillView.shape.cost_model,
  avg_latency_ms: z.number(),
  latency_basis: z.enum(['observed', 'contract']),
  typical_latency_ms: z.number().describe('By the contract.'),
  observed: Observed.nullable(),
  known_failure_patterns: z.array(FailurePattern),
});
export type MeasuredSkill = z.infer<typeof MeasuredSkill>;

/** `code`, `reason` and `fix` are those of the first obstacle; absent when the skill is available. */
export const SkillCapability = MeasuredSkill.extend({
  available: z.boolean(),
  ...Obstacle.partial().shape,
  obstacles: z.array(Obstacle),
  rate_limit_remaining: z.int(),
});
export type SkillCapability = z.infer<typeof SkillCapability>;

export const RateStanding = z.object({
  level: z.enum(['key', 'agent']),
  counts: z.enum(['requests', 'submissions']),
  limit_per_minute: z.int(),
  remaining: z.int(),
  resets_in_ms: z.int(),
});
export type RateStanding = z.infer<typeof RateStanding>;

/** Runs at once. `limit` and `remaining` are null where there is no limit. */
export const Concurrency = z.object({
  level: z.enum(['agent', 'tenant']).describe('Whose open runs are counted.'),
  limited: z.boolean(),
  limit: z.int().nullable(),
  open: z.int(),
  remaining: z.int().nullable(),
});
export type Concurrency = z.infer<typeof Concurrency>;

/** What a key may use of money, requests and runs, now. */
export const Resources = {
  agent_id: z.string().nullable(),
  budget: Budget.describe('The level with the least left.'),
  budgets: z.array(Budget).describe('Every level: of the agent, the key and the tenant.'),
  rate_limits: z.array(RateStanding),
  concurrency: Concurrency,
  warnings: z.array(Problem),
};

export const Capabilities = z.object({
  ...Resources,
  skills: z.record(z.string(), SkillCapability),
  skills_available: z.array(z.string()),
  skills_unavailable: z.array(z.string()),
  budget_remaining_cents: z.number(),
  role: z.string(),
  permissions: z.array(z.string()).describe("Operations that the key's role may do."),
  /** Why no run would be taken, whatever its plan. */
  refusal: Obstacle.nullable(),
  observed_runs_max: z.int().describe('`observed` counts the newest runs, so many at most.'),
  timestamp: z.iso.datetime(),
});
export type Capabilities = z.infer<typeof Capabilities>;

/** Resources under the name that was asked for: of the agent of that id, else of the key. */
export const ResourceContract = z.object({
  resource_id: z.string(),
  ...Resources,
  budget_cents: z.number().describe('Repeats `budget.total_cents`.'),
  max_concurrency: z.int().min(1),
  max_step_cost_cents: z.number().nullable(),
  max_run_cost_cents: z.number().nullable(),
  timestamp: z.iso.datetime(),
});
export type ResourceContract = z.infer<typeof ResourceContract>;
