import { textOf } from './params.ts';
import type { LlmInvokeParams } from './params.ts';
import type { JsonObject } from '../../contracts/json.ts';

/** What a model is told and asked; the system's part comes first. */
export interface Conversation {
  system: string;
  turns: readonly Turn[];
}

interface Turn {
  role: 'user' | 'assistant';
  text: string;
}

/** Tokens that a server may add to a message, and to a call, by its template. */
const MESSAGE_TOKENS = 16;
const CALL_TOKENS = 512;
/** Tokens with which a provider explains a schema to its model, beside the schema. */
const SCHEMA_TOKENS = 1024;
/** A provider may write a schema out in another notation. */
const SCHEMA_COPIES = 2;
/** The answer that is sent back for repair is cut to so many tokens for each that it could have. */
const REPAIRED_TOKENS_FACTOR = 4;
const REPAIR_PROBLEMS_TOKENS = 4096;
/** Characters of a text that are written out once only; others each time that they come. */
const KNOWN_CHARACTERS_MAX = 1000;

/** The conversation that the params describe. */
export function toConversation(params: LlmInvokeParams): Conversation {
  const { prompt, messages = [], system, system_prompt: older } = params;
  const systems = messages.filter(({ role }) => role === 'system').map(textOf);
  const turns = messages.flatMap((message): Turn[] =>
    message.role === 'system' ? [] : [{ role: message.role, text: textOf(message) }],
  );
  return {
    system: [system ?? older ?? '', ...systems].filter((text) => text !== '').join('\n\n'),
    turns: prompt === undefined ? turns : [{ role: 'user', text: prompt }],
  };
}

/** The same, with the schema told to the model in words. */
export function askForJson({ system, turns }: Conversation, schema: JsonObject): Conversation {
  const instruction =
    'Answer with one JSON value and nothing else: no explanation, no code fence. ' +
    `It must be valid against this JSON Schema:\n${JSON.stringify(schema)}`;
  return { system: system === '' ? instruction : `${system}\n\n${instruction}`, turns };
}

/** The same, with an answer that broke the schema sent back. */
export function askForRepair(
  { system, turns }: Conversation,
  answer: string,
  problems: readonly string[],
  maxTokens: number,
): Conversation {
  const cut = cutToTokens(answer.trim(), maxTokens * REPAIRED_TOKENS_FACTOR);
  const complaint = cutToTokens(problems.join('\n'), REPAIR_PROBLEMS_TOKENS / 2);
  const request = `This answer is not valid:\n${complaint}\nAnswer again with the whole corrected JSON value and nothing else.`;
  const repair: Turn[] = [
    // A message without text is refused by some providers.
    { role: 'assistant', text: cut === '' ? '(nothing)' : cut },
    { role: 'user', text: request },
  ];
  return { system, turns: [...turns, ...repair] };
}

/** No tokenizer makes more tokens of a conversation: each token stands for at least one byte. */
export function inputTokensMax({ system, turns }: Conversation, schema?: JsonObject): number {
  const texts = [system, ...turns.map(({ text }) => text)];
  const told = texts.reduce((sum, text) => sum + MESSAGE_TOKENS + tokensMaxOf(text), CALL_TOKENS);
  if (schema === undefined) return told;
  return told + SCHEMA_TOKENS + SCHEMA_COPIES * tokensMaxOf(JSON.stringify(schema));
}

/** What the request for repair can add to the input of the first call. */
export const repairTokensMax = (maxTokens: number): number =>
  2 * MESSAGE_TOKENS + maxTokens * REPAIRED_TOKENS_FACTOR + REPAIR_PROBLEMS_TOKENS;

/** Some tokenizers first write characters out by compatibility (NFKC), which can make eleven times as many bytes. */
function tokensMaxOf(text: string): number {
  if (Buffer.byteLength(text) === text.length) return text.length;
  const known = new Map<string, number>();
  let tokens = 0;
  for (const character of text) {
    const counted = known.get(character) ?? tokensMaxOfCharacter(character);
    if (known.size < KNOWN_CHARACTERS_MAX) known.set(character, counted);
    tokens += counted;
  }
  return tokens;
}

/** NFKC puts together again what NFKD takes apart, never with more bytes; by the character, as on a text it can be quadratic. */
function tokensMaxOfCharacter(character: string): number {
  if (character < '\u0080') return 1;
  const bytes = Buffer.byteLength(character);
  // A syllable of Hangul is always put together again.
  if (character >= '\uac00' && character <= '\ud7a3') return bytes;
  return Math.max(bytes, Buffer.byteLength(character.normalize('NFKD')));
}

function cutToTokens(text: string, tokensMax: number): string {
  let tokens = 0;
  let length = 0;
  for (const character of text) {
    tokens += tokensMaxOfCharacter(character);
    if (tokens > tokensMax) break;
    length += character.length;
  }
  return text.slice(0, length);
}
