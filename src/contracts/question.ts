import { z } from 'zod';
import { Budget } from './budget.ts';
import { Problem } from './failures.ts';
import { ID_LENGTH_MAX, QUERY_TYPE_LENGTH_MAX } from './limits.ts';
import { WithheldOutput } from './run.ts';
import { SpendBy, WhatNext, WhatWaits, WhyStepFailed } from './run-questions.ts';
import { text } from './text.ts';
import { AskTyped, TypedAnswer } from './typed-query.ts';

export const QUESTION_NAMES = [
  'remaining_budget_cents',
  'what_did_i_try_already',
  'allowed_skills',
  'last_step_outcome',
  'skills_available_for_goal',
  'why_did_step_fail',
  'what_can_i_do_next',
  'what_is_waiting',
  'spend_by',
] as const;
export type QuestionName = (typeof QUESTION_NAMES)[number];

const NOTHING_ASKED =
  `asks nothing: give it one of ${QUESTION_NAMES.join(', ')}; or ask with \`from\` in the typed language, of which ` +
  'GET /api/v1/runtime/query-schema tells everything';

/** A question by its name. */
export const AskQuestion = z.object({
  query_type: text(QUERY_TYPE_LENGTH_MAX, NOTHING_ASKED).describe(
    `One of ${QUESTION_NAMES.join(', ')}.`,
  ),
  params: z.record(z.string(), z.unknown()).nullish().describe('What the question itself takes.'),
  agent_id: text(ID_LENGTH_MAX).min(1).nullish(),
  run_id: text(ID_LENGTH_MAX).min(1).nullish(),
});
export type AskQuestion = z.infer<typeof AskQuestion>;

/** What every result says of what was asked about: for instance that there is no such run. */
const Told = { warnings: z.array(Problem) };

/** The level with the least left; `spent_cents` is spent or held by open runs. */
export const RemainingBudget = z.object({
  remaining_cents: z.number(),
  spent_cents: z.number(),
  total_cents: z.number(),
  limited: z.boolean(),
  level: Budget.shape.level,
  budgets: z.array(Budget),
  ...Told,
});

/** One call that was made, or is being made, of a step's skill. */
export const Attempt = z.object({
  run_id: z.string(),
  agent_id: z.string().nullable(),
  step_id: z.string(),
  skill_id: z.string(),
  role: z.enum(['main', 'fallback', 'compensate']),
  try: z.int(),
  ok: z.boolean(),
  status: z.enum(['running', 'succeeded', 'failed', 'cancelled']),
  code: z.string().optional(),
  message: z.string().optional(),
  retryable: z.boolean().optional(),
  cost_cents: z.number(),
  at: z.iso.datetime(),
  completed_at: z.iso.datetime().optional(),
});
export type Attempt = z.infer<typeof Attempt>;

/** Newest first; `has_more` when older ones are not told. */
export const TriedAlready = z.object({
  history: z.array(Attempt),
  count: z.int(),
  has_more: z.boolean(),
  ...Told,
});

const Unavailable = z.object({ skill_id: z.string(), reason: z.string(), fix: z.string() });

/** Skills that a plan may use; what the installation lacks for some of them is told beside. */
export const AllowedSkills = z.object({
  skills: z.array(z.string()),
  count: z.int(),
  unavailable: z.array(Unavailable),
  ...Told,
});

/** How the step ended that ended last. */
export const StepOutcome = z.object({
  ok: z.boolean(),
  run_id: z.string(),
  step_id: z.string(),
  skill_id: z.string(),
  status: z.enum(['succeeded', 'failed', 'skipped', 'cancelled', 'compensated']),
  tries: z.int(),
  code: z.string().optional(),
  message: z.string().optional(),
  retryable: z.boolean().optional(),
  cost_cents: z.number(),
  completed_at: z.iso.datetime(),
  output: z.json().optional(),
  ...WithheldOutput.shape,
});

export const LastStepOutcome = z.object({
  outcome: StepOutcome.nullable(),
  run_id: z.string().nullable(),
  ...Told,
});

/** Skills that may be used and can be, the ones whose words are the goal's first. */
export const SkillsForGoal = z.object({
  goal: z.string(),
  skills: z.array(z.string()),
  basis: z.literal('word_match'),
  ranking: z.array(
    z.object({ skill_id: z.string(), score: z.number(), matched: z.array(z.string()) }),
  ),
  unavailable: z.array(Unavailable),
  ...Told,
});

export const UnknownQuestion = z.object({
  error: z.string(),
  supported: z.array(z.string()),
  ...Told,
});

export const QuestionAnswer = z.object({
  query_type: z.string(),
  result: z.union([
    RemainingBudget,
    TriedAlready,
    AllowedSkills,
    LastStepOutcome,
    SkillsForGoal,
    WhyStepFailed,
    WhatNext,
    WhatWaits,
    SpendBy,
    UnknownQuestion,
  ]),
  supported_queries: z.array(z.string()),
  warnings: z.array(Problem).describe('What of the request was ignored.'),
});
export type QuestionAnswer = z.infer<typeof QuestionAnswer>;

/** What is only looked at without a `query_type`: beside one it is ignored, as any unknown key is. */
const typedKeys = Object.fromEntries(
  Object.keys(AskTyped.shape).map((name) => [name, z.json()]),
) as Record<keyof typeof AskTyped.shape, z.ZodJSONSchema>;
const { properties, required } = z.toJSONSchema(AskTyped, { io: 'input' });

/** The body of POST /api/v1/runtime/query: a question by its name, or in the typed language. */
export const AskQuery = z
  .object({ ...AskQuestion.shape, ...typedKeys })
  .partial()
  .refine(({ query_type, from }) => query_type !== undefined || from !== undefined)
  .meta({ anyOf: [{ required: ['query_type'] }, { properties, required }] });

export const QueryAnswer = z.union([QuestionAnswer, TypedAnswer]);
