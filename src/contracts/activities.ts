import type { FailureCode } from './failure-codes.ts';
import type { StepPolicy } from './plan.ts';

/** The call of a step's own skill, or of its fallback's. */
export type StepRole = 'main' | 'fallback';

export type StepStatus = 'pending' | 'running' | 'succeeded' | 'failed' | 'skipped' | 'cancelled';

/** What a workflow knows of a step: nothing that a plan's author wrote but its id and its skill's name. */
export interface SkeletonStep {
  id: string;
  skill: string;
  inline: boolean;
  depends_on: string[];
  policy: StepPolicy;
}

/** Where a step stands when an execution starts; `try` is the last one begun, 0 before any. */
export interface StepProgress {
  id: string;
  status: StepStatus;
  role: StepRole;
  try: number;
}

export interface RunPlanInput {
  run_id: string;
  execution: number;
  /** Milliseconds since the epoch. */
  deadline_at_ms: number;
  max_parallel: number;
  steps: SkeletonStep[];
  /** Steps that are no longer pending; empty on a first execution. */
  progress: StepProgress[];
}

export interface TryAddress {
  run_id: string;
  execution: number;
  step_id: string;
  role: StepRole;
  try: number;
}

export interface TryOutcome {
  kind: 'outcome';
  status: 'succeeded' | 'failed' | 'skipped' | 'cancelled';
  code?: FailureCode;
  retryable?: boolean;
  retry_after_ms?: number;
}

/**
 * `busy`: the hold does not fit while another step's try is in flight; ask again when one has returned.
 * `closed`: this execution may do nothing more. `cancelled`: a cancel is recorded, so nothing was begun.
 * `not_begun`: there is no such try to abandon.
 */
export type TryReply = TryOutcome | { kind: 'busy' | 'closed' | 'cancelled' | 'not_begun' };

export interface ExecuteInline {
  run_id: string;
  execution: number;
  /** Ids of the steps that have succeeded or were skipped. */
  done: string[];
  /** Ids of the inline steps that are ready. */
  ready: string[];
}

export interface InlineReply {
  outcomes: { step_id: string; outcome: TryOutcome }[];
  /** Steps that are not quick enough for a chain. */
  deferred: string[];
  /** A reason to do nothing more in this execution. */
  stop?: 'closed' | 'cancelled';
  /** Set when the chain finished the plan and closed the run with it. */
  end?: RunEnd;
}

export type CloseReason =
  | { kind: 'done' }
  | { kind: 'step_failed'; step_id: string }
  | { kind: 'cancelled' }
  | { kind: 'closed' };

export interface CloseRun {
  run_id: string;
  execution: number;
  reason: CloseReason;
}

/** The stored end of a run; `unknown` when this execution is not the run's current one. */
export interface RunEnd {
  status: 'succeeded' | 'failed' | 'cancelled' | 'unknown';
  code?: FailureCode;
}

export interface RecordCancel {
  run_id: string;
  execution: number;
  reason: string;
}

/** What a workflow may ask the worker for. */
export interface RunActivities {
  /** One try of one effectful step. */
  executeStep(input: TryAddress): Promise<TryReply>;
  /** All inline steps that are ready, and those that become ready through them alone. */
  executeInline(input: ExecuteInline): Promise<InlineReply>;
  /** Records that a try ended without a value, unless its outcome stands. */
  abandonStep(input: TryAddress): Promise<TryReply>;
  /** Writes a cancel that came through Temporal into the run's row. */
  recordCancel(input: RecordCancel): Promise<void>;
  /** Ends the run; the first caller wins and later ones get the stored end. */
  closeRun(input: CloseRun): Promise<RunEnd>;
}
