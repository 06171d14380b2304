import type { Failure, Problem } from '../contracts/failures.ts';
import type { RunStatus } from '../contracts/run.ts';
import type { Db, Transaction } from './pool.ts';

export interface RunRow {
  id: string;
  tenant_id: string;
  account_id: string;
  agent_id: string | null;
  /** Accounts that hold the run's budget, in the order in which they are locked. */
  ancestor_accounts: string[];
  /** Hosts that calls may go to; null allows all. */
  allowed_hosts: string[] | null;
  goal: string | null;
  labels: Record<string, string>;
  warnings: Problem[];
  status: RunStatus;
  execution: number;
  fruitless_executions: number;
  max_parallel: number;
  budget_micro_cents: number;
  price_table_version: string;
  traceparent: string | null;
  compensation_ms: number;
  /** Set when compensation has begun: until when all of it may take. */
  compensate_until: Date | null;
  event_number: number;
  output_step_id: string | null;
  /** A Failure as JSON text. */
  failure: string | null;
  cost_micro_cents: number;
  cancel_requested_at: Date | null;
  cancel_reason: string | null;
  created_at: Date;
  started_at: Date | null;
  deadline_at: Date;
  completed_at: Date | null;
}

/** What decides about what may still be done with a run. */
export type RunState = Pick<
  RunRow,
  | 'id'
  | 'tenant_id'
  | 'status'
  | 'execution'
  | 'deadline_at'
  | 'cancel_requested_at'
  | 'compensate_until'
>;

const COLUMNS = `id, tenant_id, account_id, agent_id, ancestor_accounts, allowed_hosts, goal, labels, warnings, status, execution, fruitless_executions,
  max_parallel, budget_micro_cents, price_table_version, traceparent, compensation_ms, compensate_until, event_number,
  output_step_id, failure, cost_micro_cents, cancel_requested_at, cancel_reason, created_at, started_at, deadline_at, completed_at`;
export { COLUMNS as RUN_COLUMNS };

/** jsonb takes no lone surrogates, which a warning may quote. */
const jsonbOf = (value: unknown): string =>
  JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'string' ? inner.replaceAll(/\p{Surrogate}/gu, '\ufffd') : inner,
  );

export interface NewRun {
  id: string;
  tenantId: string;
  keyId: string;
  accountId: string;
  ancestorAccounts: string[];
  agentId: string | null;
  allowedHosts: string[] | null;
  goal: string | null;
  labels: Record<string, string>;
  inputJson: string;
  planJson: string;
  /** Null while there is only a goal. */
  planHash: string | null;
  warnings: Problem[];
  maxParallel: number;
  budgetMicroCents: number;
  priceTableVersion: string;
  /** The caller's trace (W3C traceparent), which calls of the run's skills carry on. */
  traceparent: string | null;
  deadlineMs: number;
  compensationMs: number;
  /** When the reconciler looks whether the run was really started. */
  checkAfterMs: number;
}

export async function insertRun(tx: Transaction, run: NewRun): Promise<RunRow> {
  const { rows } = await tx.query<RunRow>(
    `INSERT INTO runs (id, tenant_id, key_id, account_id, agent_id, goal, labels, input, plan, warnings, status,
       max_parallel, budget_micro_cents, price_table_version, deadline_at, check_at, traceparent, compensation_ms, ancestor_accounts, allowed_hosts, plan_hash)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'queued', $11, $12, $13,
       now() + $14 * interval '1 millisecond', now() + $15 * interval '1 millisecond', $16, $17, $18, $19, $20)
     RETURNING ${COLUMNS}`,
    [
      run.id,
      run.tenantId,
      run.keyId,
      run.accountId,
      run.agentId,
      run.goal,
      JSON.stringify(run.labels),
      run.inputJson,
      run.planJson,
      jsonbOf(run.warnings),
      run.maxParallel,
      run.budgetMicroCents,
      run.priceTableVersion,
      run.deadlineMs,
      run.checkAfterMs,
      run.traceparent,
      run.compensationMs,
      run.ancestorAccounts,
      run.allowedHosts,
      run.planHash,
    ],
  );
  return rows[0]!;
}

/** A run of this tenant; another tenant's run is not there. */
export async function findRun(db: Db, tenantId: string, id: string): Promise<RunRow | undefined> {
  const { rows } = await db.query<RunRow>(
    `SELECT ${COLUMNS} FROM runs WHERE tenant_id = $1 AND id = $2`,
    [tenantId, id],
  );
  return rows[0];
}

