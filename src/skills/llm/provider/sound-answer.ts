import { AosError } from '../../../contracts/failures.ts';
import { isJsonObject } from '../../../contracts/json.ts';
import type { Json, JsonObject } from '../../../contracts/json.ts';
import { LLM_REPORTED_TOKENS_MAX } from '../../../contracts/limits.ts';
import { nameOf } from './failures.ts';
import type { Provider } from './provider.ts';

/** The two dialects in which a call's tokens are reported. */
const TOTALS = [
  ['prompt_tokens', 'completion_tokens'],
  ['input_tokens', 'output_tokens'],
] as const;

/**
 * The body of an answer, without a usage that cannot be believed: an answer is one also when nobody knows what it
 * cost, and half a usage must not be taken for a small one. Throws when it is no JSON object.
 */
export function soundAnswer(body: string, provider: Provider): string {
  let answer: Json;
  try {
    answer = JSON.parse(body) as Json;
  } catch {
    answer = null;
  }
  if (!isJsonObject(answer)) {
    throw new AosError('PROVIDER_FAILED', `${nameOf(provider)} sent an answer that is not JSON.`);
  }
  if (isSoundUsage(answer['usage'])) return body;
  const { usage: _unsound, ...rest } = answer;
  // Anthropic's answers always have one: 0 tokens of input are as many as none.
  const none =
    provider.name === 'anthropic' ? { usage: { input_tokens: 0, output_tokens: 0 } } : {};
  return JSON.stringify({ ...rest, ...none });
}

function isSoundUsage(usage: Json | undefined): boolean {
  if (!isJsonObject(usage)) return false;
  const hasTotals = TOTALS.some((names) => names.every((name) => isCount(usage[name])));
  return hasTotals && countsIn(usage).every(isCount);
}

/** Every number, at whatever depth: details are counted too. */
const countsIn = (usage: JsonObject): Json[] =>
  Object.entries(usage).flatMap(([name, value]) => {
    if (isJsonObject(value)) return countsIn(value);
    return name.endsWith('_tokens') && value !== null ? [value] : [];
  });

const isCount = (value: Json | undefined): boolean =>
  Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= LLM_REPORTED_TOKENS_MAX;
