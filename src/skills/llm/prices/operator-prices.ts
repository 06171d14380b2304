import { LLM_MODEL_LENGTH_MAX } from '../../../contracts/limits.ts';
import { splitModel } from '../provider/provider.ts';
import type { ModelAddress, ProviderName } from '../provider/provider.ts';
import { rateFromCents } from './token-prices.ts';
import type { TokenPrices } from './token-prices.ts';

const CENTS_MAX = 1_000_000;
const CENTS = /^\d{1,7}(?:\.\d{1,9})?$/;

/** What a model costs at a provider, or wherever it is. The model `*` is all of that provider. */
export interface OperatorPrice {
  provider?: ProviderName;
  model: string;
  prices: TokenPrices;
}

/** Prices that the operator has set, by `provider/model`, `model` or `provider/*`, in lower case. */
export type OperatorPrices = ReadonlyMap<string, OperatorPrice>;

/** Reads AOS_LLM_PRICES: comma separated `[provider/]model=INPUT_CENTS/OUTPUT_CENTS`, cents per million tokens. */
export function parseLlmPrices(text: string): OperatorPrices {
  const prices = new Map<string, OperatorPrice>();
  const entries = text.split(',').map((entry) => entry.trim());
  for (const entry of entries.filter((written) => written !== '')) {
    const [name, price] = parseEntry(entry);
    if (prices.has(name)) throw badEntry(entry, `prices ${name} a second time`);
    prices.set(name, price);
  }
  return prices;
}

function parseEntry(entry: string): [string, OperatorPrice] {
  const equals = entry.lastIndexOf('=');
  const name = entry.slice(0, Math.max(equals, 0)).trim().toLowerCase();
  const [input = '', output = '', ...more] = entry.slice(equals + 1).split('/');
  if (name === '' || more.length > 0 || ![input, output].every((cents) => CENTS.test(cents))) {
    throw badEntry(entry, 'is not [provider/]model=INPUT_CENTS/OUTPUT_CENTS');
  }
  const { provider, model } = splitModel(name);
  if (model === '' || /\s/.test(model) || model.length > LLM_MODEL_LENGTH_MAX) {
    throw badEntry(entry, 'names no model');
  }
  // It would make every model free or cheap that nobody had thought of.
  if (model === '*' && provider === undefined) {
    throw badEntry(entry, 'prices every model of every provider; write provider/*');
  }
  if (Number(input) > CENTS_MAX || Number(output) > CENTS_MAX) {
    throw badEntry(entry, `has a price over ${CENTS_MAX} cents per million tokens`);
  }
  const prices = { input: rateFromCents(input), output: rateFromCents(output) };
  return [name, { ...(provider !== undefined && { provider }), model, prices }];
}

/** The entry that prices this model: the most specific one. */
export function operatorPriceOf(
  prices: OperatorPrices,
  { provider, model }: ModelAddress,
): OperatorPrice | undefined {
  const here = prices.get(`${provider}/${model}`.toLowerCase());
  // A model may be called like another provider's entry, `openai/gpt-5`.
  const named = prices.get(model.toLowerCase());
  const anywhere = named?.provider === undefined ? named : undefined;
  return here ?? anywhere ?? prices.get(`${provider}/*`);
}

const badEntry = (entry: string, why: string): Error =>
  new Error(`AOS_LLM_PRICES: the entry \`${entry}\` ${why}.`);
