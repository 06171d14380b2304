/**
 * Exact arithmetic on prices of tokens. A cent per million tokens is a micro-cent per token, and a rate is a number of
 * billionths of that, so every price that anybody writes down is a whole number.
 */
const RATE_SCALE = 1_000_000_000n;
const CENTS_PER_DOLLAR = 100n;

/** A rate that may change for the whole call once its input has more tokens than a tier names. */
export interface TokenRate {
  base: bigint;
  /** By `above`, ascending. */
  tiers: readonly { above: number; rate: bigint }[];
}

/** What a model costs; without a rate of its own, cached input costs what input costs. */
export interface TokenPrices {
  input: TokenRate;
  cacheRead?: TokenRate;
  cacheWrite?: TokenRate;
  output: TokenRate;
}

/** Tokens of one call as its provider reports them: `input` counts what was read from and written to a cache too. */
export interface TokenUsage {
  input: number;
  cacheRead: number;
  cacheWrite: number;
  /** Reasoning counts as output. */
  output: number;
}

/** The most tokens that one call can have. */
export interface TokenBound {
  input: number;
  output: number;
}

/** Reads cents per million tokens, written with at most nine decimals. */
export function rateFromCents(text: string): TokenRate {
  const [whole = '0', decimals = ''] = text.split('.');
  return { base: BigInt(whole) * RATE_SCALE + BigInt(decimals.padEnd(9, '0')), tiers: [] };
}

/** A rate of dollars per million tokens. A double holds the nine decimals exactly enough to be rounded back to them. */
export const rateOfDollars = (dollars: number): bigint =>
  BigInt(Math.round(dollars * Number(RATE_SCALE))) * CENTS_PER_DOLLAR;

/** The most that a call within the bound can cost, in micro-cents, rounded up. */
export function worstCaseOf(prices: TokenPrices, { input, output }: TokenBound): number {
  const reachable = (rate: TokenRate | undefined): bigint =>
    rate === undefined
      ? 0n
      : rate.tiers
          .filter(({ above }) => above < input)
          .reduce((dearest, tier) => maxOf(dearest, tier.rate), rate.base);
  const { input: plain, cacheRead, cacheWrite } = prices;
  const dearestInput = [plain, cacheRead, cacheWrite].map(reachable).reduce(maxOf);
  const scaled = BigInt(input) * dearestInput + BigInt(output) * reachable(prices.output);
  return Number((scaled + RATE_SCALE - 1n) / RATE_SCALE);
}

/** What a call cost, in micro-cents: the nearest one, and never 0 for what is not free. */
export function costOf(prices: TokenPrices, usage: TokenUsage): number {
  const applied = (rate: TokenRate): bigint =>
    rate.tiers.findLast(({ above }) => usage.input > above)?.rate ?? rate.base;
  const plain = BigInt(usage.input - usage.cacheRead - usage.cacheWrite);
  const scaled =
    plain * applied(prices.input) +
    BigInt(usage.cacheRead) * applied(prices.cacheRead ?? prices.input) +
    BigInt(usage.cacheWrite) * applied(prices.cacheWrite ?? prices.input) +
    BigInt(usage.output) * applied(prices.output);
  if (scaled === 0n) return 0;
  return Number(maxOf((scaled + RATE_SCALE / 2n) / RATE_SCALE, 1n));
}

const maxOf = (a: bigint, b: bigint): bigint => (a > b ? a : b);
