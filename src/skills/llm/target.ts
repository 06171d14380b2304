import { AosError } from '../../contracts/failures.ts';
import { parseBaseUrl } from './base-url.ts';
import type { PriceBook } from './prices/price-book.ts';
import { splitModel } from './provider/provider.ts';
import type { ModelAddress, Provider } from './provider/provider.ts';
import type { LlmSettings } from './settings.ts';

/** The server a call goes to and the model it asks for. */
export interface Target {
  provider: Provider;
  model: string;
}

/** What a call says of where it goes. */
export interface TargetWish {
  model?: string | undefined;
  base_url?: string | undefined;
}

/** How a target is named in prices and in output. */
export const addressOf = ({ provider, model }: Target): ModelAddress => ({
  provider: provider.name,
  model,
});

/** Decides where a call goes. Throws when no such provider is configured, or the model has no known price. */
export function resolveTarget(wish: TargetWish, settings: LlmSettings): Target {
  const target = wish.base_url === undefined ? atOperator(wish, settings) : atPlan(wish);
  if (settings.prices.knowledgeOf(addressOf(target)) === 'none') throw priceUnknown(target);
  return target;
}

function atPlan({ model, base_url: baseUrl = '' }: TargetWish): Target {
  if (model === undefined) {
    throw new AosError('PARAMS_INVALID', '`base_url` needs a `model` of that server beside it.');
  }
  const { provider, model: bare } = splitModel(model);
  return {
    provider: { name: 'plan', baseUrl: parseBaseUrl(baseUrl) },
    model: provider === 'plan' ? bare : model,
  };
}

function atOperator(wish: TargetWish, { providers, model, prices }: LlmSettings): Target {
  if (providers.length === 0) throw new AosError('PROVIDER_NOT_CONFIGURED', NOT_CONFIGURED);
  const wanted = wish.model ?? model;
  if (wanted === undefined) {
    throw new AosError(
      'PARAMS_INVALID',
      'Name a `model`: the operator has not set which one is taken without it, by AOS_LLM_MODEL.',
    );
  }
  const { provider: name, model: bare } = splitModel(wanted);
  if (name === undefined) return { provider: bestFor(bare, providers, prices), model: bare };
  const provider = providers.find((each) => each.name === name);
  if (provider !== undefined) return { provider, model: bare };
  const cure = providers.some((each) => each.name === 'compatible')
    ? `Name it \`compatible/${wanted}\` if the operator’s server is meant, name a model of theirs`
    : 'Name a model of theirs';
  const configured = providers.map((each) => each.name).join(', ');
  throw new AosError(
    'PROVIDER_NOT_CONFIGURED',
    name === 'plan'
      ? 'The provider `plan` is the server of a plan’s own `base_url`. Give one, or name another provider.'
      : `The provider \`${name}\` is not configured here; these are: ${configured}. ${cure}, or ask the operator to set what \`${name}\` needs.`,
  );
}

/** What is missing and what would change that, in one sentence each. */
export const LACKS = {
  reason: 'No provider of models is configured.',
  fix: 'Set OPENAI_API_KEY or ANTHROPIC_API_KEY, or AOS_LLM_BASE_URL with AOS_LLM_PRICES for a server of your own.',
};
const NOT_CONFIGURED = `${LACKS.reason} ${LACKS.fix}`;

/** The provider that is known best to have the model; where nothing says, the server of the operator's own. */
function bestFor(model: string, providers: readonly Provider[], prices: PriceBook): Provider {
  const compatibleFirst = providers.toSorted(
    (a, b) => Number(b.name === 'compatible') - Number(a.name === 'compatible'),
  );
  const known = (level: string, among = providers): Provider | undefined =>
    among.find(({ name }) => prices.knowledgeOf({ provider: name, model }) === level);
  return (
    known('set') ?? known('listed') ?? known('general', compatibleFirst) ?? compatibleFirst[0]!
  );
}

/** The failure of a model whose cost cannot be bounded. */
export const priceUnknown = ({ provider, model }: Target): AosError =>
  new AosError(
    'MODEL_PRICE_UNKNOWN',
    `No price is known for the model \`${model}\` at \`${provider.name}\`, so its cost cannot be bounded. ` +
      `Name another model, or ask the operator to add ${provider.name}/${model}=INPUT_CENTS/OUTPUT_CENTS (per million tokens; 0 is allowed) to AOS_LLM_PRICES.`,
  );
