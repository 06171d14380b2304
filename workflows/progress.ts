import type {
  RunEnd,
  RunPlanInput,
  SkeletonStep,
  StepRole,
  StepStatus,
  TryAddress,
} from '../src/contracts/activities.ts';
import { isDone, readySteps } from '../src/domain/ready-steps.ts';

/** What an execution knows at this moment; everything else is in Postgres. */
export interface Progress {
  input: RunPlanInput;
  statuses: Map<string, StepStatus>;
  /** Where a step goes on that an earlier execution had begun. */
  places: Map<string, { role: StepRole; try: number }>;
  /** Inline steps that are not quick enough for a chain. */
  deferred: Set<string>;
  /** What is being waited for: steps by id, and the chain. */
  inFlight: Set<string>;
  /** The try that each step in flight is at. */
  tries: Map<string, TryAddress>;
  /** Grows with every reply, so that others can wait for one. */
  replies: number;
  failedStepId?: string;
  isCancelled: boolean;
  isClosed: boolean;
  end?: RunEnd;
}

export function createProgress(input: RunPlanInput): Progress {
  const progress: Progress = {
    input,
    statuses: new Map(input.steps.map((step) => [step.id, 'pending'])),
    places: new Map(),
    deferred: new Set(),
    inFlight: new Set(),
    tries: new Map(),
    replies: 0,
    isCancelled: false,
    isClosed: false,
  };
  for (const { id, status, role, try: number } of input.progress) {
    if (status !== 'running') noteStatus(progress, id, status);
    else {
      progress.places.set(id, { role, try: number });
      progress.deferred.add(id);
    }
  }
  return progress;
}

export function noteStatus(progress: Progress, stepId: string, status: StepStatus): void {
  progress.statuses.set(stepId, status);
  if (status === 'failed') progress.failedStepId ??= stepId;
}

/** Whether nothing new may start: what is in flight runs to its end. */
export const isStopping = ({ failedStepId, isCancelled, isClosed, end }: Progress): boolean =>
  failedStepId !== undefined || isCancelled || isClosed || end !== undefined;

export function readyNow({ input, statuses, deferred, inFlight }: Progress): {
  inline: SkeletonStep[];
  effectful: SkeletonStep[];
} {
  const ready = readySteps(input.steps, (id) => statuses.get(id) ?? 'pending');
  const isInline = (step: SkeletonStep) => step.inline && !deferred.has(step.id);
  return {
    inline: ready.filter(isInline),
    effectful: ready.filter((step) => !isInline(step) && !inFlight.has(step.id)),
  };
}

export const doneIds = ({ statuses }: Progress): string[] =>
  [...statuses].filter(([, status]) => isDone(status)).map(([id]) => id);
