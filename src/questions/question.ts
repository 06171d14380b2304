import type { z } from 'zod';
import type { Problem } from '../contracts/failures.ts';
import type { QuestionAnswer } from '../contracts/question.ts';
import type { SkillRegistry } from '../skills/registry.ts';
import type { AgentRow } from '../storage/agents.ts';
import type { ApiKey } from '../storage/api-keys.ts';
import type { RunsOf } from '../storage/attempts.ts';
import type { Pool } from '../storage/pool.ts';
import type { RunRow } from '../storage/runs.ts';

/** Who asks, and about what. */
export interface Subject {
  key: ApiKey;
  agentId: string | null;
  /** Absent when the tenant has no such agent. */
  agent: AgentRow | undefined;
  /** The run that was named, if it is there. */
  run: RunRow | undefined;
  /** Undefined when a run was named that is not there. */
  runs: RunsOf | undefined;
  /** What was named and is not there. */
  warnings: Problem[];
  at: Date;
}

export interface QuestionDeps {
  pool: Pool;
  skills: SkillRegistry;
}

export type QuestionResult = QuestionAnswer['result'];

/** One question that can be asked by its name. Interface here, questions one file each. */
export interface Question<Params extends z.ZodObject = z.ZodObject> {
  /** What it takes in `params`, beside who or which run is meant. */
  params: Params;
  /** It may take long in Postgres, and so waits for its turn. */
  isLong?: boolean;
  answer(
    deps: QuestionDeps,
    subject: Subject,
    params: z.infer<Params>,
  ): QuestionResult | Promise<QuestionResult>;
}
