import type {
  RunEnd,
  RunPlanInput,
  SkeletonStep,
  StepProgress,
  StepRole,
  StepStatus,
  TryAddress,
} from '../src/contracts/activities.ts';
import { isDone, readySteps } from '../src/domain/ready-steps.ts';

/** The try that a step is to take up or to make next, and the pause before it. */
export interface Place {
  role: StepRole;
  try: number;
  untilMs?: number;
}

/** What an execution knows at this moment; everything else is in Postgres. */
export interface Progress {
  input: RunPlanInput;
  statuses: Map<string, StepStatus>;
  /** Where a step goes on that an earlier execution, or an earlier history of this one, had begun. */
  places: Map<string, Place>;
  /** Inline steps that are not quick enough for a chain. */
  deferred: Set<string>;
  /** What is being waited for: steps by id, and the chain. */
  inFlight: Set<string>;
  /** The try that each step in flight is at. */
  tries: Map<string, TryAddress>;
  /** Grows with every reply that may have given money back. */
  replies: number;
  /** Steps that wait for money, first come first served. */
  waiting: Set<string>;
  /** How many steps have ended in this history. */
  ended: number;
  failedStepId?: string;
  isCancelled: boolean;
  /** Cancels that have come and are not yet recorded. */
  cancelsUnderWay: number;
  isClosed: boolean;
  /** The steps are over: what a late one of them answers changes nothing any more. */
  isCompensating: boolean;
  /** Nothing new starts in this history: the next one goes on. */
  isHandingOver: boolean;
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
    waiting: new Set(),
    ended: 0,
    isCancelled: input.cancelled === true,
    cancelsUnderWay: 0,
    isClosed: false,
    isCompensating: false,
    isHandingOver: false,
  };
  for (const { id, status, role, try: number, until_ms: untilMs } of input.progress) {
    if (status !== 'running') setStatus(progress, id, status);
    else {
      progress.places.set(id, { role, try: number, ...(untilMs !== undefined && { untilMs }) });
      progress.deferred.add(id);
    }
  }
  return progress;
}

/** The input of the next history: this one's, with what has happened since. */
export function toNextInput({ input, statuses, places, isCancelled }: Progress): RunPlanInput {
  const progress = input.steps.flatMap(({ id }): StepProgress[] => {
    const status = statuses.get(id)!;
    const place = places.get(id);
    if (status !== 'pending') return [{ id, status, role: 'main', try: 0 }];
    if (!place) return [];
    const { role, try: number, untilMs } = place;
    const until = untilMs === undefined ? {} : { until_ms: untilMs };
    return [{ id, status: 'running', role, try: number, ...until }];
  });
  return { ...input, progress, ...(isCancelled && { cancelled: true }) };
}

function setStatus(progress: Progress, stepId: string, status: StepStatus): void {
  progress.statuses.set(stepId, status);
  if (status === 'failed') progress.failedStepId ??= stepId;
}

/** A step has ended in this history. */
export function noteStatus(progress: Progress, stepId: string, status: StepStatus): void {
  setStatus(progress, stepId, status);
  progress.places.delete(stepId);
  progress.ended += 1;
}

/** The plan has been made: its steps are the run's, beside the one that made them. */
export function noteSteps(
  progress: Progress,
  { steps, max_parallel }: Pick<RunPlanInput, 'steps' | 'max_parallel'>,
): void {
  const { planning: _, ...input } = progress.input;
  progress.input = { ...input, max_parallel, steps: [...input.steps, ...steps] };
  for (const { id } of steps) setStatus(progress, id, 'pending');
}

/** How many of those who wait ask again after one reply: all would be many questions for little money. */
const ASK_AGAIN_MAX = 8;

/** A reply may have given money back: the first of those who wait for some may ask again. */
export function noteReply(progress: Progress): void {
  progress.replies += 1;
  for (const id of [...progress.waiting].slice(0, ASK_AGAIN_MAX)) progress.waiting.delete(id);
}

/** The execution may do nothing more; a step that says so late does not stop what undoes the others. */
export function noteClosed(progress: Progress): void {
  if (!progress.isCompensating) progress.isClosed = true;
}

/** Whether nothing new may start: what is in flight runs to its end. */
export const isStopping = ({ failedStepId, isCancelled, isClosed, end }: Progress): boolean =>
  failedStepId !== undefined || isCancelled || isClosed || end !== undefined;

/** Whether what waits between two calls is to stop waiting. */
export const isLeaving = (progress: Progress): boolean =>
  progress.isHandingOver || isStopping(progress);

export const isAllDone = ({ statuses }: Progress): boolean => [...statuses.values()].every(isDone);

/** Whether the plan is made and not yet taken over. */
export const hasPlanToAdopt = (progress: Progress): boolean =>
  progress.input.planning === true && isAllDone(progress) && !isStopping(progress);

export const hasPending = ({ statuses }: Progress): boolean =>
  [...statuses.values()].includes('pending');

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
