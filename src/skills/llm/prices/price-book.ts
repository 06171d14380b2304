import { createHash } from 'node:crypto';
import { LLM_TIMEOUT_MAX_MS } from '../../../contracts/limits.ts';
import { operatorPriceOf } from './operator-prices.ts';
import type { OperatorPrices } from './operator-prices.ts';
import {
  PRICE_TABLE_PACKAGE,
  readPriceTable,
  tableContentOf,
  tableProviderAt,
} from './price-table.ts';
import type { ModelAddress, ProviderName } from '../provider/provider.ts';
import { costOf, worstCaseOf } from './token-prices.ts';
import type { TokenBound, TokenPrices, TokenUsage } from './token-prices.ts';

/** What calls of models cost. A model without a known price has none: it is never free by accident. */
export interface PriceBook {
  version: string;
  /**
   * How well the provider is known to have this model: the operator has priced it there, the table lists it there, the
   * operator has priced it or all models in general, or no price is known.
   */
  knowledgeOf(address: ModelAddress): 'set' | 'listed' | 'general' | 'none';
  /** The most that a call beginning now can cost, in micro-cents, rounded up. */
  worstCase(address: ModelAddress, bound: TokenBound): number | undefined;
  /** What a call that ends now cost, in micro-cents. */
  actual(address: ModelAddress, usage: TokenUsage): number | undefined;
}

export interface PriceBookDeps {
  operatorPrices: OperatorPrices;
  /** The operator's OpenAI-compatible server: if the table knows who that is, it knows the prices there. */
  compatibleUrl?: string | undefined;
  /** @default the system's clock, in milliseconds */
  now?: () => number;
}

/** Creates the price book: what the operator has set, and below that the pinned table. */
export function createPriceBook({
  operatorPrices,
  compatibleUrl,
  now = Date.now,
}: PriceBookDeps): PriceBook {
  const tables: Partial<Record<ProviderName, string>> = {
    openai: 'openai',
    anthropic: 'anthropic',
  };
  const compatible = compatibleUrl === undefined ? undefined : tableProviderAt(compatibleUrl);
  if (compatible !== undefined) tables.compatible = compatible;

  const listed = ({ provider, model }: ModelAddress, atMs: number): TokenPrices | undefined => {
    const table = tables[provider];
    return table === undefined ? undefined : readPriceTable(table, model, new Date(atMs));
  };
  const find = (address: ModelAddress, atMs: number): TokenPrices | undefined => {
    const set = operatorPriceOf(operatorPrices, address);
    return set === undefined ? listed(address, atMs) : set.prices;
  };

  return {
    version: versionOf(operatorPrices, Object.values(tables)),
    knowledgeOf(address) {
      const set = operatorPriceOf(operatorPrices, address);
      if (set?.provider !== undefined && set.model !== '*') return 'set';
      if (listed(address, now()) !== undefined) return 'listed';
      return set === undefined ? 'none' : 'general';
    },
    worstCase(address, bound) {
      // Prices may change on a date, or by the time of day, while the call runs.
      const moments = [now(), now() + LLM_TIMEOUT_MAX_MS].map((atMs) => find(address, atMs));
      const known = moments.filter((prices) => prices !== undefined);
      if (known.length < moments.length) return undefined;
      return Math.max(...known.map((prices) => worstCaseOf(prices, bound)));
    },
    actual(address, usage) {
      const prices = find(address, now());
      return prices && costOf(prices, usage);
    },
  };
}

function versionOf(operatorPrices: OperatorPrices, tables: readonly string[]): string {
  const set = [...operatorPrices]
    .map(
      ([
        name,
        {
          prices: { input, output },
        },
      ]) => `${name}=${input.base}/${output.base}`,
    )
    .sort();
  const content = [...set, ...tables.map(tableContentOf)].join('\n');
  const hash = createHash('sha256').update(content).digest('hex').slice(0, 12);
  return `${PRICE_TABLE_PACKAGE}+${hash}`;
}
