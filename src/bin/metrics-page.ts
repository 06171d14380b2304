import { LABELS, METRICS } from '../telemetry/metrics.ts';
import type { MetricDeclaration } from '../telemetry/metrics.ts';

const PROCESSES = { api: 'api', worker: 'worker', both: 'api, worker' } as const;

/** The page of every metric, from their declarations. */
export function metricsPage(): string {
  const metrics = Object.entries<MetricDeclaration>(METRICS);
  const gauges = metrics.filter(([, { type }]) => type === 'gauge');
  const counted = metrics.filter(([, { type }]) => type !== 'gauge');
  const histograms = metrics.filter(([, { buckets }]) => buckets !== undefined);
  return `# Metrics

Each api and each worker serves its own at \`/metrics\`, in the text format of Prometheus, without a key: the api on
\`AOS_METRICS_PORT\` (9464), the worker on \`AOS_WORKER_METRICS_PORT\` (9465), both on \`AOS_METRICS_HOST\` (127.0.0.1). The
list is \`src/telemetry/metrics.ts\`; this page is made from it by \`npm run pages\`.

## What a process has counted

Since it was started; add up over processes. Runs, steps and tries are counted from their events, after the commit: what is
rolled back is never counted. A commit whose answer is lost is not counted either, and neither is what a process that dies
had counted since it was last read, so these numbers may be lower than the record, never higher.

${table(counted)}

## What the record says

Read from Postgres at a scrape, at most once in three seconds, so every process says the same: take the \`max\` over processes,
never the sum. They cover all tenants together. While Postgres does not answer within its second they are absent.

${table(gauges)}

## Labels

| label | values |
|---|---|
${Object.entries(LABELS)
  .map(([label, values]) => `| \`${label}\` | ${values} |`)
  .join('\n')}

Every list ends: no tenant, run, URL, path or model is a label.

## Buckets

| metric | upper bounds in seconds |
|---|---|
${histograms.map(([name, { buckets }]) => `| \`${name}\` | ${buckets!.join(', ')} |`).join('\n')}

## Beside these

* \`process_*\` and \`nodejs_*\`: the process itself, as [prom-client](https://github.com/siimon/prom-client) names them.
* \`temporal_*\`, from the worker alone: Temporal's own, as its [SDK](https://docs.temporal.io/references/sdk-metrics) names
  them, in seconds. Worth an alert: \`temporal_workflow_task_execution_failed_total\` above 0, and
  \`temporal_worker_task_slots_available\` at 0.

## Worth an alert

| expression | says |
|---|---|
| \`max(sum by (instance) (aos_ledger_violations)) > 0\` | the ledger contradicts itself: a defect |
| \`time() - max(aos_ledger_audit_timestamp_seconds) > 600\` | the ledger is not audited any more |
| \`max(aos_runs_overdue) > 0\` for 5 minutes | runs do not come to their end |
| \`max(aos_run_oldest_age_seconds{status="queued"}) > 60\` | runs are accepted and not started |
| \`max(aos_workers_alive) < 1\` | nobody works |
| \`sum(rate(aos_mends_total{kind="failed"}[10m])) > 0\` | the reconciler cannot mend |
| \`sum(rate(aos_scrape_errors_total[10m])) > 0\` | these numbers are not complete |
`;
}

const table = (metrics: [string, MetricDeclaration][]): string =>
  `| metric | type | labels | of | meaning |
|---|---|---|---|---|
${metrics
  .map(
    ([name, { type, labels, of, help }]) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${PROCESSES[of]} | ${help} |`,
  )
  .join('\n')}`;
