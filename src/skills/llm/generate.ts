import { generateText, jsonSchema, Output } from 'ai';
import type { CallWarning, LanguageModelUsage, ModelMessage } from 'ai';
import { AosError } from '../../contracts/failures.ts';
import type { JsonObject } from '../../contracts/json.ts';
import type { Conversation } from './conversation.ts';
import { providerOptionsOf, toLanguageModel } from './provider/language-model.ts';
import { nameOf } from './provider/failures.ts';
import type { Target } from './target.ts';
import type { TokenUsage } from './prices/token-prices.ts';
import type { Wire } from './provider/wire.ts';
import { clipLine } from '../wording.ts';

const WARNING_LENGTH_MAX = 200;

/** One request to a model. */
export interface Generation {
  target: Target;
  conversation: Conversation;
  maxTokens: number;
  temperature: number | undefined;
  stop: readonly string[];
  /** How the provider itself is told that JSON is wanted: by the schema, as any JSON, or not at all. */
  json: { kind: 'schema'; schema: JsonObject } | { kind: 'any' } | undefined;
}

/** What a model answered. */
export interface Answer {
  text: string;
  finishReason: 'stop' | 'length' | 'content-filter' | 'tool-calls' | 'error' | 'other';
  /** Absent when the provider reported none that can be believed. */
  usage?: TokenUsage;
  reasoningTokens?: number;
  /** Settings that the model does not have, and that were left out. */
  warnings: string[];
}

/** Sends one request by the AI SDK, without retries of its own: the engine of AOS does those, and the ledger counts them. */
export async function generate(
  request: Generation,
  wire: Wire,
  signal: AbortSignal,
): Promise<Answer> {
  const { target, conversation, maxTokens, temperature, stop, json } = request;
  const { system } = conversation;
  // They come back in the answer; the SDK would print them.
  globalThis.AI_SDK_LOG_WARNINGS = false;
  try {
    const result = await generateText({
      model: toLanguageModel(target, wire.fetch),
      ...(system !== '' && { system }),
      messages: conversation.turns.map(({ role, text }): ModelMessage => ({ role, content: text })),
      maxOutputTokens: maxTokens,
      maxRetries: 0,
      abortSignal: signal,
      providerOptions: providerOptionsOf(target),
      ...(temperature !== undefined && { temperature }),
      ...(stop.length > 0 && { stopSequences: [...stop] }),
      ...(json !== undefined && { output: toOutput(json) }),
    });
    const { text, finishReason, warnings = [] } = result;
    const usage = toTokenUsage(result.usage, text);
    const reasoningTokens = result.usage.outputTokenDetails.reasoningTokens ?? 0;
    return {
      text,
      finishReason,
      ...(usage !== undefined && { usage }),
      ...(reasoningTokens > 0 && { reasoningTokens }),
      warnings: warnings.map(toSentence),
    };
  } catch (error) {
    const failure = wire.failure();
    if (failure !== undefined) throw failure;
    // What the SDK cannot make an answer of, once one has come, is the provider's doing.
    if (!wire.mayBeCharged()) throw error;
    const message = `${nameOf(target.provider)} sent something that is no valid answer.`;
    throw new AosError('PROVIDER_FAILED', message, {}, { cause: error });
  }
}

/** The SDK only hands the wish on: what comes back is read and checked by us, since it may be repaired. */
function toOutput(json: NonNullable<Generation['json']>) {
  const parseCompleteOutput = ({ text }: { text: string }) => Promise.resolve(text);
  const output =
    json.kind === 'any' ? Output.json() : Output.object({ schema: jsonSchema(json.schema) });
  return { ...output, parseCompleteOutput };
}

function toTokenUsage(
  {
    inputTokens: input = 0,
    inputTokenDetails: { cacheReadTokens: cacheRead = 0, cacheWriteTokens: cacheWrite = 0 },
    outputTokens = 0,
    outputTokenDetails: { reasoningTokens: reasoning = 0 },
    raw,
  }: LanguageModelUsage,
  text: string,
): TokenUsage | undefined {
  // No call is without input, and what was cached was input.
  if (input < 1 || cacheRead + cacheWrite > input) return undefined;
  // xAI and Gemini charge for reasoning that their completion tokens leave out: only the total has it.
  const output = Math.max(outputTokens, Number(raw?.['total_tokens'] ?? 0) - input);
  if (reasoning > output || (output === 0 && text !== '')) return undefined;
  return { input, cacheRead, cacheWrite, output };
}

function toSentence(warning: CallWarning): string {
  const said =
    warning.type === 'other' ? warning.message : (warning.details ?? `no ${warning.feature}`);
  return clipLine(said, WARNING_LENGTH_MAX);
}
