import { z } from 'zod';
import type { FailureCode } from './failure-codes.ts';
import type { ExceededLimit, Problem } from './failures.ts';
import type { Json } from './json.ts';

/** What a skill promises: published at /api/v1/runtime/skills and obeyed by whoever calls it. */
export interface SkillContract {
  id: string;
  name: string;
  version: string;
  description: string;
  params: z.ZodObject;
  output: z.ZodType;
  cost: SkillCost;
  latency: { typical_ms: number };
  timeout: { default_ms: number; max_ms: number };
  /** Tries when the plan names none. */
  retry: { max_attempts: number };
  limits: Record<string, number>;
  side_effects: 'none' | 'reads' | 'writes' | 'outside';
  /** `depends`: the skill says for each call, and the plan may say so with `idempotent: true`. */
  idempotent: 'always' | 'depends';
  /** Where MCP's hints say otherwise than `side_effects` and `idempotent`, which are about money and lost workers. */
  hints?: { readOnly?: boolean; destructive?: boolean; idempotent?: boolean };
  /** What can go wrong, with the share of calls in which it is expected before anything was measured. */
  failure_modes: { code: FailureCode; description: string; probability: number }[];
  /** Pure, free and quick: may run in a chain, without a hold, and be computed twice. */
  inline: boolean;
  /** Param that takes the previous step's output when none of `unless` is given. */
  takes_previous?: { into: string; unless: string[] };
  /** Params whose strings may hold `{{secrets.NAME}}`. */
  secrets_in?: readonly string[];
  /** Field of the output that counts as "the previous step's output"; by default the whole of it. */
  passes_on?: string;
  /** No plan of a client may call it, and no list shows it. */
  internal?: true;
  /** Absent when the skill works as it is; else what this installation lacks, and what would make it work. */
  lacks?: { reason: string; fix: string };
}

export interface SkillCost {
  /** `call`: every call costs, so a lost one is presumed spent; `none`: never costs. */
  per: 'call' | 'none';
  base_micro_cents: number;
  note: string;
}

export interface SkillUsage {
  cost_micro_cents: number;
  /** The service did not say what it used, so the cost is the worst case. */
  presumed?: boolean;
}

export interface SkillFailure {
  code: FailureCode;
  message: string;
  /** Overrides the catalogue for this case, for instance a 429 that names when to come back. */
  retryable?: boolean;
  retry_after_ms?: number;
  upstream_status?: number;
  limit?: ExceededLimit;
  /** The mistakes one by one. */
  errors?: Problem[];
}

/** What a skill returns; it never throws across its border. `output` is the value itself. */
export type SkillResult =
  | { ok: true; output: Json; usage: SkillUsage }
  | { ok: false; failure: SkillFailure; usage: SkillUsage };

/** A skill as the API shows it. `skill_id`, `params_schema` and `return_schema` repeat fields for older clients. */
export const SkillView = z.object({
  id: z.string(),
  skill_id: z.string(),
  name: z.string(),
  version: z.string(),
  description: z.string(),
  available: z.boolean(),
  /** What the installation lacks and what would change that; absent when the skill is available. */
  availability: z.object({ reason: z.string(), fix: z.string() }).optional(),
  /** As the Model Context Protocol has them, with the defaults written out. */
  annotations: z.object({
    title: z.string(),
    readOnlyHint: z.boolean(),
    destructiveHint: z.boolean(),
    idempotentHint: z.boolean(),
    openWorldHint: z.boolean(),
  }),
  input_schema: z.json(),
  output_schema: z.json(),
  params_schema: z.json(),
  return_schema: z.json(),
  cost_model: z.object({
    per: z.enum(['call', 'none']),
    base_cents: z.number(),
    fixed_cents: z.number(),
    note: z.string(),
  }),
  latency: z.object({ typical_ms: z.number() }),
  timeout: z.object({ default_ms: z.number(), max_ms: z.number() }),
  retry: z.object({ max_attempts: z.int() }),
  /** `constraints` is the older name of `limits`. */
  constraints: z.record(z.string(), z.number()),
  limits: z.record(z.string(), z.number()),
  side_effects: z.enum(['none', 'reads', 'writes', 'outside']),
  idempotent: z.enum(['always', 'depends']),
  inline: z.boolean(),
  failure_modes: z.array(
    z.object({
      code: z.string(),
      category: z.string(),
      description: z.string(),
      retryable: z.boolean(),
      probability: z.number(),
    }),
  ),
});
export type SkillView = z.infer<typeof SkillView>;
