import { z } from 'zod';
import {
  LLM_TIMEOUT_DEFAULT_MS,
  LLM_TIMEOUT_MAX_MS,
  PLANNER_ANSWER_TOKENS_MAX,
  PLANNER_ATTEMPTS_MAX,
} from '../../contracts/limits.ts';
import { PLAN_GOAL } from '../../contracts/planner.ts';
import type { SkillContract } from '../../contracts/skill.ts';

/** What `plan_goal` takes. */
export const PlanGoalParams = z.object({
  goal: z.string(),
  allowed_skills: z.array(z.string()).nullable().describe('Null allows all.'),
  allowed_hosts: z.array(z.string()).nullable().describe('Null allows all.'),
  force_skill: z.string().optional().describe('The only skill, if there is to be only one.'),
  input: z.unknown().optional().describe('The input of the run, if it has one.'),
});
export type PlanGoalParams = z.infer<typeof PlanGoalParams>;

const Output = z.object({
  plan: z.unknown().describe('The plan as the model wrote it, and checked.'),
  attempts: z.int().describe('2: the first answer was no plan that can be run, and was repaired.'),
  model: z.string(),
  provider: z.string(),
});

/** What `plan_goal` promises, on the ground of what `llm_invoke` does. */
export const createPlanGoalContract = (llm: SkillContract): SkillContract => ({
  id: PLAN_GOAL,
  name: 'Make a plan',
  version: '1.0.0',
  description:
    'Asks the configured model for a plan to reach a goal, checks it like any plan, and has it repaired once.',
  params: PlanGoalParams,
  output: Output,
  cost: {
    per: 'call',
    base_micro_cents: PLANNER_ATTEMPTS_MAX * llm.cost.base_micro_cents,
    note: 'Two calls of `llm_invoke` are held; what they cost is settled.',
  },
  latency: { typical_ms: 2 * llm.latency.typical_ms },
  timeout: {
    default_ms: PLANNER_ATTEMPTS_MAX * LLM_TIMEOUT_DEFAULT_MS,
    max_ms: PLANNER_ATTEMPTS_MAX * LLM_TIMEOUT_MAX_MS,
  },
  retry: llm.retry,
  limits: { attempts_max: PLANNER_ATTEMPTS_MAX, answer_tokens_max: PLANNER_ANSWER_TOKENS_MAX },
  side_effects: 'outside',
  idempotent: 'always',
  failure_modes: [
    { code: 'PLANNER_UNAVAILABLE', description: 'Nobody can be asked.', probability: 0.001 },
    { code: 'PLANNER_FAILED', description: 'The model made no valid plan.', probability: 0.05 },
    ...llm.failure_modes,
  ],
  inline: false,
  internal: true,
  ...(llm.lacks && { lacks: llm.lacks }),
});
