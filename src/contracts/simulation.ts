import { z } from 'zod';
import { BUDGET_LEVELS } from './budget.ts';
import { Problem } from './failures.ts';
import { isJsonObject } from './json.ts';
import { BUDGET_CENTS_DEFAULT, BUDGET_CENTS_MAX, ID_LENGTH_MAX } from './limits.ts';
import { text } from './text.ts';

const isPlanForm = (value: unknown): boolean =>
  Array.isArray(value) || (isJsonObject(value) && Array.isArray(value['steps']));

/** The body of POST /api/v1/runtime/simulate. What is wrong inside the plan is part of the answer. */
export const Simulate = z.object({
  // To parse the plan here would walk and copy it.
  plan: z
    .unknown()
    .refine(isPlanForm, 'must be a list of steps, or an object with the list `steps`')
    .meta({
      description:
        'A list of steps, or an object with `steps`. A step may say how many `iterations` of it are counted.',
      anyOf: [
        { type: 'array' },
        { type: 'object', properties: { steps: { type: 'array' } }, required: ['steps'] },
      ],
    }),
  budget_cents: z.number().min(0).max(BUDGET_CENTS_MAX).default(BUDGET_CENTS_DEFAULT),
  agent_id: text(ID_LENGTH_MAX).min(1).nullish(),
  tenant_id: z.unknown().optional().describe('Ignored: the key says whose request it is.'),
});
export type Simulate = z.infer<typeof Simulate>;

/** The first that applies is the status; `reason` tells all of them. */
export const SIMULATION_STATUSES = [
  'feasible',
  'plan_invalid',
  'not_permitted',
  'limit_exceeded',
  'budget_insufficient',
] as const;
export type SimulationStatus = (typeof SIMULATION_STATUSES)[number];

export const StepEstimate = z.object({
  step_index: z.int(),
  step_id: z.string(),
  skill_id: z.string().describe('As it was sent.'),
  iterations: z.int(),
  estimated_cost_cents: z.number(),
  worst_case_cost_cents: z
    .number()
    .optional()
    .describe('The most that it can cost; absent while the params are not known whole.'),
  estimated_latency_ms: z.number(),
});
export type StepEstimate = z.infer<typeof StepEstimate>;

export const Risk = z.object({
  step_index: z.int(),
  step_id: z.string(),
  risk_type: z.string().describe('The code of the failure.'),
  category: z.string(),
  probability: z.number().describe('Of one call, times the iterations; at most 1.'),
  retryable: z.boolean(),
  description: z.string(),
});
export type Risk = z.infer<typeof Risk>;

/** What a step needs and does not have; `fix` says who can give it. */
export const PermissionGap = z.object({
  step_index: z.int(),
  pointer: z.string(),
  code: z.enum([
    'SKILL_NOT_ALLOWED',
    'HOST_NOT_ALLOWED',
    'PROVIDER_NOT_CONFIGURED',
    'SECRET_NOT_FOUND',
    'SECRET_HOST_NOT_ALLOWED',
  ]),
  message: z.string(),
  fix: z.string(),
});
export type PermissionGap = z.infer<typeof PermissionGap>;

/** A limit beside `budget_cents` that a run of this plan would meet. */
export const Bound = z.object({
  name: z.enum(['remaining_budget', 'max_run_cost_cents', 'max_step_cost_cents']),
  level: z.enum(BUDGET_LEVELS),
  limited: z.boolean(),
  limit_cents: z.number(),
  sufficient: z.boolean(),
});
export type Bound = z.infer<typeof Bound>;

export const Alternative = z.object({
  action: z.enum(['raise_budget']),
  budget_cents: z.number(),
  why: z.string(),
});

/** What would come of a plan, as far as contracts tell; nothing was called to find out. */
export const Simulation = z.object({
  feasible: z.boolean(),
  status: z.enum(SIMULATION_STATUSES),
  reason: z.string().optional().describe('Present when the plan is not feasible.'),
  basis: z.literal('contract'),
  agent_id: z.string().nullable(),
  budget_cents: z.number(),
  budget_sufficient: z.boolean(),
  estimated_cost_cents: z.number(),
  budget_remaining_cents: z.number(),
  estimated_duration_ms: z.number().describe('Of the longest path through the plan.'),
  success_probability: z.number().describe('That every call succeeds at its first try.'),
  price_table_version: z.string(),
  step_estimates: z.array(StepEstimate),
  risks: z.array(Risk),
  permission_gaps: z.array(PermissionGap),
  bounds: z.array(Bound),
  alternatives: z.array(Alternative),
  problems: z.array(Problem).describe('For which a run of this plan would be refused.'),
  warnings: z.array(Problem),
  steps: z.array(
    z.object({
      index: z.int(),
      skill: z.string(),
      estimated_cost_cents: z.number(),
      feasible: z.boolean(),
    }),
  ),
  step_simulations: z.array(
    z.object({
      step_index: z.int(),
      feasible: z.boolean(),
      estimated_cost_cents: z.number(),
      failure_modes: z.array(z.string()),
    }),
  ),
});
export type Simulation = z.infer<typeof Simulation>;
