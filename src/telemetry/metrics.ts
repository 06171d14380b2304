/** What a metric is called, what it counts and by what it is told apart. */
export interface MetricDeclaration {
  type: 'counter' | 'gauge' | 'histogram';
  /** The processes whose endpoint has values of it. */
  of: 'api' | 'worker' | 'both';
  labels: readonly (keyof typeof LABELS)[];
  help: string;
  /** Upper bounds of a histogram, in the unit of its name. */
  buckets?: readonly number[];
}

/** Every label and the values that it can have: all are lists that end, so that no caller can make series. */
export const LABELS = {
  activity:
    'what the workflow asked the worker for: the names in `src/contracts/activities.ts` and `src/contracts/webhook-activities.ts`',
  code: 'a code of `docs/errors`; `none` when nothing failed, `other` when the catalogue lacks it',
  invariant: '`I1` to `I8`, as ARCHITECTURE.md lists them',
  kind: 'what was mended: `started` (a run that no execution knew), `restarted` (in a new execution), `closed`, `overdue` (closed after its deadline), `cancel_told`, `hold_expired`, `engine_replaced`; `failed` is a mend that did not work',
  level: '`run`, `agent`, `key` or `tenant`: whose budget it is',
  method: 'GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS; `OTHER` for any other word',
  percent: '`50`, `80` or `100`: how much of the limit is spent',
  result:
    'of an activity: `done`, `given_back` (without an outcome), `failed`; of a skill: `succeeded`, `failed`, `deferred` (not quick enough for a chain), `crashed`; of an attempt of a webhook: `delivered`, `waiting` (for the next one), `failed`, `gone` (410), `lost` (another worker has recorded it)',
  role: '`main`, `fallback` or `compensate`',
  route:
    "the route's template, as `/api/v1/runs/:run_id`; `unmatched` for a path that AOS does not have, a method that it does not take there, and a request without a valid key",
  skill: 'the id of a skill of this installation; `other` for one that it does not have any more',
  source: '`postgres`, `ledger` (the audit) or `temporal`',
  status:
    'the status of the run, step, try or delivery, in the words of the API; of HTTP the status code of the answer',
} as const;

const SECONDS_OF_REQUESTS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const SECONDS_OF_QUEUES = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 300, 3600];
const SECONDS_OF_CALLS = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600];
const SECONDS_OF_RUNS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 21_600, 86_400];

