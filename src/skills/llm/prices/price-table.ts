import { calcPrice, findProvider } from '@pydantic/genai-prices';
import type { ModelPrice } from '@pydantic/genai-prices';
import { rateOfDollars } from './token-prices.ts';
import type { TokenPrices, TokenRate } from './token-prices.ts';

/** The version of `@pydantic/genai-prices`, which is pinned: its data is the price table. */
export const PRICE_TABLE_PACKAGE = 'genai-prices-0.1.8';

/** Prices of what a call with text alone has none of. */
const NEVER_USED = /^(?:web|storage)_searches_kcount$|audio|image|video/;
const USED = ['input_mtok', 'output_mtok', 'cache_read_mtok', 'cache_write_mtok'];
/** Only written where a call asks for it, which ours never does. */
const NEVER_ASKED = ['cache_write_1h_mtok'];
/** These search the web whether asked or not, and are billed by the search too. */
const SEARCHES = /search|deep-research|sonar/;

/** Which of the table's providers answers at a base URL; a server of one's own is none of them. */
export const tableProviderAt = (baseUrl: string): string | undefined =>
  findProvider({ providerApiUrl: baseUrl })?.id;

/** All that the table says of a provider, for its version. */
export const tableContentOf = (tableProvider: string): string =>
  JSON.stringify(findProvider({ providerId: tableProvider })?.models ?? []);

/** What the table says of a model at a moment; undefined when that does not bound the cost of a call. */
export function readPriceTable(
  tableProvider: string,
  model: string,
  at: Date,
): TokenPrices | undefined {
  if (SEARCHES.test(model.toLowerCase())) return undefined;
  const found = find(tableProvider, model, at);
  if (found === undefined) return undefined;
  const isBounded = Object.keys(found).every(
    (key) => USED.includes(key) || NEVER_ASKED.includes(key) || NEVER_USED.test(key),
  );
  const [input, output, cacheRead, cacheWrite] = USED.map((key) => toRate(found[key]));
  // A free model is one that the operator calls free: a 0 in the table may be a gap.
  if (!isBounded || !isPaid(input) || !isPaid(output)) return undefined;
  return {
    input,
    output,
    ...(cacheRead !== undefined && { cacheRead }),
    ...(cacheWrite !== undefined && { cacheWrite }),
  };
}

function find(tableProvider: string, model: string, at: Date): ModelPrice | undefined {
  try {
    const options = { providerId: tableProvider, timestamp: at };
    return calcPrice({ input_tokens: 0, output_tokens: 0 }, model, options)?.model_price;
  } catch {
    // An entry that the package itself cannot read is no price.
    return undefined;
  }
}

const isPaid = (rate: TokenRate | undefined): rate is TokenRate =>
  rate !== undefined && rate.base > 0n && rate.tiers.every((tier) => tier.rate > 0n);

function toRate(price: ModelPrice[string]): TokenRate | undefined {
  if (price === undefined) return undefined;
  if (typeof price === 'number') return { base: rateOfDollars(price), tiers: [] };
  const tiers = price.tiers
    .map(({ start, price: dollars }) => ({ above: start, rate: rateOfDollars(dollars) }))
    .toSorted((a, b) => a.above - b.above);
  return { base: rateOfDollars(price.base), tiers };
}
