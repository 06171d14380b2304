import type { NextMove } from '../contracts/activities.ts';
import type { Waiting } from '../contracts/run-questions.ts';
import type { SkeletonStep, StepStatus } from '../contracts/activities.ts';
import { readySteps } from './ready-steps.ts';

/** An open run, as far as it decides what is waited for. */
export interface OpenRun {
  status: 'queued' | 'running';
  maxParallel: number;
  since: Date;
  deadlineAt: Date;
  compensateUntil: Date | null;
  cancelRequestedAt: Date | null;
  steps: OpenStep[];
}

export interface OpenStep extends Pick<SkeletonStep, 'id' | 'depends_on'> {
  skill: string;
  status: StepStatus;
  since: Date | null;
  lastTry: OpenTry | undefined;
  /** Whether another step of the run holds money for a call. */
  isHeld: boolean;
}

export interface OpenTry {
  hasEnded: boolean;
  next: NextMove | undefined;
  startedAt: Date;
  deadlineAt: Date;
  endedAt: Date | null;
}

export interface Wait {
  stepId: string | null;
  skill: string | null;
  status: Waiting['status'];
  waitsFor: Waiting['waits_for'];
  why: string;
  since: Date;
  until: Date;
}

/** What an open run and its steps wait for; a step that waits for other steps is not told, since those are. */
export function waitsOf(run: OpenRun): Wait[] {
  const ofRun = (waitsFor: Wait['waitsFor'], why: string, more: Partial<Wait> = {}): Wait[] => [
    {
      stepId: null,
      skill: null,
      status: run.status,
      waitsFor,
      why,
      since: run.since,
      until: run.deadlineAt,
      ...more,
    },
  ];
  if (run.compensateUntil)
    return ofRun('compensation', 'What its steps did is being undone.', {
      until: run.compensateUntil,
    });
  if (run.cancelRequestedAt)
    return ofRun('cancel', 'Its cancel is recorded and has to reach the calls in flight.', {
      since: run.cancelRequestedAt,
    });
  if (run.status === 'queued')
    return ofRun('start', 'Temporal has not begun it, or not begun it again.');
  const busy = run.steps.filter(({ status }) => status === 'running');
  const statuses = new Map(run.steps.map(({ id, status }) => [id, status]));
  const ready = readySteps(run.steps, (id) => statuses.get(id) ?? 'pending');
  const waits = [
    ...busy.map((step) => waitOfRunning(run, step)),
    ...ready.map((step) => waitOfReady(run, step, busy.length)),
  ];
  return waits.length > 0 ? waits : ofRun('steps', 'Its next steps are being decided or computed.');
}

const of = (step: OpenStep, wait: Omit<Wait, 'stepId' | 'skill' | 'status'>): Wait => ({
  stepId: step.id,
  skill: step.skill,
  status: step.status,
  ...wait,
});

function waitOfRunning(run: OpenRun, step: OpenStep): Wait {
  const { lastTry } = step;
  const since = step.since ?? run.since;
  if (lastTry === undefined || (lastTry.hasEnded && lastTry.next?.kind !== 'retry')) {
    const why = 'The next call of it has not begun.';
    return of(step, { waitsFor: 'start', why, since, until: run.deadlineAt });
  }
  if (!lastTry.hasEnded) {
    const why = `The call of ${step.skill} has not answered.`;
    return of(step, {
      waitsFor: 'answer',
      why,
      since: lastTry.startedAt,
      until: lastTry.deadlineAt,
    });
  }
  const endedAt = lastTry.endedAt ?? lastTry.startedAt;
  const delayMs = lastTry.next?.kind === 'retry' ? lastTry.next.delayMs : 0;
  const until = new Date(endedAt.getTime() + delayMs);
  const why = 'The last try failed; the next one begins then.';
  return of(step, { waitsFor: 'retry', why, since: endedAt, until });
}

function waitOfReady(run: OpenRun, step: OpenStep, busy: number): Wait {
  const base = { since: step.since ?? run.since, until: run.deadlineAt };
  if (busy >= run.maxParallel) {
    const why = `As many steps are running as may at once: ${run.maxParallel}.`;
    return of(step, { ...base, waitsFor: 'place', why });
  }
  if (step.isHeld) {
    const why =
      'It begins at once if its worst case fits in the budget; else when another step gives money back.';
    return of(step, { ...base, waitsFor: 'money', why });
  }
  return of(step, {
    ...base,
    waitsFor: 'start',
    why: 'All before it is done, and it is about to begin.',
  });
}
