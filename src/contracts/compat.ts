import { z } from 'zod';
import { FailureCodeSchema, Recovery } from './failures.ts';
import { FAILURE_CATEGORIES, RECOVERY_ACTIONS } from './failure-codes.ts';
import { RECALL_ENTRIES_DEFAULT, RECALL_ENTRIES_MAX, RECALL_QUERY_LENGTH_MAX } from './limits.ts';
import { Run, RUN_STATUSES, StepView, WithheldOutput } from './run.ts';
import { text } from './text.ts';

/** A step that was tried, with the call that it made last. */
export const ToolCall = StepView.pick({
  index: true,
  skill: true,
  status: true,
  tries: true,
  cost_cents: true,
  output_bytes: true,
  sensitive: true,
  failure: true,
  started_at: true,
  completed_at: true,
  duration_ms: true,
}).extend({
  step_id: z.string(),
  role: z.enum(['main', 'fallback']),
  ok: z.boolean(),
  params: z.json().describe('As they were checked, before references are replaced.'),
  result_preview: z
    .string()
    .nullable()
    .describe('The beginning of the output, as JSON text; null where it is sensitive.'),
});
export type ToolCall = z.infer<typeof ToolCall>;

const OfAgent = {
  agent_id: z.string(),
  goal: z.string().describe('Empty when the run has none.'),
  attempts: z.int().describe('Tries of all steps together.'),
  plan: z.json().describe('As it was sent or made; null while there is only a goal.'),
  tool_calls: z.array(ToolCall),
};
const [queued, running, succeeded, failed, cancelled] = Run.options;

/** A run as its agent's clients see it: the run object, and what was done in it. */
export const AgentRun = z.discriminatedUnion('status', [
  queued.extend(OfAgent),
  running.extend(OfAgent),
  succeeded.extend(OfAgent),
  failed.extend(OfAgent),
  cancelled.extend(OfAgent),
]);
export type AgentRun = z.infer<typeof AgentRun>;

/** Which plan a run had, by its hash, and what it has cost. */
export const Provenance = z.object({
  run_id: z.string(),
  agent_id: z.string(),
  goal: z.string().optional(),
  status: z.enum(RUN_STATUSES),
  plan_hash: z.string().nullable().describe('SHA-256 of the canonical plan; null without a plan.'),
  cost_cents: z.number(),
  price_table_version: z.string(),
  created_at: z.iso.datetime(),
  completed_at: z.iso.datetime().optional(),
});
export type Provenance = z.infer<typeof Provenance>;

export const ProvenancePage = z.object({
  data: z.array(Provenance),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
export type ProvenancePage = z.infer<typeof ProvenancePage>;

export const RecallQuery = z.object({
  query: text(RECALL_QUERY_LENGTH_MAX)
    .regex(/^[^\0]*$/, 'must hold no NUL character')
    .default('')
    .describe('Words that all must occur; also "a phrase", `or`, and `-word` for none of it.'),
  k: z.coerce.number().int().min(1).max(RECALL_ENTRIES_MAX).default(RECALL_ENTRIES_DEFAULT),
});

/** A finished run that a recall has found. */
export const Memory = z.object({
  id: z.string().describe('The id of the run.'),
  content: z.string().describe('The goal, and the beginning of the result or why it failed.'),
  score: z.number(),
  timestamp: z.iso.datetime(),
  goal: z.string().optional(),
  status: z.enum(['succeeded', 'failed', 'cancelled']),
  sensitive: WithheldOutput.shape.sensitive,
});
export type Memory = z.infer<typeof Memory>;

export const Recall = z.object({ entries: z.array(Memory), total: z.int() });
export type Recall = z.infer<typeof Recall>;

/** A failed run whose failure something can be done about. */
export const RecoveryCandidate = z.object({
  id: z.string().describe('The id of the run.'),
  run_id: z.string(),
  agent_id: z.string().optional(),
  goal: z.string().optional(),
  step_id: z.string().optional(),
  code: FailureCodeSchema,
  category: z.enum(FAILURE_CATEGORIES),
  message: z.string(),
  retryable: z.boolean(),
  action: z.enum(RECOVERY_ACTIONS),
  recovery: z.array(Recovery),
  created_at: z.iso.datetime(),
  completed_at: z.iso.datetime(),
});
export type RecoveryCandidate = z.infer<typeof RecoveryCandidate>;

export const RecoveryCandidatePage = z.object({
  data: z.array(RecoveryCandidate),
  has_more: z.boolean(),
  next_cursor: z.string().nullable(),
});
export type RecoveryCandidatePage = z.infer<typeof RecoveryCandidatePage>;

export const RecoveryStats = z.object({
  total_candidates: z.int(),
  by_code: z.partialRecord(FailureCodeSchema, z.int()),
  by_action: z.partialRecord(z.enum(RECOVERY_ACTIONS), z.int()),
});
export type RecoveryStats = z.infer<typeof RecoveryStats>;

export const CostsimStatus = z.object({
  status: z.literal('ok'),
  basis: z.literal('contract'),
  price_table_version: z.string(),
  simulate: z.object({ method: z.string(), path: z.string() }),
});
export type CostsimStatus = z.infer<typeof CostsimStatus>;
