import { centsFromMicroCents } from '../contracts/money.ts';

/** An amount that may be no limit. */
export const toCents = (microCents: number | null | undefined): number | null =>
  microCents == null ? null : centsFromMicroCents(microCents);
