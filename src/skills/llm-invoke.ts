import type { Json } from '../contracts/json.ts';
import { centsFromMicroCents } from '../contracts/money.ts';
import type { SkillFailure } from '../contracts/skill.ts';
import { createEgressGuard } from './egress.ts';
import type { EgressGuard } from './egress.ts';
import { hostOf, portOf } from './http/address.ts';
import { withinTime } from './http/deadline.ts';
import { toSkillFailure } from './http/failures.ts';
import { openBill } from './llm/bill.ts';
import type { Bill } from './llm/bill.ts';
import { createLlmContract } from './llm/contract.ts';
import { startConversing, usageOf } from './llm/converse.ts';
import type { Conversed } from './llm/converse.ts';
import { createPlaces } from './llm/provider/places.ts';
import { prepareCall } from './llm/prepare-call.ts';
import { nameOf } from './llm/provider/failures.ts';
import type { Provider } from './llm/provider/provider.ts';
import type { LlmSettings } from './llm/settings.ts';
import type { Target } from './llm/target.ts';
import { clipLine, hideSecrets } from './wording.ts';
import type { Skill, SkillCall } from './skill.ts';

const MESSAGE_LENGTH_MAX = 1000;

/** What the skill is made of. */
export interface LlmInvokeDeps {
  settings: LlmSettings;
  /** Guards the servers that plans name; an operator's base URL is allowed by being set. */
  egress: EgressGuard;
}

/** Creates the skill `llm_invoke`: one question to a language model, priced, bounded and checked. */
export function createLlmInvoke({ settings, egress }: LlmInvokeDeps): Skill {
  const { providers, prices, concurrency } = settings;
  const places = createPlaces(concurrency);
  const guards = new Map(providers.map((provider) => [provider.name, guardOf(provider)]));
  const keys = providers.flatMap(({ apiKey }) => (apiKey === undefined ? [] : [apiKey]));

  async function perform(call: SkillCall, bill: Bill): Promise<Json> {
    const startedAt = performance.now();
    const elapsedMs = (): number => Math.round(performance.now() - startedAt);
    const prepared = prepareCall(call.params, settings);
    const { target } = prepared.first;
    const { provider } = target;
    // A slow server of one tenant's plan takes no place from another's.
    const place = provider.name === 'plan' ? `plan/${call.tenantId}` : provider.name;
    const leave = await places.take(place, call);
    const guard = guards.get(provider.name) ?? egress;
    const conversing = startConversing(prepared, { guard, prices, bill, signal: call.signal });
    try {
      const timeoutMs = Math.max(1, call.timeoutMs - elapsedMs());
      const within = { signal: call.signal, timeoutMs };
      const conversed = await withinTime(within, nameOf(provider), conversing.converse);
      return toOutput(conversed, target, bill, elapsedMs());
    } finally {
      conversing.stop();
      leave();
    }
  }

  return {
    contract: createLlmContract(settings),
    worstCaseMicroCents(params) {
      try {
        const call = prepareCall(params, settings);
        return call.firstWorstMicroCents + call.repairWorstMicroCents;
      } catch {
        // The call will be refused for the same reason, before a packet is sent.
        return 0;
      }
    },
    isIdempotent: () => true,
    timeoutMs: () => undefined,
    async call(call) {
      const bill = openBill();
      try {
        const output = await perform(call, bill);
        return { ok: true, output, usage: bill.usage() };
      } catch (error) {
        return { ok: false, failure: toFailure(error, keys), usage: bill.usage() };
      }
    },
  };
}

/** Lets through the operator's own base URL wherever it leads, and nothing else that is not public. */
function guardOf({ baseUrl }: Provider): EgressGuard {
  const url = new URL(baseUrl);
  const port = portOf(url);
  return createEgressGuard({
    allow: [{ host: hostOf(url.hostname), portFrom: port, portTo: port }],
  });
}

function toOutput(
  { answers, text, json }: Conversed,
  { provider, model }: Target,
  bill: Bill,
  durationMs: number,
): Json {
  const last = answers.at(-1)!;
  const usage = usageOf(answers);
  const { cost_micro_cents: cost, presumed } = bill.usage();
  const warnings = [...new Set(answers.flatMap((answer) => answer.warnings))];
  return {
    text,
    ...(json !== undefined && { json }),
    finish_reason: last.finishReason,
    model,
    provider: provider.name,
    ...(usage !== undefined && { usage }),
    cost_cents: centsFromMicroCents(cost),
    ...(presumed === true && { cost_presumed: true }),
    ...(answers.length > 1 && { repaired: true }),
    ...(warnings.length > 0 && { warnings }),
    duration_ms: durationMs,
  };
}

/** The one way out for words from outside, which may repeat a part of a key. */
function toFailure(error: unknown, keys: readonly string[]): SkillFailure {
  const failure = toSkillFailure(error, 'llm_invoke');
  return { ...failure, message: clipLine(hideSecrets(failure.message, keys), MESSAGE_LENGTH_MAX) };
}
