import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ActivityName, StepRole } from '../contracts/activities.ts';
import type { BudgetLevel } from '../contracts/budget.ts';
import { FAILURE_CODES } from '../contracts/failure-codes.ts';
import { centsFromMicroCents } from '../contracts/money.ts';
import type { ThresholdPercent } from '../domain/budget-thresholds.ts';
import type { LedgerAudit, RecordedState } from '../storage/gauges.ts';
import { METRICS } from './metrics.ts';
import type { LABELS, MetricDeclaration, MetricName } from './metrics.ts';

export type Mend =
  | 'started'
  | 'restarted'
  | 'closed'
  | 'overdue'
  | 'cancel_told'
  | 'hold_expired'
  | 'engine_replaced'
  | 'failed';

/** What may be counted, in the words of who counts it; the names and labels of the metrics are known here alone. */
export interface Metrics {
  register: Registry;
  runAccepted(): void;
  runStarted(queueSeconds: number): void;
  runEnded(end: { status: string; code: string | undefined; seconds: number | undefined }): void;
  stepEnded(end: { skill: string; status: string }): void;
  tryEnded(end: {
    skill: string;
    role: StepRole;
    status: 'succeeded' | 'failed' | 'cancelled';
    code: string | undefined;
    costCents: number;
  }): void;
  thresholdReached(level: BudgetLevel | 'run', percent: ThresholdPercent): void;
  skillCalled(call: {
    skill: string;
    result: 'succeeded' | 'failed' | 'deferred' | 'crashed';
    seconds: number;
  }): void;
  activityBegan(activity: ActivityName, queueSeconds: number): void;
  activityEnded(end: {
    activity: ActivityName;
    result: 'done' | 'given_back' | 'failed';
    seconds: number;
  }): void;
  mended(kind: Mend): void;
  webhookAttempted(attempt: {
    result: 'delivered' | 'waiting' | 'failed' | 'gone' | 'lost';
    seconds: number;
  }): void;
  httpAnswered(answer: {
    method: string;
    /** The route's template; absent when no route was found. */
    route: string | undefined;
    status: number;
    seconds: number;
  }): void;
  /** What Postgres says now; undefined takes the values away, so that none is shown that is not known. */
  showState(state: RecordedState | undefined): void;
  showAudit(audit: LedgerAudit | undefined): void;
  scrapeFailed(source: 'postgres' | 'ledger' | 'temporal'): void;
}

export interface MetricsOptions {
  /** Whose endpoint it is: what only the other process counts is not shown. */
  service: 'api' | 'worker' | 'both';
  /** Whether the installation has this skill. */
  isSkill: (id: string) => boolean;
}

const METHODS: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
]);

