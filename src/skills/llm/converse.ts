import type { Json, JsonObject } from '../../contracts/json.ts';
import { AosError } from '../../contracts/failures.ts';
import type { EgressGuard } from '../egress.ts';
import type { Bill } from './bill.ts';
import { askForRepair } from './conversation.ts';
import { generate } from './generate.ts';
import type { Answer, Generation } from './generate.ts';
import { readJsonAnswer } from './answer/read-json.ts';
import type { PreparedCall } from './prepare-call.ts';
import type { PriceBook } from './prices/price-book.ts';
import { nameOf } from './provider/failures.ts';
import { addressOf } from './target.ts';
import { isVendor } from './provider/provider.ts';
import { openWire } from './provider/wire.ts';
import type { Wire } from './provider/wire.ts';
import { clipLine } from '../wording.ts';

const REFUSAL_LENGTH_MAX = 200;
const PROBLEMS_LENGTH_MAX = 600;

/** What a model said in the end, over one or two requests. */
export interface Conversed {
  answers: Answer[];
  text: string;
  json?: Json;
}

/** What a conversation needs besides its call. */
export interface ConverseDeps {
  guard: EgressGuard;
  prices: PriceBook;
  bill: Bill;
  signal: AbortSignal;
}

/** Starts the requests of a call: one, and one more to repair JSON that does not fit; `stop` ends them all, and lets no other begin. */
export function startConversing(call: PreparedCall, { guard, prices, bill, signal }: ConverseDeps) {
  const { first, schema, firstWorstMicroCents, repairWorstMicroCents } = call;
  const wires: Wire[] = [];
  let isStopped = false;

  async function ask(request: Generation, worstMicroCents: number): Promise<Answer> {
    if (isStopped) throw new AosError('CANCELLED', 'The call was stopped before it was done.');
    const wire = openWire(request.target.provider, guard);
    wires.push(wire);
    const settle = bill.open(worstMicroCents, () => wire.mayBeCharged());
    const answer = await generate(request, wire, signal);
    const cost = answer.usage && prices.actual(addressOf(request.target), answer.usage);
    if (cost !== undefined) settle(cost);
    if (answer.finishReason === 'content-filter') throw contentRefused(request, answer);
    return answer;
  }

  async function converse(): Promise<Conversed> {
    let asked = first;
    const answer = await ask(asked, firstWorstMicroCents).catch((error: unknown) => {
      if (!mayKnowNoSchemas(first, error)) throw error;
      asked = { ...first, json: { kind: 'any' } };
      return ask(asked, firstWorstMicroCents);
    });
    if (schema === undefined) return { answers: [answer], text: answer.text };
    const read = readJsonAnswer(answer.text, schema);
    if (read.ok) return { answers: [answer], text: answer.text, json: read.json };
    // Cut off once, it would be cut off again.
    if (answer.finishReason === 'length') throw cutOff(first);
    const { conversation, maxTokens } = first;
    const repair = askForRepair(conversation, answer.text, read.problems, maxTokens);
    const second = await ask({ ...asked, conversation: repair }, repairWorstMicroCents);
    const again = readJsonAnswer(second.text, schema);
    if (again.ok) return { answers: [answer, second], text: second.text, json: again.json };
    throw second.finishReason === 'length' ? cutOff(first) : outputInvalid(first, again.problems);
  }

  return {
    converse,
    stop() {
      isStopped = true;
      for (const wire of wires) wire.close();
    },
  };
}

/** Some compatible servers refuse a schema and know JSON as such. They charge nothing for the refusal. */
const mayKnowNoSchemas = ({ target, json }: Generation, error: unknown): boolean =>
  json?.kind === 'schema' &&
  !isVendor(target.provider) &&
  error instanceof AosError &&
  error.failure.code === 'PROVIDER_REFUSED' &&
  [400, 422].includes(error.failure.upstream_status ?? 0);

function contentRefused({ target }: Generation, { text }: Answer): AosError {
  const { provider } = target;
  const said = clipLine(text, REFUSAL_LENGTH_MAX);
  const message = `${nameOf(provider)} refused, or cut its answer off, for reasons of content`;
  return new AosError('CONTENT_REFUSED', said === '' ? `${message}.` : `${message}: ${said}`);
}

const cutOff = ({ maxTokens }: Generation): AosError =>
  new AosError(
    'MODEL_OUTPUT_INVALID',
    `The answer was cut off at ${maxTokens} tokens, so it is no whole JSON. Raise \`max_tokens\`.`,
  );

function outputInvalid({ target }: Generation, problems: readonly string[]): AosError {
  const told = clipLine(problems.join('; '), PROBLEMS_LENGTH_MAX);
  return new AosError(
    'MODEL_OUTPUT_INVALID',
    `The model \`${target.model}\` gave no JSON that fits \`json_schema\`, also when asked again: ${told}. ` +
      'Make the schema simpler, or name a stronger model.',
  );
}

/** The part of a conversation's usage that its output shows; absent when an answer came without. */
export function usageOf(answers: readonly Answer[]): JsonObject | undefined {
  const usages = answers.map(({ usage }) => usage);
  if (usages.includes(undefined)) return undefined;
  const sum = (of: (usage: NonNullable<Answer['usage']>) => number): number =>
    usages.reduce((total, usage) => total + (usage === undefined ? 0 : of(usage)), 0);
  const cached = sum(({ cacheRead }) => cacheRead);
  const reasoning = answers.reduce((total, { reasoningTokens = 0 }) => total + reasoningTokens, 0);
  return {
    input_tokens: sum(({ input }) => input),
    output_tokens: sum(({ output }) => output),
    ...(cached > 0 && { cached_input_tokens: cached }),
    ...(reasoning > 0 && { reasoning_tokens: reasoning }),
  };
}
