import { centsFromMicroCents } from '../contracts/money.ts';
import { levelOf, thresholdsCrossed } from '../domain/budget-thresholds.ts';
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

/**
 * Tells a run which parts of an account's limit its spending has reached, in the transaction of the spending. Most
 * spending reaches none, and then there is no statement.
 */
export async function appendThresholds(
  tx: Transaction,
  runId: string | undefined,
  { accountId, limitMicroCents, spentMicroCents, byMicroCents }: Spending,
): Promise<void> {
  if (runId === undefined) return;
  const before = spentMicroCents - byMicroCents;
  const crossed = thresholdsCrossed(limitMicroCents, before, spentMicroCents);
  const events = crossed.map((percent): NewEvent => ({
    type: 'budget.threshold_reached',
    data: {
      level: levelOf(accountId),
      account_id: accountId,
      percent,
      limit_cents: centsFromMicroCents(limitMicroCents!),
      spent_cents: centsFromMicroCents(spentMicroCents),
    },
  }));
  await appendEvents(tx, runId, events);
}
