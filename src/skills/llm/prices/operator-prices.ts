import { LLM_MODEL_LENGTH_MAX } from '../../../contracts/limits.ts';
import { splitModel } from '../provider/provider.ts';
import type { ModelAddress } from '../provider/provider.ts';
import { rateFromCents } from './token-prices.ts';
import type { TokenPrices } from './token-prices.ts';

const CENTS_MAX = 1_000_000;
const CENTS = /^\d{1,7}(?:\.\d{1,9})?$/;

/** Prices that the operator has set, by `provider/model`, `model` or `provider/*`, in lower case. */
export type OperatorPrices = ReadonlyMap<string, TokenPrices>;

/** Reads AOS_LLM_PRICES: comma separated `[provider/]model=INPUT_CENTS/OUTPUT_CENTS`, cents per million tokens. */
export function parseLlmPrices(text: string): OperatorPrices {
  const prices = new Map<string, TokenPrices>();
  const entries = text.split(',').map((entry) => entry.trim());
  for (const entry of entries.filter((written) => written !== '')) {
    const [name, price] = parseEntry(entry);
    if (prices.has(name)) throw badEntry(entry, `prices ${name} a second time`);
    prices.set(name, price);
  }
  return prices;
}

function parseEntry(entry: string): [string, TokenPrices] {
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
  return [name, { input: rateFromCents(input), output: rateFromCents(output) }];
}

/** The name of the entry that prices this model: the most specific one. */
export const operatorNameOf = (
  prices: OperatorPrices,
  { provider, model }: ModelAddress,
): string | undefined =>
  [`${provider}/${model}`, model, `${provider}/*`]
    .map((name) => name.toLowerCase())
    .find((name) => prices.has(name));

const badEntry = (entry: string, why: string): Error =>
  new Error(`AOS_LLM_PRICES: the entry \`${entry}\` ${why}.`);
