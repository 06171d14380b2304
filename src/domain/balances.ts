/** The arithmetic of an account, in micro-cents. A limit of null is none. */
export interface Balances {
  limit: number | null;
  reserved: number;
  settled: number;
  overage: number;
}

/** Of an account that nothing has been taken from, there already or not. */
export const untouchedBalances = (limit: number | null): Balances => ({
  limit,
  reserved: 0,
  settled: 0,
  overage: 0,
});

/** What an entry changes; a balance that it does not name stays. No limit counts as one of `NO_LIMIT_MICRO_CENTS`. */
export interface BalanceChange {
  limit: number;
  reserved: number;
  settled: number;
  overage: number;
}

const change = (partial: Partial<BalanceChange>): BalanceChange => ({
  limit: 0,
  reserved: 0,
  settled: 0,
  overage: 0,
  ...partial,
});

/** What an account without a limit may reach at most, so that every sum stays exact in JavaScript and in bigint. */
export const NO_LIMIT_MICRO_CENTS = Number.MAX_SAFE_INTEGER;

export const freeOf = ({ limit, reserved, settled }: Balances): number =>
  (limit ?? NO_LIMIT_MICRO_CENTS) - reserved - settled;

/** All that has been spent, within the limit and over it. */
export const spentOf = ({ settled, overage }: Pick<Balances, 'settled' | 'overage'>): number =>
  settled + overage;

function limitAfter(limit: number | null, by: number): number | null {
  const after = (limit ?? NO_LIMIT_MICRO_CENTS) + by;
  return after === NO_LIMIT_MICRO_CENTS ? null : after;
}

export const applyChange = (balances: Balances, by: BalanceChange): Balances => ({
  limit: limitAfter(balances.limit, by.limit),
  reserved: balances.reserved + by.reserved,
  settled: balances.settled + by.settled,
  overage: balances.overage + by.overage,
});

/** A hold needs room under the limit, and an account without overage. */
export function holdChange(balances: Balances, amount: number): BalanceChange | undefined {
  if (balances.overage > 0 || amount > freeOf(balances)) return undefined;
  return change({ reserved: amount });
}

/** The hold pays first, then what is free; the rest is overage. */
export function settleChange(balances: Balances, held: number, actual: number): BalanceChange {
  const settled = Math.min(actual, held + freeOf(balances));
  return change({ reserved: -held, settled, overage: actual - settled });
}

export const releaseChange = (held: number): BalanceChange => change({ reserved: -held });

/** A late cost: more is settled as far as it fits, less comes off the overage first. */
export function adjustChange(balances: Balances, delta: number): BalanceChange {
  if (delta >= 0) {
    const settled = Math.min(delta, freeOf(balances));
    return change({ settled, overage: delta - settled });
  }
  const overage = Math.min(balances.overage, -delta);
  return change({ settled: delta + overage, overage: -overage });
}

/** Raises the limit; what is over is paid first. */
export function topUpChange(balances: Balances, amount: number): BalanceChange {
  const limit = balances.limit === null ? 0 : amount;
  const paid = Math.min(balances.overage, freeOf(balances) + amount);
  return change({ limit, settled: paid, overage: -paid });
}

/** Sets the limit, which what is settled and reserved must fit under; what is over is paid as far as it fits. */
export function limitChange(balances: Balances, limit: number | null): BalanceChange | undefined {
  const free = freeOf({ ...balances, limit });
  if (free < 0) return undefined;
  const by = (limit ?? NO_LIMIT_MICRO_CENTS) - (balances.limit ?? NO_LIMIT_MICRO_CENTS);
  const paid = Math.min(balances.overage, free);
  return change({ limit: by, settled: paid, overage: -paid });
}
