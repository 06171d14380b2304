/** What can happen to a run. Its events are numbered from 1, in the order of commits. */
export type EventType =
  | 'run.accepted'
  | 'run.started'
  | 'run.restarted'
  | 'run.cancel_requested'
  | 'run.succeeded'
  | 'run.failed'
  | 'run.cancelled'
  | 'step.started'
  | 'step.retrying'
  | 'step.succeeded'
  | 'step.failed'
  | 'step.skipped'
  | 'step.cancelled';