/** A run by the engine's word for it: only for activities and the reconciler, which act for every tenant. */
export async function readRun(db: Db, id: string): Promise<RunRow | undefined> {
  const { rows } = await db.query<RunRow>(`SELECT ${COLUMNS} FROM runs WHERE id = $1`, [id]);
  return rows[0];
}

/** Locks the run's row: the first lock of every transaction that changes a run. */
export async function lockRun(tx: Transaction, id: string): Promise<RunRow | undefined> {
  const { rows } = await tx.query<RunRow>(
    `SELECT ${COLUMNS} FROM runs WHERE id = $1 FOR NO KEY UPDATE`,
    [id],
  );
  return rows[0];
}

export async function readRunInput(db: Db, id: string): Promise<string> {
  const { rows } = await db.query<{ input: string }>('SELECT input FROM runs WHERE id = $1', [id]);
  return rows[0]?.input ?? 'null';
}

/** Moves a queued run to running; answers whether this call did. */
export async function markRunStarted(
  tx: Transaction,
  id: string,
  at = new Date(),
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `UPDATE runs SET status = 'running', started_at = coalesce(started_at, $2) WHERE id = $1 AND status = 'queued'`,
    [id, at],
  );
  return rowCount === 1;
}

/** A new outcome shows that the execution is worth keeping alive. */
export async function clearFruitless(tx: Transaction, id: string): Promise<void> {
  await tx.query(
    'UPDATE runs SET fruitless_executions = 0 WHERE id = $1 AND fruitless_executions > 0',
    [id],
  );
}

/** The plan that a run has come to have since its submission. */
export interface AdoptedPlan {
  planJson: string;
  planHash: string;
  maxParallel: number;
  compensationMs: number;
  warnings: Problem[];
}

export async function setPlan(tx: Transaction, id: string, plan: AdoptedPlan): Promise<void> {
  await tx.query(
    `UPDATE runs SET plan = $2, plan_hash = $3, max_parallel = $4, compensation_ms = $5, warnings = warnings || $6::jsonb
     WHERE id = $1`,
    [
      id,
      plan.planJson,
      plan.planHash,
      plan.maxParallel,
      plan.compensationMs,
      jsonbOf(plan.warnings),
    ],
  );
}

export async function markCancelRequested(
  tx: Transaction,
  id: string,
  reason: string,
): Promise<void> {
  await tx.query(
    `UPDATE runs SET cancel_requested_at = coalesce(cancel_requested_at, now()),
       cancel_reason = coalesce(cancel_reason, $2), check_at = now() + interval '3 seconds' WHERE id = $1`,
    [id, reason],
  );
}

export interface RunClosing {
  status: 'succeeded' | 'failed' | 'cancelled';
  outputStepId: string | null;
  failure: Failure | null;
  costMicroCents: number;
  /** What `recall` finds the run by; null for a run of no agent. */
  memory: string | null;
}

export async function markRunClosed(
  tx: Transaction,
  id: string,
  closing: RunClosing,
): Promise<void> {
  await tx.query(
    `UPDATE runs SET status = $2, output_step_id = $3, failure = $4, failure_code = $5, cost_micro_cents = $6,
       memory = to_tsvector('english', $7), completed_at = now(), check_at = NULL WHERE id = $1`,
    [
      id,
      closing.status,
      closing.outputStepId,
      closing.failure && JSON.stringify(closing.failure),
      closing.failure?.code ?? null,
      closing.costMicroCents,
      closing.memory,
    ],
  );
}

/** Makes the run's next execution the current one; it is queued until its first activity. */
export async function beginNextExecution(tx: Transaction, id: string): Promise<void> {
  await tx.query(
    `UPDATE runs SET execution = execution + 1, status = 'queued', fruitless_executions = fruitless_executions + 1,
       check_at = now() + interval '5 seconds' WHERE id = $1`,
    [id],
  );
}

/** Open runs whose time to be looked at has come; each is claimed by moving that time, so no lock is kept. */
export async function claimRunsToCheck(db: Db, limit: number, againMs: number): Promise<RunRow[]> {
  const { rows } = await db.query<RunRow>(
    `UPDATE runs SET check_at = now() + $2 * interval '1 millisecond'
     WHERE id IN (SELECT id FROM runs WHERE check_at < now() ORDER BY check_at LIMIT $1 FOR UPDATE SKIP LOCKED)
     RETURNING ${COLUMNS}`,
    [limit, againMs],
  );
  return rows;
}

