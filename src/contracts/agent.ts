import { z } from 'zod';
import { Budget, BUDGET_PERIODS, Cents, Threshold } from './budget.ts';
import { Problem } from './failures.ts';
import {
  AGENT_HOSTS_MAX,
  AGENT_NAME_LENGTH_MAX,
  AGENT_SKILLS_MAX,
  CONCURRENT_RUNS_MAX,
  GOAL_LENGTH_MAX,
  HOST_LENGTH_MAX,
  IDEMPOTENCY_KEY_LENGTH_MAX,
  ID_LENGTH_MAX,
  RATE_PER_MINUTE_MAX,
} from './limits.ts';
import { Labels } from './run.ts';
import { LabelFilters, PageQuery } from './run-query.ts';
import { text } from './text.ts';

const NAME = '[a-z\\d_]([a-z\\d_-]*[a-z\\d_])?';
const PORT = '[1-9]\\d{0,3}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d{2}|655[0-2]\\d|6553[0-5]';
const HOST = new RegExp(`^(\\*\\.)?${NAME}(\\.${NAME})*(:(${PORT}))?$`);

/** `api.example.org`, `*.example.org` for all below it, either with `:port`. */
const Host = text(HOST_LENGTH_MAX)
  .toLowerCase()
  .regex(
    HOST,
    'must be a host, for instance api.example.org or *.example.org, with or without :port',
  );

const eachOnce = (words: string[]): string[] => [...new Set(words)];

/** What limits an agent: null is no limit, a list of null allows all. */
const Settings = {
  name: text(AGENT_NAME_LENGTH_MAX).min(1),
  budget_cents: Cents.nullable(),
  budget_period: z.enum(BUDGET_PERIODS),
  allowed_skills: z
    .array(text(ID_LENGTH_MAX).min(1))
    .max(AGENT_SKILLS_MAX)
    .overwrite(eachOnce)
    .nullable(),
  allowed_hosts: z.array(Host).max(AGENT_HOSTS_MAX).overwrite(eachOnce).nullable(),
  max_step_cost_cents: Cents.nullable().describe('The most that one call of a step may cost.'),
  max_run_cost_cents: Cents.nullable(),
  max_concurrent_runs: z.int().min(1).max(CONCURRENT_RUNS_MAX).nullable(),
  rate_limit_per_minute: z.int().min(1).max(RATE_PER_MINUTE_MAX).nullable(),
  labels: Labels,
};

/** The body of POST /agents. */
export const CreateAgent = z.object({
  name: Settings.name,
  budget_cents: Settings.budget_cents.default(null),
  budget_period: Settings.budget_period.default('total'),
  allowed_skills: Settings.allowed_skills.default(null),
  allowed_hosts: Settings.allowed_hosts.default(null),
  max_step_cost_cents: Settings.max_step_cost_cents.default(null),
  max_run_cost_cents: Settings.max_run_cost_cents.default(null),
  max_concurrent_runs: Settings.max_concurrent_runs.default(null),
  rate_limit_per_minute: Settings.rate_limit_per_minute.default(null),
  labels: Settings.labels.default({}),
  idempotency_key: text(IDEMPOTENCY_KEY_LENGTH_MAX).min(1).optional(),
});
export type CreateAgent = z.infer<typeof CreateAgent>;

/** The body of PATCH /agents/{id}: what is not named stays. */
export const UpdateAgent = z.object(Settings).partial();
export type UpdateAgent = z.infer<typeof UpdateAgent>;

export const AGENT_STATUSES = ['active', 'archived'] as const;
export type AgentStatus = (typeof AGENT_STATUSES)[number];

/** An agent as the API shows it; `id` repeats `agent_id`. `budget` is the money of the present period. */
export const AgentView = z.object({
  agent_id: z.string(),
  id: z.string(),
  name: z.string(),
  status: z.enum(AGENT_STATUSES),
  budget_cents: z.number().nullable(),
  budget_period: z.enum(BUDGET_PERIODS),
  budget: Budget,
  /** The parts of `budget`. */
  thresholds: z.array(Threshold),
  allowed_skills: z.array(z.string()).nullable(),
  allowed_hosts: z.array(z.string()).nullable(),
  max_step_cost_cents: z.number().nullable(),
  max_run_cost_cents: z.number().nullable(),
  max_concurrent_runs: z.int().nullable(),
  rate_limit_per_minute: z.int().nullable(),
  open_runs: z.int(),
  labels: z.record(z.string(), z.string()),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
  archived_at: z.iso.datetime().nullable(),
  /** What of the request was ignored; only in the answer to it. */
  warnings: z.array(Problem).optional(),
});
export type AgentView = z.infer<typeof AgentView>;

export const AgentPage = z.object({
  data: z.array(AgentView),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
export type AgentPage = z.infer<typeof AgentPage>;

export const AgentQuery = PageQuery.extend({
  status: z.enum(AGENT_STATUSES).optional(),
  label: LabelFilters,
});

/** The body of POST /agents/{id}/goals. With a `plan` that is run; without one a plan is made. */
export const PostGoal = z.object({
  goal: text(GOAL_LENGTH_MAX).min(1),
  plan: z
    .json()
    .optional()
    .describe(
      'A list of steps `{skill, params, …}`, or an object with `steps` and what holds for all of them.',
    ),
  input: z.json().optional(),
  budget_cents: Cents.optional(),
  labels: Labels.default({}),
  /** The plan that is made may use this skill alone. */
  force_skill: text(ID_LENGTH_MAX).min(1).optional(),
  idempotency_key: text(IDEMPOTENCY_KEY_LENGTH_MAX)
    .min(1)
    .optional()
    .describe(
      'Each agent has keys of its own. A repeat answers with the same run, whatever its goal says.',
    ),
});
export type PostGoal = z.infer<typeof PostGoal>;
