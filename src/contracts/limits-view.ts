import { z } from 'zod';
import { CapabilityQuery, RateStanding, Resources } from './capabilities.ts';
import { Problem } from './failures.ts';

export const LIMIT_UNITS = [
  'bytes',
  'ms',
  'cents',
  'percent',
  'characters',
  'tokens',
  'per_minute',
  'count',
] as const;
export type LimitUnit = (typeof LIMIT_UNITS)[number];

export const LimitsQuery = CapabilityQuery;

/** One limit as it is here and now. */
export const LimitView = z.object({
  name: z.string(),
  value: z.union([z.number(), z.array(z.number())]),
  unit: z.enum(LIMIT_UNITS),
  applies_to: z.string(),
  setting: z.string().optional().describe('What the operator sets it by.'),
  default: z.number().optional().describe('Its value where the operator has set none.'),
});
export type LimitView = z.infer<typeof LimitView>;

/** What limits the key of the request; for an agent, the agent too. */
export const OwnLimits = z.object({
  key: z.object({
    id: z.string(),
    rate_limit_per_minute: z.int(),
    rate_limit_source: z.enum(['key', 'AOS_RATE_LIMIT_PER_MINUTE']),
    agent_id: z.string().nullable(),
  }),
  agent: z
    .object({
      agent_id: z.string(),
      allowed_skills: z.array(z.string()).nullable(),
      allowed_hosts: z.array(z.string()).nullable(),
      max_step_cost_cents: z.number().nullable(),
      max_run_cost_cents: z.number().nullable(),
      max_concurrent_runs: z.int().nullable(),
      rate_limit_per_minute: z.int().nullable(),
    })
    .nullable(),
  rates: z.array(RateStanding),
  budgets: Resources.budgets,
  concurrency: Resources.concurrency,
});

/** Every limit that a caller can meet. */
export const LimitsAnswer = z.object({
  groups: z.array(
    z.object({ group: z.string(), description: z.string(), limits: z.array(LimitView) }),
  ),
  count: z.int(),
  yours: OwnLimits,
  warnings: z.array(Problem),
});
export type LimitsAnswer = z.infer<typeof LimitsAnswer>;