/** Runs past their deadline, and past the time that their compensation has after it. */
export async function listOverdueRuns(db: Db, limit: number, overdueMs: number): Promise<RunRow[]> {
  const { rows } = await db.query<RunRow>(
    `SELECT ${COLUMNS} FROM runs
     WHERE check_at IS NOT NULL
       AND (deadline_at < now() - $2 * interval '1 millisecond' OR compensate_until < now() - $2 * interval '1 millisecond')
       AND now() - $2 * interval '1 millisecond' > coalesce(compensate_until,
         deadline_at + CASE WHEN EXISTS (SELECT 1 FROM steps WHERE run_id = runs.id
             AND status = 'succeeded' AND compensation = 'ready')
           THEN compensation_ms ELSE 0 END * interval '1 millisecond')
     ORDER BY random() LIMIT $1`,
    [limit, overdueMs],
  );
  return rows;
}

/** Begins compensation, or finds it begun; answers until when it may take. */
export async function markCompensating(tx: Transaction, id: string): Promise<Date> {
  const { rows } = await tx.query<{ until: Date }>(
    `UPDATE runs SET compensate_until = coalesce(compensate_until, now() + compensation_ms * interval '1 millisecond')
     WHERE id = $1 RETURNING compensate_until AS until`,
    [id],
  );
  return rows[0]!.until;
}

export async function checkAllOpenRunsNow(db: Db): Promise<number> {
  const { rowCount } = await db.query(
    'UPDATE runs SET check_at = now() WHERE check_at IS NOT NULL',
  );
  return rowCount ?? 0;
}

export interface RunFilter {
  agentId?: string | undefined;
  status?: RunStatus | undefined;
  labels: Record<string, string>;
  createdAfter?: Date | undefined;
  createdBefore?: Date | undefined;
  after?: { createdAt: string; id: string } | undefined;
  limit: number;
}

export interface StepCounts {
  total: number;
  begun: number;
  cost_micro_cents: number;
}

export type ListedRun = RunRow & {
  cursor_at: string;
  total: number;
  begun: number;
  steps_cost_micro_cents: number;
};

/** A page of runs, newest first, keyed on `(created_at, id)`; `cursor_at` keeps the microseconds. */
export async function listRuns(db: Db, tenantId: string, filter: RunFilter): Promise<ListedRun[]> {
  const { agentId } = filter;
  // Only where it is asked for: a plan that must serve both cases could not use the index by agent.
  const ofAgent = agentId === undefined ? '' : 'AND agent_id = $9';
  const { rows } = await db.query<ListedRun>(
    `SELECT ${COLUMNS}, created_at::text AS cursor_at, counts.* FROM runs
     CROSS JOIN LATERAL (
       SELECT count(*) AS total, count(*) FILTER (WHERE steps.status <> 'pending') AS begun,
         coalesce(sum(steps.cost_micro_cents), 0)::bigint AS steps_cost_micro_cents
       FROM steps WHERE steps.run_id = runs.id
     ) counts
     WHERE tenant_id = $1 ${ofAgent}
       AND ($2::text IS NULL OR status = $2)
       AND ($3::jsonb = '{}' OR labels @> $3)
       AND ($4::timestamptz IS NULL OR created_at >= $4)
       AND ($5::timestamptz IS NULL OR created_at < $5)
       AND ($6::timestamptz IS NULL OR (created_at, id) < ($6, $7))
     ORDER BY created_at DESC, id DESC LIMIT $8`,
    [
      tenantId,
      filter.status ?? null,
      JSON.stringify(filter.labels),
      filter.createdAfter ?? null,
      filter.createdBefore ?? null,
      filter.after?.createdAt ?? null,
      filter.after?.id ?? null,
      filter.limit,
      ...(agentId === undefined ? [] : [agentId]),
    ],
  );
  return rows;
}

export async function isCancelRecorded(db: Db, id: string): Promise<boolean> {
  const { rows } = await db.query(
    'SELECT 1 FROM runs WHERE id = $1 AND cancel_requested_at IS NOT NULL',
    [id],
  );
  return rows.length > 0;
}

/** Adds a cost that became known after the run was closed. */
export async function addRunCost(
  tx: Transaction,
  id: string,
  costMicroCents: number,
): Promise<void> {
  await tx.query('UPDATE runs SET cost_micro_cents = cost_micro_cents + $2 WHERE id = $1', [
    id,
    costMicroCents,
  ]);
}
