import { centsFromMicroCents } from '../contracts/money.ts';
import { levelOf, thresholdsCrossed } from '../domain/budget-thresholds.ts';
import type { SpentOfLimit, ThresholdPercent } from '../domain/budget-thresholds.ts';
import { lockAccount, noteThresholds } from './accounts.ts';
import { recordChange } from './audit-entries.ts';
import { appendEvents } from './events.ts';
import type { NewEvent } from './events.ts';
import type { Transaction } from './pool.ts';

/** An account on which something was spent just now, in micro-cents. */
export interface Spending {
  accountId: string;
  limitMicroCents: number | null;
  /** All that is spent, with this spending. */
  spentMicroCents: number;
  byMicroCents: number;
}

/** An account before and after something that may reach a part of its limit. */
export interface AccountChange {
  accountId: string;
  before: SpentOfLimit;
  after: SpentOfLimit;
}

/** What has reached it: the spending of a run, its late cost after its end, or, without a run, a new limit. */
export interface ReachedBy {
  runId: string | undefined;
  isLate?: boolean;
}

export const spendingChange = ({
  accountId,
  limitMicroCents,
  spentMicroCents,
  byMicroCents,
}: Spending): AccountChange => ({
  accountId,
  before: { limitMicroCents, spentMicroCents: spentMicroCents - byMicroCents },
  after: { limitMicroCents, spentMicroCents },
});

/**
 * Tells which parts of an account's limit are reached now, in the transaction that reaches them: the account, and the
 * run that is open. Of a run that has ended, whose end is its last event, the audit is told. Most spending reaches
 * none, and then there is no statement.
 */
export async function tellThresholds(
  tx: Transaction,
  change: AccountChange,
  { runId, isLate = false }: ReachedBy,
): Promise<ThresholdPercent[]> {
  const { accountId, before, after } = change;
  const percents = thresholdsCrossed(before, after);
  if (percents.length === 0) return percents;
  const events = eventsOf(change, percents);
  // A run's own account is seen through its events alone.
  if (levelOf(accountId) !== 'run') await noteThresholds(tx, accountId, percents, runId ?? null);
  if (runId !== undefined && !isLate) {
    await appendEvents(tx, runId, events);
    return percents;
  }
  tx.events.push(...events.map((event) => (runId === undefined ? event : { ...event, runId })));
  if (isLate) await recordLate(tx, accountId, percents, runId ?? null);
  return percents;
}

async function recordLate(
  tx: Transaction,
  accountId: string,
  percents: ThresholdPercent[],
  runId: string | null,
): Promise<void> {
  const { tenantId } = await lockAccount(tx, accountId);
  const nobody = { tenantId, keyId: null, requestId: null };
  const detail = { thresholds_reached: percents, run_id: runId };
  await recordChange(tx, nobody, { operation: 'late_cost', subject: accountId, detail });
}

const eventsOf = (
  { accountId, after: { limitMicroCents, spentMicroCents } }: AccountChange,
  percents: readonly ThresholdPercent[],
): NewEvent[] =>
  percents.map((percent) => ({
    type: 'budget.threshold_reached',
    data: {
      level: levelOf(accountId),
      account_id: accountId,
      percent,
      limit_cents: centsFromMicroCents(limitMicroCents!),
      spent_cents: centsFromMicroCents(spentMicroCents),
    },
  }));
