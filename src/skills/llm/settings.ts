import { LLM_CONCURRENCY_MAX, LLM_MODEL_LENGTH_MAX } from '../../contracts/limits.ts';
import { AosError } from '../../contracts/failures.ts';
import type { OperatorPrices } from './prices/operator-prices.ts';
import { createPriceBook } from './prices/price-book.ts';
import type { PriceBook } from './prices/price-book.ts';
import { tableProviderAt } from './prices/price-table.ts';
import type { Provider } from './provider/provider.ts';
import { resolveTarget } from './target.ts';

const OPENAI_URL = 'https://api.openai.com/v1';
const ANTHROPIC_URL = 'https://api.anthropic.com/v1';

/** Cheap, well known, and without reasoning that would use up a small `max_tokens`. */
export const DEFAULT_MODELS = {
  openai: 'openai/gpt-4.1-mini',
  anthropic: 'anthropic/claude-haiku-4-5',
} as const;

/** What the operator has configured for `llm_invoke`. */
export interface LlmSettings {
  providers: readonly Provider[];
  /** The model when a plan names none; absent when nothing says which. */
  model?: string;
  prices: PriceBook;
  /** Calls at once per provider. */
  concurrency: number;
}

/** The values of the variables, each one parsed. */
export interface LlmValues {
  openaiKey: string | undefined;
  openaiUrl: string | undefined;
  anthropicKey: string | undefined;
  anthropicUrl: string | undefined;
  compatibleUrl: string | undefined;
  compatibleKey: string | undefined;
  model: string | undefined;
  operatorPrices: OperatorPrices;
  concurrency: number;
}

/** Makes of the values what the skill works with. */
export function toLlmSettings(values: LlmValues): LlmSettings {
  const { openaiKey, anthropicKey, compatibleUrl, compatibleKey, operatorPrices } = values;
  const providers: Provider[] = [];
  if (openaiKey !== undefined) {
    providers.push({ name: 'openai', baseUrl: values.openaiUrl ?? OPENAI_URL, apiKey: openaiKey });
  }
  if (anthropicKey !== undefined) {
    const baseUrl = toVersioned(values.anthropicUrl ?? ANTHROPIC_URL);
    providers.push({ name: 'anthropic', baseUrl, apiKey: anthropicKey });
  }
  if (compatibleUrl !== undefined) {
    const key = compatibleKey === undefined ? {} : { apiKey: compatibleKey };
    providers.push({ name: 'compatible', baseUrl: compatibleUrl, ...key });
  }
  const model = values.model ?? defaultModelOf(providers, operatorPrices);
  return {
    providers,
    ...(model !== undefined && { model }),
    prices: createPriceBook({ operatorPrices, compatibleUrl }),
    concurrency: values.concurrency,
  };
}

/** Anthropic's own client takes the base URL without the version, others with it. */
const toVersioned = (url: string): string => (/\/v\d+$/.test(url) ? url : `${url}/v1`);

function defaultModelOf(
  providers: readonly Provider[],
  operatorPrices: OperatorPrices,
): string | undefined {
  const [priced] =
    [...operatorPrices].find(
      ([, { provider, model }]) => provider === 'compatible' && model !== '*',
    ) ?? [];
  const defaults = { ...DEFAULT_MODELS, compatible: priced, plan: undefined };
  return providers.map(({ name }) => defaults[name]).find((model) => model !== undefined);
}

/** What is wrong with the values together, one line each. */
export function llmProblems(values: LlmValues, settings: LlmSettings): string[] {
  const problems: string[] = [];
  if (values.compatibleKey !== undefined && values.compatibleUrl === undefined) {
    problems.push('AOS_LLM_API_KEY: is the key of the server at AOS_LLM_BASE_URL. Set that too.');
  }
  if (values.model !== undefined && settings.providers.length > 0) {
    try {
      resolveTarget({ model: values.model }, settings);
    } catch (error) {
      if (!(error instanceof AosError)) throw error;
      problems.push(`AOS_LLM_MODEL: ${error.message}`);
    }
  }
  return problems;
}

/** What is allowed and yet probably not meant, one line each. */
export function llmWarnings(values: LlmValues, settings: LlmSettings): string[] {
  const warnings: string[] = [];
  const without = (name: string, key: string): string =>
    `${name}: has no effect without ${key}; for a server without a key set AOS_LLM_BASE_URL.`;
  if (values.openaiUrl !== undefined && values.openaiKey === undefined) {
    warnings.push(without('OPENAI_BASE_URL', 'OPENAI_API_KEY'));
  }
  if (values.anthropicUrl !== undefined && values.anthropicKey === undefined) {
    warnings.push(without('ANTHROPIC_BASE_URL', 'ANTHROPIC_API_KEY'));
  }
  const { compatibleUrl, operatorPrices } = values;
  const isPriceless =
    operatorPrices.size === 0 && tableProviderAt(compatibleUrl ?? '') === undefined;
  if (compatibleUrl !== undefined && !isPriceless && settings.model === undefined) {
    warnings.push(
      'AOS_LLM_MODEL: is needed by plans that name no model, which fail without it. Set it to a model of the server at AOS_LLM_BASE_URL.',
    );
  }
  if (compatibleUrl !== undefined && isPriceless) {
    warnings.push(
      'AOS_LLM_BASE_URL: no model there has a price, so none can be called. Set AOS_LLM_PRICES, for instance to compatible/*=0/0.',
    );
  }
  return warnings;
}

/** Reads a key: what a header can hold. A wrong one is not repeated. */
export function parseLlmKey(text: string): string {
  if (/^[\x21-\x7e]{1,500}$/.test(text)) return text;
  throw new Error('a key is up to 500 printable ASCII characters without spaces.');
}

/** Reads a name of a model, `provider/model` or `model`. */
export function parseModel(text: string): string {
  if (/^\S+$/.test(text) && text.length <= LLM_MODEL_LENGTH_MAX) return text;
  throw new Error(`takes a model's name of up to ${LLM_MODEL_LENGTH_MAX} characters, no spaces.`);
}

/** Reads how many calls may run at once. */
export function parseLlmConcurrency(text: string): number {
  const count = Number(text);
  if (/^\d{1,4}$/.test(text) && count >= 1 && count <= LLM_CONCURRENCY_MAX) return count;
  throw new Error(`"${text}" is no number of calls: it takes 1 to ${LLM_CONCURRENCY_MAX}.`);
}
