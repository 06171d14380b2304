/** What can happen to a run. Its events are numbered from 1, in the order of commits. */
export type EventType =
  | 'run.accepted'
  | 'run.started'
  | 'run.planned'
  | 'run.restarted'
  | 'run.cancel_requested'
  | 'run.compensating'
  | 'run.succeeded'
  | 'run.failed'
  | 'run.cancelled'
  | 'step.started'
  | 'step.retrying'
  | 'step.succeeded'
  | 'step.failed'
  | 'step.skipped'
  | 'step.cancelled'
  | 'step.compensated'
  | 'step.compensation_failed'
  | 'budget.threshold_reached';

/** An event whose transaction is committed, with what logs and metrics need beside what is stored. */
export interface CommittedEvent {
  /** Absent where a new limit has reached a part of a budget. */
  runId?: string;
  type: EventType;
  stepId?: string;
  data?: Record<string, unknown>;
  /** The skill that was called, or would have been; on events of steps. */
  skill?: string | undefined;
  /** How long it took: from the run's acceptance to its first start or its end, or from the begin of a step's call. */
  seconds?: number | undefined;
}