/** Builds every metric on a registry of its own. */
export function createMetrics({ service, isSkill }: MetricsOptions): Metrics {
  const register = new Registry();
  const { counter, histogram, gauge } = createInstruments(register, service);
  const counters = {
    accepted: counter('aos_runs_accepted_total'),
    ended: counter('aos_runs_ended_total'),
    steps: counter('aos_steps_ended_total'),
    tries: counter('aos_tries_ended_total'),
    cost: counter('aos_try_cost_cents_total'),
    thresholds: counter('aos_budget_thresholds_total'),
    mends: counter('aos_mends_total'),
    deliveries: counter('aos_webhook_deliveries_total'),
    requests: counter('aos_http_requests_total'),
    scrapeErrors: counter('aos_scrape_errors_total'),
  };
  const times = {
    runQueue: histogram('aos_run_queue_seconds'),
    runs: histogram('aos_run_seconds'),
    skills: histogram('aos_skill_call_seconds'),
    activities: histogram('aos_activity_seconds'),
    activityQueue: histogram('aos_activity_queue_seconds'),
    webhooks: histogram('aos_webhook_attempt_seconds'),
    requests: histogram('aos_http_request_seconds'),
  };
  const state = {
    open: gauge('aos_runs_open'),
    oldest: gauge('aos_run_oldest_age_seconds'),
    overdue: gauge('aos_runs_overdue'),
    steps: gauge('aos_steps_running'),
    holds: gauge('aos_holds_open'),
    held: gauge('aos_money_held_cents'),
    settled: gauge('aos_money_settled_cents'),
    overage: gauge('aos_money_overage_cents'),
    workers: gauge('aos_workers_alive'),
    deliveries: gauge('aos_webhook_deliveries_open'),
  };
  const audit = {
    violations: gauge('aos_ledger_violations'),
    at: gauge('aos_ledger_audit_timestamp_seconds'),
  };
  const clear = (gauges: Record<string, Gauge>): void => {
    for (const each of Object.values(gauges)) {
      each.reset();
      // A reset leaves a 0 behind where there are no labels.
      each.remove({});
    }
  };
  const skillLabel = (id: string): string => (isSkill(id) ? id : 'other');
  clear(state);
  clear(audit);

  return {
    register,
    runAccepted: () => counters.accepted.inc(),
    runStarted: (queueSeconds) => times.runQueue.observe(queueSeconds),
    runEnded({ status, code, seconds }) {
      counters.ended.inc({ status, code: codeLabel(code) });
      if (seconds !== undefined) times.runs.observe({ status }, seconds);
    },
    stepEnded: ({ skill, status }) => counters.steps.inc({ skill: skillLabel(skill), status }),
    tryEnded({ skill, role, status, code, costCents }) {
      const label = skillLabel(skill);
      counters.tries.inc({ skill: label, role, status, code: codeLabel(code) });
      counters.cost.inc({ skill: label }, Math.max(0, costCents));
    },
    thresholdReached: (level, percent) =>
      counters.thresholds.inc({ level, percent: String(percent) }),
    skillCalled: ({ skill, result, seconds }) =>
      times.skills.observe({ skill: skillLabel(skill), result }, seconds),
    activityBegan: (activity, queueSeconds) =>
      times.activityQueue.observe({ activity }, queueSeconds),
    activityEnded: ({ activity, result, seconds }) =>
      times.activities.observe({ activity, result }, seconds),
    mended: (kind) => counters.mends.inc({ kind }),
    webhookAttempted({ result, seconds }) {
      times.webhooks.observe({ result }, seconds);
      if (result === 'waiting' || result === 'lost') return;
      counters.deliveries.inc({ status: result === 'gone' ? 'failed' : result });
    },
    httpAnswered({ method: word, route = 'unmatched', status, seconds }) {
      const method = METHODS.has(word) ? word : 'OTHER';
      counters.requests.inc({ method, route, status: String(status) });
      times.requests.observe({ method, route }, seconds);
    },
    showState(now) {
      clear(state);
      if (!now) return;
      for (const { status, count, oldestSeconds } of now.openRuns) {
        state.open.set({ status }, count);
        state.oldest.set({ status }, oldestSeconds);
      }
      for (const { status, count } of now.openDeliveries) state.deliveries.set({ status }, count);
      state.overdue.set(now.overdueRuns);
      state.steps.set(now.runningSteps);
      state.holds.set(now.openHolds);
      state.held.set(centsFromMicroCents(now.heldMicroCents));
      state.settled.set(centsFromMicroCents(now.settledMicroCents));
      state.overage.set(centsFromMicroCents(now.overageMicroCents));
      state.workers.set(now.aliveWorkers);
    },
    showAudit(last) {
      clear(audit);
      if (!last) return;
      for (const [invariant, count] of last.violations) audit.violations.set({ invariant }, count);
      audit.at.set(last.at.getTime() / 1000);
    },
    scrapeFailed: (source) => counters.scrapeErrors.inc({ source }),
  };
}

const codeLabel = (code: string | undefined): string => {
  if (code === undefined) return 'none';
  return Object.hasOwn(FAILURE_CODES, code) ? code : 'other';
};

type Named<T extends MetricDeclaration['type']> = {
  [N in MetricName]: (typeof METRICS)[N]['type'] extends T ? N : never;
}[MetricName];
type LabelsOf<N extends MetricName> = (typeof METRICS)[N]['labels'][number] & keyof typeof LABELS;

/** Makes the declared metrics of a type; one that the service does not show is counted nowhere. */
function createInstruments(register: Registry, service: MetricsOptions['service']) {
  const settingsOf = <N extends MetricName>(name: N) => {
    const { of, labels, help }: MetricDeclaration = METRICS[name];
    const isShown = of === 'both' || service === 'both' || of === service;
    const labelNames = [...labels] as LabelsOf<N>[];
    return { name, help, labelNames, registers: isShown ? [register] : [] };
  };
  return {
    counter: <N extends Named<'counter'>>(name: N) => new Counter<LabelsOf<N>>(settingsOf(name)),
    gauge: <N extends Named<'gauge'>>(name: N) => new Gauge<LabelsOf<N>>(settingsOf(name)),
    histogram: <N extends Named<'histogram'>>(name: N) =>
      new Histogram<LabelsOf<N>>({ ...settingsOf(name), buckets: [...METRICS[name].buckets] }),
  };
}
