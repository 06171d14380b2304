import { AosError } from '../../contracts/failures.ts';
import type { JsonObject } from '../../contracts/json.ts';
import { askForJson, inputTokensMax, repairTokensMax, toConversation } from './conversation.ts';
import type { Conversation } from './conversation.ts';
import type { Generation } from './generate.ts';
import { usesResponsesApi } from './provider/language-model.ts';
import { parseLlmInvokeParams } from './params.ts';
import type { LlmInvokeParams } from './params.ts';
import type { LlmSettings } from './settings.ts';
import { isVendor } from './provider/provider.ts';
import { addressOf, priceUnknown, resolveTarget } from './target.ts';
import type { Target } from './target.ts';

/** A call whose params are sound, with the most that it can cost. */
export interface PreparedCall {
  first: Generation;
  /** What the answer must fit, when it is to be JSON. */
  schema: JsonObject | undefined;
  /** The most that the first request, and that the one for repair, can cost, in micro-cents. */
  firstWorstMicroCents: number;
  repairWorstMicroCents: number;
}

/** Checks params and decides where the call goes and what it may cost. Throws what forbids it. */
export function prepareCall(params: JsonObject, settings: LlmSettings): PreparedCall {
  const parsed = parseLlmInvokeParams(params);
  const target = resolveTarget(parsed, settings);
  const { max_tokens: maxTokens, temperature, stop = [] } = parsed;
  const schema = parsed.json_schema as JsonObject | undefined;
  const json = toJsonWish(target, schema);
  const conversation = toTold(toConversation(parsed), target, json, schema);
  const stops = typeof stop === 'string' ? [stop] : stop;
  if (stops.length > 0 && usesResponsesApi(target)) {
    const message = `The model \`${target.model}\` takes no \`stop\`. Leave it out, or name another model.`;
    throw new AosError('PARAMS_INVALID', message);
  }
  const first: Generation = { target, conversation, maxTokens, temperature, stop: stops, json };

  const native = json?.kind === 'schema' ? schema : undefined;
  const input = inputTokensMax(conversation, native);
  const worst = (inputMax: number): number => {
    const bound = { input: inputMax, output: maxTokens };
    const microCents = settings.prices.worstCase(addressOf(target), bound);
    if (microCents === undefined) throw priceUnknown(target);
    return microCents;
  };
  const repairWorst = schema === undefined ? 0 : worst(input + repairTokensMax(maxTokens));
  return {
    first,
    schema,
    firstWorstMicroCents: worst(input),
    repairWorstMicroCents: repairWorst,
  };
}

/** Providers take a schema that is an object at its root. */
function toJsonWish(target: Target, schema: JsonObject | undefined): Generation['json'] {
  if (schema === undefined) return undefined;
  if (schema['type'] === 'object') return { kind: 'schema', schema };
  return isVendor(target.provider) ? undefined : { kind: 'any' };
}

/** A compatible server may pass the schema over, or not tell its model of it: it is in the words too. */
const toTold = (
  conversation: Conversation,
  { provider }: Target,
  json: Generation['json'],
  schema: LlmInvokeParams['json_schema'],
): Conversation =>
  schema === undefined || (json?.kind === 'schema' && isVendor(provider))
    ? conversation
    : askForJson(conversation, schema as JsonObject);
