import { z } from 'zod';
import { AosError } from '../../contracts/failures.ts';
import type { JsonObject } from '../../contracts/json.ts';
import {
  HTTP_URL_LENGTH_MAX,
  LLM_MAX_TOKENS_DEFAULT,
  LLM_MAX_TOKENS_MAX,
  LLM_MESSAGES_MAX,
  LLM_MODEL_LENGTH_MAX,
  LLM_PROMPT_BYTES_MAX,
  LLM_STOP_LENGTH_MAX,
  LLM_STOP_MAX,
  LLM_TEMPERATURE_MAX,
} from '../../contracts/limits.ts';
import { problemOfSchema } from './answer/schema.ts';
import { parseBaseUrl } from './base-url.ts';

const Part = z.object({ type: z.literal('text'), text: z.string() });
const Message = z.object({
  role: z.enum(['system', 'user', 'assistant']),
  content: z.union([z.string(), z.array(Part)]).describe('Text, whole or in parts.'),
});
const Stop = z.string().min(1).max(LLM_STOP_LENGTH_MAX);

/** What `llm_invoke` takes. */
export const LlmInvokeParams = z
  .object({
    prompt: z.string().min(1).optional().describe('What to ask. Either this or `messages`.'),
    messages: z
      .array(Message)
      .min(1)
      .max(LLM_MESSAGES_MAX)
      .optional()
      .describe('A conversation; messages of the system come first.'),
    system: z.string().optional().describe('What the model is told before all else.'),
    system_prompt: z.string().optional().describe('The older name of `system`.'),
    model: z
      .string()
      .min(1)
      .max(LLM_MODEL_LENGTH_MAX)
      .regex(/^\S*[^\s/]$/, 'must have no spaces, and not end with a slash')
      .optional()
      .describe('`provider/model` or `model`; providers are openai, anthropic and compatible.'),
    base_url: z
      .string()
      .max(HTTP_URL_LENGTH_MAX)
      .refine(isBaseUrl, 'must be an http or https URL without user, query or fragment')
      .optional()
      .describe('An OpenAI-compatible server, called without a key.'),
    max_tokens: z
      .int()
      .min(1)
      .max(LLM_MAX_TOKENS_MAX)
      .default(LLM_MAX_TOKENS_DEFAULT)
      .describe('Bounds the answer, with what a model reasons before it.'),
    temperature: z.number().min(0).max(LLM_TEMPERATURE_MAX).optional(),
    stop: z
      .union([Stop, z.array(Stop).max(LLM_STOP_MAX)])
      .optional()
      .describe('Where the answer ends: one text or several.'),
    json_schema: z
      .record(z.string(), z.unknown())
      .optional()
      .describe('A JSON Schema that the answer must fit; the value is in `json`.'),
  })
  .superRefine((params, context) => {
    const refuse = (message: string, ...path: (string | number)[]): void =>
      context.addIssue({ code: 'custom', message, path });
    if ((params.prompt === undefined) === (params.messages === undefined)) {
      refuse('takes either `prompt` or `messages`');
    }
    const { system, system_prompt: older } = params;
    if (system !== undefined && older !== undefined && system !== older) {
      refuse('differs from `system`, whose older name it is', 'system_prompt');
    }
    const roles = (params.messages ?? []).map(({ role }) => role);
    const afterSystem = roles.slice(roles.findIndex((role) => role !== 'system'));
    if (params.messages !== undefined && roles.every((role) => role === 'system')) {
      refuse('has no message of the user', 'messages');
    } else if (afterSystem.includes('system')) {
      refuse('has a message of the system after another one', 'messages');
    }
    const bytes = textsOf(params).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    if (bytes > LLM_PROMPT_BYTES_MAX) {
      refuse(`has ${bytes} bytes of text, more than ${LLM_PROMPT_BYTES_MAX}`);
    }
    if (params.json_schema === undefined) return;
    const problem = problemOfSchema(params.json_schema as JsonObject);
    if (problem !== undefined) refuse(problem.message, 'json_schema', ...problem.path);
  });
export type LlmInvokeParams = z.infer<typeof LlmInvokeParams>;

/** Checks params again, which are not trusted to have passed the schema. */
export function parseLlmInvokeParams(params: JsonObject): LlmInvokeParams {
  const parsed = LlmInvokeParams.safeParse(params);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.join('.') ?? '';
  const where = place === '' ? 'llm_invoke' : `\`${place}\``;
  throw new AosError('PARAMS_INVALID', `${where}: ${issue?.message ?? 'not valid'}.`);
}

/** The text of a message, whose parts follow each other. */
export const textOf = ({ content }: z.infer<typeof Message>): string =>
  typeof content === 'string' ? content : content.map(({ text }) => text).join('');

const textsOf = ({ prompt, messages, system, system_prompt: older }: LlmInvokeParams): string[] => [
  prompt ?? '',
  system ?? older ?? '',
  ...(messages ?? []).map(textOf),
];

function isBaseUrl(text: string): boolean {
  try {
    return parseBaseUrl(text) !== '';
  } catch {
    return false;
  }
}
