import type { BudgetPeriod } from '../contracts/budget.ts';

/** The period that a moment is in, by UTC; `name` is null and `endsAt` undefined for a budget that never starts again. */
export function periodAt(period: BudgetPeriod, at: Date): { name: string | null; endsAt?: Date } {
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
  switch (period) {
    case 'total':
      return { name: null };
    case 'daily':
      return {
        name: at.toISOString().slice(0, 10),
        endsAt: new Date(Date.UTC(year, month, day + 1)),
      };
    case 'monthly':
      return { name: at.toISOString().slice(0, 7), endsAt: new Date(Date.UTC(year, month + 1, 1)) };
  }
}
