import type { FailureCode } from './failure-codes.ts';
import type { StepPolicy } from './plan.ts';
import type { WebhookActivities } from './webhook-activities.ts';

/** The call of a step's own skill, of its fallback's, or of what undoes it. */
export type StepRole = 'main' | 'fallback' | 'compensate';

export type StepStatus =
  | 'pending'
  | 'running'
  | 'succeeded'
  | 'failed'
  | 'skipped'
  | 'cancelled'
  | 'compensated';

/** What follows a try's outcome: another try, the fallback, or the end of the step. */
export type NextMove =
  | { kind: 'retry'; delayMs: number }
  | { kind: 'fallback' }
  | { kind: 'end'; status: Exclude<StepStatus, 'pending' | 'running'> };

/** What a workflow knows of a step: nothing that a plan's author wrote but its id and its skill's name. */
export interface SkeletonStep {
  id: string;
  skill: string;
  inline: boolean;
  depends_on: string[];
  policy: StepPolicy;
  /** Its compensation waits for the step to succeed and the run to fail or be cancelled. */
  compensates?: boolean;
}

/** Where a step stands when an execution starts or goes on; `try` is the one to take up, or to make next. */
export interface StepProgress {
  id: string;
  status: StepStatus;
  role: StepRole;
  try: number;
  /** The pause before that try ends then, in milliseconds since the epoch; absent when there is none. */
  until_ms?: number;
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
  /** The only step makes the plan, whose steps are then taken over. */
  planning?: boolean;
  /** A cancel is recorded, so nothing more is to begin. */
  cancelled?: boolean;
  /** The steps are over, and what they did is being undone. */
  compensating?: boolean;
  /** Goes on in a new history after so many steps, besides when the engine suggests it. */
  continue_after_steps?: number;
}

export interface TryAddress {
  run_id: string;
  execution: number;
  step_id: string;
  role: StepRole;
  try: number;
}

/** What a try came to: the activity that recorded it has decided what follows, and the workflow does that. */
export interface TryEnd {
  kind: 'outcome';
  code?: FailureCode;
  next: NextMove;
}

/**
 * `busy`: the hold does not fit while another step's try is in flight; ask again when one has returned.
 * `closed`: this execution may do nothing more. `cancelled`: a cancel is recorded, so nothing was begun.
 * `not_begun`: there is no such try to abandon.
 */
export type TryReply = TryEnd | { kind: 'busy' | 'closed' | 'cancelled' | 'not_begun' };

export interface ExecuteInline {
  run_id: string;
  execution: number;
  /** Ids of the steps that have succeeded or were skipped. */
  done: string[];
  /** Ids of the inline steps that are ready. */
  ready: string[];
}

export interface InlineReply {
  outcomes: { step_id: string; status: StepStatus; code?: FailureCode }[];
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

export interface BeginCompensation {
  run_id: string;
  execution: number;
}

/** What is to be undone, in this order; `try` is the last one made, 0 before any. */
export type CompensationReply =
  | { kind: 'closed' }
  | {
      kind: 'open';
      /** Milliseconds since the epoch: nothing is begun after it. */
      deadline_at_ms: number;
      steps: { id: string; skill: string; try: number; policy: StepPolicy }[];
    };

export interface AdoptPlan {
  run_id: string;
  execution: number;
}

/**
 * `adopted`: these are the run's steps now, beside the one that made them. `ended`: they cannot be run, and the run is
 * closed. `closed`: this execution may do nothing more. `cancelled`: a cancel is recorded.
 */
export type AdoptPlanReply =
  | { kind: 'adopted'; steps: SkeletonStep[]; max_parallel: number }
  | { kind: 'ended'; end: RunEnd }
  | { kind: 'closed' | 'cancelled' };

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
  /** Takes over the plan that the run's first step has made. */
  adoptPlan(input: AdoptPlan): Promise<AdoptPlanReply>;
  /** Begins, or goes on, to undo what the run's steps did: from now on no step and no cancel begins. */
  beginCompensation(input: BeginCompensation): Promise<CompensationReply>;
  /** Ends the run; the first caller wins and later ones get the stored end. */
  closeRun(input: CloseRun): Promise<RunEnd>;
}

export type ActivityName = keyof RunActivities | keyof WebhookActivities;
