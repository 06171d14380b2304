import { z } from 'zod';
import { METHODS } from './route.ts';
import { FAILURE_CATEGORIES, RECOVERY_ACTIONS } from './failure-codes.ts';
import { Failure, Problem } from './failures.ts';
import { RUN_STATUSES, StepView, TryView } from './run.ts';

const Told = { warnings: z.array(Problem) };

/** A step that had to do with a failure: it failed first, its value was asked for, or it was to come before. */
export const CauseStep = z.object({
  step_id: z.string(),
  relation: z.enum(['itself', 'referenced', 'depends_on']),
  of: z.string().describe('The step that referenced it or depends on it.'),
  skill_id: z.string(),
  status: StepView.shape.status,
  code: z.string().optional(),
  message: z.string().optional(),
});
export type CauseStep = z.infer<typeof CauseStep>;

/** What the catalogue of failures says of a code. */
export const CatalogueEntry = z.object({
  code: z.string(),
  title: z.string(),
  category: z.enum(FAILURE_CATEGORIES),
  retryable: z.boolean(),
  meaning: z.string(),
  action: z.enum(RECOVERY_ACTIONS),
  fix: z.string(),
  page: z.string(),
});

/** Why a step failed: its failure, what was tried, the steps that it came from, and what to do. */
export const WhyStepFailed = z.object({
  run_id: z.string().nullable(),
  run_status: z.enum(RUN_STATUSES).nullable(),
  step: StepView.nullable(),
  failure: Failure.nullable().describe('Null when nothing has failed.'),
  tries: z.array(TryView),
  causes: z.array(CauseStep).describe('From the step itself back to where it began.'),
  recommended: CatalogueEntry.nullable(),
  ...Told,
});
export type WhyStepFailed = z.infer<typeof WhyStepFailed>;

/** A request that may be sent as it is; `body` is absent for GET. */
export const NextAction = z.object({
  action: z.enum([
    'wait',
    'cancel',
    'read_run',
    'read_output',
    'ask_why',
    'check_plan',
    'submit_again',
    'submit',
    'top_up',
    'create_agent',
    'list_open_runs',
    'read_capabilities',
    'read_plan_schema',
  ]),
  method: z.enum(METHODS),
  path: z.string(),
  body: z.json().optional(),
  why: z.string(),
});
export type NextAction = z.infer<typeof NextAction>;

/** What this key may do next about a run, or about an agent or the tenant when no run is named. */
export const WhatNext = z.object({
  run_id: z.string().nullable(),
  status: z.enum(RUN_STATUSES).nullable(),
  actions: z.array(NextAction),
  ...Told,
});
export type WhatNext = z.infer<typeof WhatNext>;

export const WAITS = [
  'start',
  'answer',
  'retry',
  'money',
  'place',
  'cancel',
  'compensation',
  'steps',
] as const;

/** One run or step that waits: for what, and until when at the latest. */
export const Waiting = z.object({
  run_id: z.string(),
  agent_id: z.string().nullable(),
  step_id: z.string().nullable().describe('Null when the run itself waits.'),
  skill_id: z.string().nullable(),
  status: StepView.shape.status.or(z.enum(RUN_STATUSES)),
  waits_for: z.enum(WAITS),
  why: z.string(),
  since: z.iso.datetime(),
  until: z.iso.datetime(),
});
export type Waiting = z.infer<typeof Waiting>;

export const WhatWaits = z.object({
  waiting: z.array(Waiting),
  count: z.int(),
  has_more: z.boolean().describe('Whether more open runs are there than were looked at.'),
  ...Told,
});
export type WhatWaits = z.infer<typeof WhatWaits>;

/** What was spent, in groups; the largest first. */
export const SpendBy = z.object({
  group_by: z.string(),
  since: z.iso.datetime().nullable(),
  until: z.iso.datetime().nullable(),
  total_cents: z.number(),
  groups: z.array(
    z.object({
      group: z.string().nullable().describe('Null is what has none, as a run of no agent.'),
      spent_cents: z.number(),
      runs: z.int(),
    }),
  ),
  has_more: z.boolean().describe('Whether there are smaller groups, which are in the total too.'),
  ...Told,
});
export type SpendBy = z.infer<typeof SpendBy>;