/** Every metric of AOS. docs/reference/metrics.md is made from this list. */
export const METRICS = {
  aos_runs_accepted_total: {
    type: 'counter',
    of: 'api',
    labels: [],
    help: 'Runs that were accepted: funded, recorded, and going to be started. A repeat under the same idempotency key is none.',
  },
  aos_run_queue_seconds: {
    type: 'histogram',
    of: 'worker',
    labels: [],
    buckets: SECONDS_OF_QUEUES,
    help: 'Queue delay: time from the acceptance of a run to its first start.',
  },
  aos_runs_ended_total: {
    type: 'counter',
    of: 'both',
    labels: ['status', 'code'],
    help: 'Runs that have ended, by how and by the code of their failure, counted by the process that closed them.',
  },
  aos_run_seconds: {
    type: 'histogram',
    of: 'both',
    labels: ['status'],
    buckets: SECONDS_OF_RUNS,
    help: 'Time from the acceptance of a run to its end.',
  },
  aos_steps_ended_total: {
    type: 'counter',
    of: 'both',
    labels: ['skill', 'status'],
    help: 'Steps that have ended, by the skill that was called last. A step that is undone later counts again, as `compensated`.',
  },
  aos_tries_ended_total: {
    type: 'counter',
    of: 'both',
    labels: ['skill', 'role', 'status', 'code'],
    help: 'Tries that have ended: one call of a step each, also one that was refused before it began. Steps in a chain have none.',
  },
  aos_try_cost_cents_total: {
    type: 'counter',
    of: 'both',
    labels: ['skill'],
    help: 'What tries have cost when their outcome was recorded, in cents. What is known later is on the ledger alone.',
  },
  aos_budget_thresholds_total: {
    type: 'counter',
    of: 'both',
    labels: ['level', 'percent'],
    help: 'Times that spending, or a lower limit, has reached a part of a budget: `budget.threshold_reached`.',
  },
  aos_skill_call_seconds: {
    type: 'histogram',
    of: 'worker',
    labels: ['skill', 'result'],
    buckets: SECONDS_OF_CALLS,
    help: 'Time inside a skill, without what AOS does around it, in tries and in chains.',
  },
  aos_activity_seconds: {
    type: 'histogram',
    of: 'worker',
    labels: ['activity', 'result'],
    buckets: SECONDS_OF_CALLS,
    help: 'Time that an activity took in this worker, with the skill that it called.',
  },
  aos_activity_queue_seconds: {
    type: 'histogram',
    of: 'worker',
    labels: ['activity'],
    buckets: SECONDS_OF_QUEUES,
    help: 'Time from when an activity was due in Temporal to when this worker began it; activities that are local have none.',
  },
  aos_webhook_deliveries_total: {
    type: 'counter',
    of: 'worker',
    labels: ['status'],
    help: 'Deliveries of webhooks that have ended by an attempt, as `delivered` or `failed`. One that is replayed counts again.',
  },
  aos_webhook_attempt_seconds: {
    type: 'histogram',
    of: 'worker',
    labels: ['result'],
    buckets: SECONDS_OF_REQUESTS,
    help: 'Time from the begin of an attempt to deliver a webhook to the answer, or to what came instead of one.',
  },
  aos_mends_total: {
    type: 'counter',
    of: 'worker',
    labels: ['kind'],
    help: 'What the reconciler has put right between Postgres and Temporal.',
  },
  aos_http_requests_total: {
    type: 'counter',
    of: 'api',
    labels: ['method', 'route', 'status'],
    help: 'Requests that were answered.',
  },
  aos_http_request_seconds: {
    type: 'histogram',
    of: 'api',
    labels: ['method', 'route'],
    buckets: SECONDS_OF_REQUESTS,
    help: 'Time from a request to its answer. A long poll (`?wait=`) takes as long as it waits.',
  },
  aos_runs_open: {
    type: 'gauge',
    of: 'both',
    labels: ['status'],
    help: 'Runs that are not over.',
  },
  aos_run_oldest_age_seconds: {
    type: 'gauge',
    of: 'both',
    labels: ['status'],
    help: 'Time since the acceptance of the oldest run that is not over; 0 when there is none.',
  },
  aos_runs_overdue: {
    type: 'gauge',
    of: 'both',
    labels: [],
    help: 'Runs that are not over although their deadline, and the time to undo them, has passed. The reconciler closes them a minute later.',
  },
  aos_steps_running: {
    type: 'gauge',
    of: 'both',
    labels: [],
    help: 'Steps whose skill is being called now, that of a compensation too. A step that waits for its next try is none.',
  },
  aos_holds_open: {
    type: 'gauge',
    of: 'both',
    labels: [],
    help: 'Holds that have not ended: one a run with a budget, and one a call that may cost.',
  },
  aos_money_held_cents: {
    type: 'gauge',
    of: 'both',
    labels: [],
    help: "Cents reserved on the tenants' accounts, all together: the budgets of the runs that are not over.",
  },
  aos_money_settled_cents: {
    type: 'gauge',
    of: 'both',
    labels: [],
    help: "Cents settled on the tenants' accounts, all together: what ended runs have cost. Falls by an adjustment alone.",
  },
  aos_money_overage_cents: {
    type: 'gauge',
    of: 'both',
    labels: [],
    help: "Cents over their limit on the tenants' accounts, all together.",
  },
  aos_webhook_deliveries_open: {
    type: 'gauge',
    of: 'both',
    labels: ['status'],
    help: 'Deliveries of webhooks that are not over: `pending` before their first attempt, `sending`, `waiting` for the next attempt.',
  },
  aos_workers_alive: {
    type: 'gauge',
    of: 'both',
    labels: [],
    help: 'Workers that have given a sign of life within 15 seconds.',
  },
  aos_ledger_violations: {
    type: 'gauge',
    of: 'worker',
    labels: ['invariant'],
    help: 'Violations of the invariants of the ledger that the last audit found, 1000 at most. Anything above 0 is a defect.',
  },
  aos_ledger_audit_timestamp_seconds: {
    type: 'gauge',
    of: 'worker',
    labels: [],
    help: 'When that audit ended, in Unix time. It runs at most once a minute, when metrics are read.',
  },
  aos_scrape_errors_total: {
    type: 'counter',
    of: 'both',
    labels: ['source'],
    help: 'Times that a part of these metrics could not be had, and was left out.',
  },
} as const satisfies Record<string, MetricDeclaration>;

export type MetricName = keyof typeof METRICS;
