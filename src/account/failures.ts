import { AosError } from '../contracts/failures.ts';
import { centsFromMicroCents } from '../contracts/money.ts';
import type { Balances } from '../domain/balances.ts';

/** A limit that is to be set, and does not hold what is spent and held under it already. */
export function limitBelowSpent(
  accountId: string,
  askedMicroCents: number | null,
  { settled, reserved }: Balances,
): AosError {
  const [asked, spent, held] = [askedMicroCents ?? 0, settled, reserved].map(centsFromMicroCents);
  return new AosError(
    'LIMIT_BELOW_SPENT',
    `A limit of ${asked} cents does not fit account ${accountId}: ${spent} cents are settled and ${held} cents ` +
      `reserved. Set at least ${centsFromMicroCents(settled + reserved)} cents, or wait for open runs to end.`,
  );
}
