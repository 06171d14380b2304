/** Money is an integer number of micro-cents: 1 cent = 1,000,000 micro-cents. The wire says cents. */
export const MICRO_CENTS_PER_CENT = 1_000_000;

/** Rounds up, so that a hold is never smaller than what it stands for. */
export const microCentsFromCents = (cents: number): number =>
  Math.ceil(Number((cents * MICRO_CENTS_PER_CENT).toFixed(3)));

export const centsFromMicroCents = (microCents: number): number =>
  microCents / MICRO_CENTS_PER_CENT;

/** An amount that may be no limit. */
export const centsOrNull = (microCents: number | null | undefined): number | null =>
  microCents == null ? null : centsFromMicroCents(microCents);
