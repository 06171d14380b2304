import { RUN_STATUSES } from '../contracts/run.ts';
import { auditLedger, INVARIANTS } from './ledger-audit.ts';
import { withTransaction } from './pool.ts';
import type { Pool, Transaction } from './pool.ts';
import { tenantAccountId } from './tenants.ts';

/** What the record says at this moment, over all tenants. */
export interface RecordedState {
  /** Each status that an open run can have, also without any. */
  openRuns: { status: string; count: number; oldestSeconds: number }[];
  overdueRuns: number;
  runningSteps: number;
  openHolds: number;
  heldMicroCents: number;
  settledMicroCents: number;
  overageMicroCents: number;
  aliveWorkers: number;
  /** Each status that an open delivery of a webhook can have, also without any. */
  openDeliveries: { status: string; count: number }[];
}

/** How many violations of each invariant there were, and when. */
export interface LedgerAudit {
  violations: Map<string, number>;
  at: Date;
}

const STATE_MS_MAX = 1_000;
const AUDIT_MS_MAX = 25_000;
const WORKER_BEAT_MS = 15_000;
const ENDED: ReadonlySet<string> = new Set(['succeeded', 'failed', 'cancelled']);
const OPEN_DELIVERY_STATUSES = ['pending', 'sending', 'waiting'];
const OPEN_STATUSES = RUN_STATUSES.filter((status) => !ENDED.has(status));

/** Reads what is open, running, held and settled. Every statement goes by an index of what is open, and has a second. */
export async function readState(pool: Pool): Promise<RecordedState> {
  return withTransaction(pool, async (tx) => {
    await tx.query(`SET LOCAL statement_timeout = ${STATE_MS_MAX}`);
    const byStatus = await countOpenRuns(tx);
    return {
      openRuns: OPEN_STATUSES.map((status) => {
        const found = byStatus.find((row) => row.status === status);
        return { status, count: found?.count ?? 0, oldestSeconds: found?.oldest_seconds ?? 0 };
      }),
      overdueRuns: byStatus.reduce((sum, { overdue }) => sum + overdue, 0),
      ...(await countWork(tx)),
      openDeliveries: await countOpenDeliveries(tx),
      ...(await sumTenantAccounts(tx)),
    };
  });
}

/** Audits the ledger of all tenants; on a big one that takes long, so it has its own bound. */
export async function readAudit(pool: Pool): Promise<LedgerAudit> {
  const found = await withTransaction(pool, async (tx) => {
    await tx.query(`SET LOCAL statement_timeout = ${AUDIT_MS_MAX}`);
    return auditLedger(tx, null);
  });
  const violations = new Map(INVARIANTS.map((invariant) => [invariant, 0]));
  for (const { invariant } of found)
    violations.set(invariant, (violations.get(invariant) ?? 0) + 1);
  return { violations, at: new Date() };
}

interface OpenRuns {
  status: string;
  count: number;
  oldest_seconds: number;
  overdue: number;
}

async function countOpenRuns(tx: Transaction): Promise<OpenRuns[]> {
  const { rows } = await tx.query<OpenRuns>(
    `SELECT status, count(*) AS count,
       greatest(0, extract(epoch FROM now() - min(created_at)))::float8 AS oldest_seconds,
       count(*) FILTER (WHERE now() > greatest(deadline_at, compensate_until)) AS overdue
     FROM runs WHERE check_at IS NOT NULL GROUP BY status`,
  );
  return rows;
}

async function countOpenDeliveries(tx: Transaction): Promise<RecordedState['openDeliveries']> {
  const { rows } = await tx.query<{ status: string; count: number }>(
    'SELECT status, count(*) FROM webhook_deliveries WHERE completed_at IS NULL GROUP BY status',
  );
  return OPEN_DELIVERY_STATUSES.map((status) => ({
    status,
    count: rows.find((row) => row.status === status)?.count ?? 0,
  }));
}

async function countWork(
  tx: Transaction,
): Promise<Pick<RecordedState, 'runningSteps' | 'openHolds' | 'aliveWorkers'>> {
  const { rows } = await tx.query<{ steps: number; holds: number; workers: number }>(
    `SELECT (SELECT count(*) FROM tries WHERE status IS NULL) AS steps,
       (SELECT count(*) FROM holds) AS holds,
       (SELECT count(*) FROM workers WHERE beat_at > now() - $1 * interval '1 millisecond') AS workers`,
    [WORKER_BEAT_MS],
  );
  const { steps, holds, workers } = rows[0]!;
  return { runningSteps: steps, openHolds: holds, aliveWorkers: workers };
}

/** Over the tenants' own accounts, found by their ids: below them is one account for every run that there ever was. */
async function sumTenantAccounts(
  tx: Transaction,
): Promise<Pick<RecordedState, 'heldMicroCents' | 'settledMicroCents' | 'overageMicroCents'>> {
  const { rows } = await tx.query<{ held: number; settled: number; overage: number }>(
    `SELECT coalesce(sum(reserved_micro_cents), 0)::float8 AS held,
       coalesce(sum(settled_micro_cents), 0)::float8 AS settled,
       coalesce(sum(overage_micro_cents), 0)::float8 AS overage
     FROM tenants JOIN accounts ON accounts.id = $1 || tenants.id`,
    [tenantAccountId('')],
  );
  const { held, settled, overage } = rows[0]!;
  return { heldMicroCents: held, settledMicroCents: settled, overageMicroCents: overage };
}
