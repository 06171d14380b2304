import { z } from 'zod';
import { Problem } from './failures.ts';
import { SubmitRun } from './run.ts';

/** The body of POST /api/v1/plans/validate: that of POST /api/v1/runs, with a plan. What is wrong inside it is the answer. */
export const ValidatePlan = SubmitRun.extend({
  // To parse the plan here would walk and copy it.
  plan: z
    .unknown()
    .refine((plan) => plan !== undefined, 'is required: a list of steps, or an object with `steps`')
    .meta({ description: 'A list of steps, or an object with `steps`.' }),
});
export type ValidatePlan = z.infer<typeof ValidatePlan>;

/** A mistake, and how to correct it. */
export const FixableProblem = Problem.extend({ fix: z.string() });
export type FixableProblem = z.infer<typeof FixableProblem>;

const Cost = {
  cost_cents: z.number(),
  is_complete: z
    .boolean()
    .describe(
      'False while params wait for values: then no less than the contracts say is counted.',
    ),
};

/** What a step can cost at most: every try of its call, of its fallback and of what undoes it. */
export const StepWorstCase = z.object({
  step_id: z.string(),
  step_index: z.int(),
  skill: z.string(),
  call_cents: z.number().describe('One call of its own skill.'),
  tries_max: z.int().describe('Of its own skill.'),
  ...Cost,
});
export type StepWorstCase = z.infer<typeof StepWorstCase>;

/** Whether a run with this body would be taken now. */
export const Validation = z.object({
  valid: z.boolean(),
  problems: z.array(FixableProblem).describe('For which the run would be refused.'),
  warnings: z.array(Problem),
  agent_id: z.string().nullable(),
  budget_cents: z.number().describe('Of the run: what was asked for, else the default.'),
  worst_case: z
    .object({ ...Cost, steps: z.array(StepWorstCase) })
    .nullable()
    .describe('Null while the plan has problems. No run spends more than its budget.'),
  step_count: z.int().nullable(),
});
export type Validation = z.infer<typeof Validation>;
