/** Providers that an operator configures, in the order in which they are asked who knows a model. */
export const OPERATOR_PROVIDERS = ['openai', 'anthropic', 'compatible'] as const;

/** `plan`: an OpenAI-compatible server that a plan names by `base_url`; it never gets a key. */
export const PROVIDERS = [...OPERATOR_PROVIDERS, 'plan'] as const;
export type ProviderName = (typeof PROVIDERS)[number];

/** A server of models, and how to speak to it. */
export interface Provider {
  name: ProviderName;
  /** Without a slash at its end. */
  baseUrl: string;
  apiKey?: string;
}

/** Whether it is one of the two whose API is known; of a compatible server only the dialect is. */
export const isVendor = ({ name }: Provider): boolean => name === 'openai' || name === 'anthropic';

/** One model at one provider. */
export interface ModelAddress {
  provider: ProviderName;
  model: string;
}

/** Reads `provider/model`; a first part that is no provider belongs to the model's name. */
export function splitModel(text: string): { provider?: ProviderName; model: string } {
  const slash = text.indexOf('/');
  const provider = PROVIDERS.find((name) => name === text.slice(0, Math.max(slash, 0)));
  return provider === undefined ? { model: text } : { provider, model: text.slice(slash + 1) };
}
