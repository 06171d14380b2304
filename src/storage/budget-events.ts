import { centsFromMicroCents } from '../contracts/money.ts';
import { agentIdOf, levelOf, thresholdsCrossed } from '../domain/budget-thresholds.ts';
import type { SpentOfLimit, ThresholdPercent } from '../domain/budget-thresholds.ts';
import { noteThresholds } from './accounts.ts';
import { appendEvents, appendEventsWithoutRun } from './events.ts';
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
 * run that is open. A run's end is its last event: what comes after it is an event without a run. Most spending reaches
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
  const late = events.map((event) => ({
    ...event,
    data: { ...event.data, run_id: runId ?? null },
  }));
  await appendEventsWithoutRun(tx, accountId, agentIdOf(accountId), late);
  return percents;
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
