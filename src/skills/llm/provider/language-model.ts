import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type { LanguageModel } from 'ai';
import type { Target } from '../target.ts';
import { isVendor } from './provider.ts';

type ProviderOptions = Record<string, Record<string, string | boolean>>;

/** Models that OpenAI serves by its Responses API alone. */
const RESPONSES_ONLY = /^o\d+-pro|^gpt-[\d.]+-(?:pro|codex)|^codex|^computer-use/;

/** OpenAI's chat API knows `stop` and is what most gateways speak; only where it has no such model is the other one used. */
export const usesResponsesApi = ({ provider, model }: Target): boolean =>
  provider.name === 'openai' && RESPONSES_ONLY.test(model);

/** The AI SDK's client of a model. Base URL and key are always given, so that it reads no environment. */
export function toLanguageModel(target: Target, send: typeof fetch): LanguageModel {
  const { provider, model } = target;
  const { name, baseUrl: baseURL, apiKey = '' } = provider;
  switch (name) {
    case 'openai': {
      const openai = createOpenAI({ apiKey, baseURL, fetch: send });
      return usesResponsesApi(target) ? openai.responses(model) : openai.chat(model);
    }
    case 'anthropic':
      return createAnthropic({ apiKey, baseURL, fetch: send })(model);
    case 'compatible':
    case 'plan':
      return createOpenAICompatible({
        name,
        apiKey,
        baseURL,
        fetch: send,
        supportsStructuredOutputs: true,
      })(model);
  }
}

/** Options of a provider that keep a call to what was asked and priced. */
export function providerOptionsOf({ provider }: Target): ProviderOptions {
  // A strict one would have to name every key as required.
  if (!isVendor(provider)) return { [provider.name]: { strictJsonSchema: false } };
  if (provider.name !== 'openai') return {};
  // A project of OpenAI's may be set to keep answers, and to a dearer tier; gateways need not know the words.
  const isOpenAi = new URL(provider.baseUrl).hostname.endsWith('openai.com');
  const ours = isOpenAi ? { store: false, serviceTier: 'default' } : {};
  return { openai: { strictJsonSchema: false, ...ours } };
}
