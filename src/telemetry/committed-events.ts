import type { StepRole } from '../contracts/activities.ts';
import type { BudgetLevel } from '../contracts/budget.ts';
import type { CommittedEvent } from '../contracts/event.ts';
import type { ThresholdPercent } from '../domain/budget-thresholds.ts';
import type { Metrics } from './instruments.ts';
import type { LogFields, Logger } from './logger.ts';

/** What the events of a try say of it. */
interface TryFacts {
  role: StepRole;
  try: number;
  cost_cents: number;
}

/** What the events of a budget say of it. */
interface ThresholdFacts {
  level: BudgetLevel | 'run';
  account_id: string;
  percent: ThresholdPercent;
  /** The run whose late cost has reached it. */
  run_id: string | null;
}

/**
 * Counts and logs what has happened to runs, once it is committed: what is rolled back has not happened, and a commit
 * whose answer is lost is not counted, rather than counted by every repeat.
 */
export const reportCommitted =
  ({ metrics, logger }: { metrics: Metrics; logger: Logger }) =>
  (events: readonly CommittedEvent[]): void => {
    for (const event of events) {
      try {
        count(metrics, event);
        const write = event.type === 'step.started' ? logger.debug : logger.info;
        write(event.type, fieldsOf(event));
      } catch (error) {
        // What is committed stays so, whatever becomes of its count.
        logger.error('event.not_counted', error, { run_id: event.runId });
      }
    }
  };

function count(metrics: Metrics, event: CommittedEvent): void {
  const { skill = 'unknown', seconds } = event;
  const code = codeOf(event);
  const status = event.type.slice(event.type.indexOf('.') + 1);
  switch (event.type) {
    case 'run.accepted':
      metrics.runAccepted();
      return;
    case 'run.started':
      if (seconds !== undefined) metrics.runStarted(seconds);
      return;
    case 'run.succeeded':
    case 'run.failed':
    case 'run.cancelled':
      metrics.runEnded({ status, code, seconds });
      return;
    case 'step.succeeded':
    case 'step.failed':
    case 'step.skipped':
    case 'step.cancelled':
    case 'step.compensated':
      metrics.stepEnded({ skill, status });
      countTry(metrics, event);
      return;
    case 'step.retrying':
    case 'step.compensation_failed':
      countTry(metrics, event);
      return;
    case 'budget.threshold_reached': {
      const { level, percent } = event.data as unknown as ThresholdFacts;
      metrics.thresholdReached(level, percent);
      return;
    }
    case 'run.planned':
    case 'run.restarted':
    case 'run.cancel_requested':
    case 'run.compensating':
    case 'step.started':
  }
}

/** An end of a step that was no end of a try, as in a chain, names none. */
function countTry(metrics: Metrics, event: CommittedEvent): void {
  const { role, try: number, cost_cents: costCents = 0 } = event.data as Partial<TryFacts>;
  if (number === undefined) return;
  const code = codeOf(event);
  const status = code === undefined ? 'succeeded' : code === 'CANCELLED' ? 'cancelled' : 'failed';
  const { skill = 'unknown' } = event;
  metrics.tryEnded({ skill, role: role ?? 'main', status, code, costCents });
}

const codeOf = ({ data }: CommittedEvent): string | undefined =>
  (data as { failure?: { code: string } } | undefined)?.failure?.code;

function fieldsOf(event: CommittedEvent): LogFields {
  const { runId, stepId, skill, seconds, data } = event;
  const facts = (data ?? {}) as Partial<TryFacts & ThresholdFacts>;
  const { role, try: number, level, account_id, percent, run_id: late } = facts;
  return {
    run_id: runId ?? late ?? undefined,
    step_id: stepId,
    skill,
    role,
    try: number,
    budget_level: level,
    account_id,
    percent,
    code: codeOf(event),
    duration_ms: seconds === undefined ? undefined : Math.round(seconds * 1000),
  };
}
