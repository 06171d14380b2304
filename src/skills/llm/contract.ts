import { z } from 'zod';
import {
  LLM_MAX_TOKENS_DEFAULT,
  LLM_MAX_TOKENS_MAX,
  LLM_MESSAGES_MAX,
  LLM_PROMPT_BYTES_MAX,
  LLM_RESPONSE_BYTES_MAX,
  LLM_SCHEMA_BYTES_MAX,
  LLM_STOP_MAX,
  LLM_TIMEOUT_DEFAULT_MS,
  LLM_TIMEOUT_MAX_MS,
} from '../../contracts/limits.ts';
import { centsFromMicroCents } from '../../contracts/money.ts';
import type { SkillContract } from '../../contracts/skill.ts';
import { LlmInvokeParams } from './params.ts';
import type { LlmSettings } from './settings.ts';
import { addressOf, LACKS, resolveTarget } from './target.ts';

/** What a call is said to cost before anybody knows which model it will ask. */
const BASE_MICRO_CENTS = 5_000_000;
const TYPICAL_INPUT_TOKENS = 1000;

const Output = z.object({
  text: z.string(),
  json: z.unknown().optional().describe('The value, checked; only with `json_schema`.'),
  finish_reason: z
    .enum(['stop', 'length', 'tool-calls', 'error', 'other'])
    .describe('`length`: the answer was cut off at `max_tokens`.'),
  model: z.string(),
  provider: z.string(),
  usage: z
    .object({
      input_tokens: z.int(),
      output_tokens: z.int(),
      cached_input_tokens: z.int().optional(),
      reasoning_tokens: z.int().optional().describe('Part of the output tokens.'),
    })
    .optional()
    .describe('Absent when the provider reported none.'),
  cost_cents: z.number(),
  cost_presumed: z
    .literal(true)
    .optional()
    .describe('The provider reported no usage, so the cost is the most it can be.'),
  repaired: z.literal(true).optional().describe('The first answer did not fit `json_schema`.'),
  warnings: z.array(z.string()).optional().describe('Settings that the model does not have.'),
  duration_ms: z.int(),
});

/** What `llm_invoke` takes, gives and promises in this installation. Names providers, never keys. */
export function createLlmContract(settings: LlmSettings): SkillContract {
  const { providers, concurrency } = settings;
  const names = providers.map(({ name }) => `\`${name}\``).join(', ');
  const { base, note } = costOf(settings);
  return {
    id: 'llm_invoke',
    name: 'Ask a language model',
    version: '1.0.0',
    description:
      'Sends a prompt or a conversation to a language model and gives its answer. With `json_schema` the answer is ' +
      'JSON that was checked; one that does not fit is sent back once. The worst case is held beforehand, and what ' +
      `the provider reports is settled. ${names === '' ? LACKS.reason : `Configured providers: ${names}.`}`,
    params: LlmInvokeParams,
    output: Output,
    cost: { per: 'call', base_micro_cents: base, note },
    latency: { typical_ms: 3000 },
    timeout: { default_ms: LLM_TIMEOUT_DEFAULT_MS, max_ms: LLM_TIMEOUT_MAX_MS },
    retry: { max_attempts: 3 },
    limits: {
      max_tokens_default: LLM_MAX_TOKENS_DEFAULT,
      max_tokens_max: LLM_MAX_TOKENS_MAX,
      prompt_bytes_max: LLM_PROMPT_BYTES_MAX,
      messages_max: LLM_MESSAGES_MAX,
      stop_max: LLM_STOP_MAX,
      json_schema_bytes_max: LLM_SCHEMA_BYTES_MAX,
      response_bytes_max: LLM_RESPONSE_BYTES_MAX,
      calls_at_once_per_provider: concurrency,
    },
    side_effects: 'outside',
    // Its effect is money alone, and a lost call counts as paid.
    idempotent: 'always',
    hints: { readOnly: true },
    failure_modes: [
      { code: 'PROVIDER_RATE_LIMITED', description: 'The provider limits.', probability: 0.02 },
      { code: 'PROVIDER_OVERLOADED', description: 'It has no capacity.', probability: 0.01 },
      { code: 'PROVIDER_FAILED', description: 'It fails or breaks off.', probability: 0.01 },
      { code: 'TIMEOUT', description: 'The model is slow.', probability: 0.01 },
      { code: 'MODEL_OUTPUT_INVALID', description: 'No JSON that fits.', probability: 0.01 },
      { code: 'CONTENT_REFUSED', description: 'Refused for its content.', probability: 0.005 },
      { code: 'CONTEXT_TOO_LONG', description: 'The prompt is too long.', probability: 0.005 },
      { code: 'MODEL_NOT_FOUND', description: 'There is no such model.', probability: 0.002 },
      { code: 'MODEL_PRICE_UNKNOWN', description: 'No price is known.', probability: 0.002 },
      { code: 'PROVIDER_KEY_REFUSED', description: 'The key is refused.', probability: 0.002 },
      { code: 'PROVIDER_QUOTA_EXHAUSTED', description: 'No credit left.', probability: 0.002 },
      { code: 'PROVIDER_REFUSED', description: 'The request is refused.', probability: 0.002 },
      { code: 'PARAMS_INVALID', description: 'The params do not fit.', probability: 0.002 },
      { code: 'CONNECT_FAILED', description: 'No connection.', probability: 0.002 },
      { code: 'DNS_FAILED', description: 'No address of the server.', probability: 0.001 },
      { code: 'TLS_FAILED', description: 'No valid certificate.', probability: 0.001 },
      { code: 'PROVIDER_NOT_CONFIGURED', description: 'No provider.', probability: 0.001 },
      { code: 'EGRESS_BLOCKED', description: 'The base URL is private.', probability: 0.001 },
      { code: 'REDIRECT_REFUSED', description: 'The server redirects.', probability: 0.001 },
      { code: 'RESPONSE_TOO_LARGE', description: 'The answer is endless.', probability: 0.001 },
    ],
    inline: false,
    passes_on: 'text',
    ...(providers.length === 0 && { lacks: LACKS }),
  };
}

function costOf(settings: LlmSettings): { base: number; note: string } {
  const how =
    'A call costs by its tokens. Held: every byte of the prompt as a token, and max_tokens; twice with json_schema.';
  if (settings.providers.length === 0 || settings.model === undefined) {
    return { base: BASE_MICRO_CENTS, note: how };
  }
  const address = addressOf(resolveTarget({}, settings));
  const bound = { input: TYPICAL_INPUT_TOKENS, output: LLM_MAX_TOKENS_DEFAULT };
  const base = settings.prices.worstCase(address, bound) ?? BASE_MICRO_CENTS;
  const named = `\`${address.provider}/${address.model}\``;
  const typical = `${TYPICAL_INPUT_TOKENS} tokens in and ${LLM_MAX_TOKENS_DEFAULT} out cost ${centsFromMicroCents(base)} cents`;
  return { base, note: `${how} Without \`model\` it is ${named}, where ${typical}.` };
}
