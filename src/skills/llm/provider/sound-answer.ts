import { AosError } from '../../../contracts/failures.ts';
import { isJsonObject } from '../../../contracts/json.ts';
import type { Json, JsonObject } from '../../../contracts/json.ts';
import { LLM_REPORTED_TOKENS_MAX } from '../../../contracts/limits.ts';
import { nameOf } from './failures.ts';
import type { Provider } from './provider.ts';

/** What an endpoint calls the tokens in and out: OpenAI's chat API, and all others. */
const CHAT_TOTALS = ['prompt_tokens', 'completion_tokens'];
const TOTALS = ['input_tokens', 'output_tokens'];

/**
 * The body of an endpoint's answer, without a usage that cannot be believed: an answer is one also when nobody knows
 * what it cost, and half a usage must not be taken for a small one. Throws when it is no JSON object.
 */
export function soundAnswer(body: string, provider: Provider, endpoint: URL): string {
  let answer: Json;
  try {
    answer = JSON.parse(body) as Json;
  } catch {
    answer = null;
  }
  if (!isJsonObject(answer)) {
    throw new AosError('PROVIDER_FAILED', `${nameOf(provider)} sent an answer that is not JSON.`);
  }
  const totals = endpoint.pathname.endsWith('/chat/completions') ? CHAT_TOTALS : TOTALS;
  if (isSoundUsage(answer['usage'], totals)) return body;
  const { usage: _unsound, ...rest } = answer;
  // Anthropic's answers always have one: 0 tokens of input are as many as none.
  const none =
    provider.name === 'anthropic' ? { usage: { input_tokens: 0, output_tokens: 0 } } : {};
  return JSON.stringify({ ...rest, ...none });
}

function isSoundUsage(usage: Json | undefined, totals: readonly string[]): boolean {
  if (!isJsonObject(usage)) return false;
  return totals.every((name) => isCount(usage[name])) && countsIn(usage).every(isCount);
}

/** Every number, at whatever depth: details are counted too. */
const countsIn = (usage: JsonObject): Json[] =>
  Object.entries(usage).flatMap(([name, value]) => {
    if (isJsonObject(value)) return countsIn(value);
    return name.endsWith('_tokens') && value !== null ? [value] : [];
  });

const isCount = (value: Json | undefined): boolean =>
  Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= LLM_REPORTED_TOKENS_MAX;
