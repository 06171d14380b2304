import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config.ts';
import type { Environment } from '../../src/config.ts';
import type { Json, JsonObject } from '../../src/contracts/json.ts';
import { LLM_RESPONSE_BYTES_MAX } from '../../src/contracts/limits.ts';
import type { SkillResult } from '../../src/contracts/skill.ts';
import { createEgressGuard, parseEgressAllow } from '../../src/skills/egress.ts';
import { createLlmInvoke } from '../../src/skills/llm-invoke.ts';
import type { Skill, SkillCall } from '../../src/skills/skill.ts';
import { viewSkill } from '../../src/skills/view-skill.ts';
import { callSkill, failureOf } from '../support/call-skill.ts';
import { startScriptedProvider } from '../support/scripted-provider.ts';
import type { Reply, ScriptedProvider } from '../support/scripted-provider.ts';

const OPENAI_KEY = 'sk-proj-Zq8Xw3Rt6Yp1Lk9Mn4Bv7Cd2';
const ANTHROPIC_KEY = 'sk-ant-api03-Hj5Kd8Fs2Gn7Vb4Qx9Wz';
const LOCAL_KEY = 'local-Tf6Yh1Uj8Ik3Ol5Pz';
const KEYS = [OPENAI_KEY, ANTHROPIC_KEY, LOCAL_KEY];
const SCHEMA = {
  type: 'object',
  properties: { city: { type: 'string' }, size: { type: 'integer' } },
  required: ['city'],
  additionalProperties: false,
};

let provider: ScriptedProvider;
let skill: Skill;
/** What was logged or thrown about: no key may be in it. */
const told: string[] = [];

beforeAll(async () => {
  provider = await startScriptedProvider();
  skill = skillOf({});
});
afterAll(() => provider.stop());
afterEach(() => {
  provider.script({});
  provider.seen.length = 0;
});

const envOf = (): Environment => ({
  OPENAI_API_KEY: OPENAI_KEY,
  OPENAI_BASE_URL: provider.url,
  ANTHROPIC_API_KEY: ANTHROPIC_KEY,
  ANTHROPIC_BASE_URL: provider.origin,
  AOS_LLM_BASE_URL: provider.url,
  AOS_LLM_API_KEY: LOCAL_KEY,
  AOS_LLM_PRICES: 'compatible/*=10/20,plan/*=1/1,compatible/free=0/0',
});

const skillOf = (env: Environment, allow = ''): Skill =>
  createLlmInvoke({
    settings: readConfig({ ...envOf(), ...env }).llm,
    egress: createEgressGuard({ allow: parseEgressAllow(allow) }),
  });

async function ask(params: JsonObject, more: Partial<SkillCall> = {}): Promise<SkillResult> {
  const result = await callSkill(skill, params, more);
  told.push(JSON.stringify(result));
  return result;
}

async function answerOf(params: JsonObject): Promise<JsonObject> {
  const result = await ask(params);
  if (!result.ok) throw new Error(result.failure.message);
  return result.output as JsonObject;
}

const failed = (failure: object, usage: object = { cost_micro_cents: 0 }): unknown =>
  expect.objectContaining({
    ok: false,
    failure: expect.objectContaining(failure) as unknown,
    usage,
  });

/** The usage of a call of which nobody knows what it cost. */
const presumed = (params: JsonObject) => ({
  cost_micro_cents: skill.worstCaseMicroCents(params),
  presumed: true,
});
const lastBody = (): JsonObject => provider.seen.at(-1)!.body;

const MODELS = ['openai/gpt-4.1-mini', 'anthropic/claude-haiku-4-5', 'compatible/llama3'];
/** Micro-cents per token in and out. */
const RATES: Record<string, [number, number]> = {
  'openai/gpt-4.1-mini': [40, 160],
  'anthropic/claude-haiku-4-5': [100, 500],
  'compatible/llama3': [10, 20],
};

/** Tokens as every endpoint would report them. */
const toDialects = (input: number, output: number) => ({
  prompt_tokens: input,
  completion_tokens: output,
  input_tokens: input,
  output_tokens: output,
});

describe('a question', () => {
  test.each(MODELS)('goes to %s and comes back with its usage and its cost', async (model) => {
    provider.script({ text: 'Blue.', tokens: { input: 21, output: 4 } });
    const [name, bare] = model.split('/');
    const [inRate, outRate] = RATES[model]!;
    const result = await ask({ model, prompt: 'Which colour?', system: 'Be brief.' });
    expect(result).toEqual({
      ok: true,
      output: {
        text: 'Blue.',
        finish_reason: 'stop',
        model: bare,
        provider: name,
        usage: { input_tokens: 21, output_tokens: 4 },
        cost_cents: (21 * inRate + 4 * outRate) / 1e6,
        duration_ms: expect.any(Number),
      },
      usage: { cost_micro_cents: 21 * inRate + 4 * outRate },
    });
    expect(provider.seen).toHaveLength(1);
    expect(JSON.stringify(lastBody())).toContain('Be brief.');
    expect(JSON.stringify(lastBody())).toContain('Which colour?');
    expect(lastBody()).toMatchObject({ model: bare, max_tokens: 1024 });
    expect(skill.contract.output.safeParse(result.ok && result.output).success).toBe(true);
  });

  test('carries the key of its provider alone, and no trace', async () => {
    const headersOf = async (params: JsonObject): Promise<string> => {
      await ask({ prompt: 'a', ...params }, { traceparent: '00-aaaa-bbbb-01' });
      return JSON.stringify(provider.seen.at(-1)!.headers);
    };
    const sent = [await headersOf({ model: MODELS[0]! }), await headersOf({ model: MODELS[1]! })];
    sent.push(await headersOf({ model: MODELS[2]! }));
    for (const [at, headers] of sent.entries()) {
      expect(KEYS.map((key) => headers.includes(key))).toEqual(KEYS.map((_, n) => n === at));
      expect(headers).not.toContain('traceparent');
      expect(headers).not.toContain('00-aaaa');
    }
  });

  test('carries its settings', async () => {
    const settings = { max_tokens: 7, temperature: 0.5, stop: ['END', 'STOP'] };
    await ask({ prompt: 'a', ...settings });
    expect(lastBody()).toMatchObject(settings);
    await ask({ prompt: 'a', model: MODELS[1]!, ...settings, stop: 'END' });
    expect(lastBody()).toMatchObject({ max_tokens: 7, temperature: 0.5, stop_sequences: ['END'] });
    await ask({ prompt: 'a', model: 'gpt-5-mini', max_tokens: 7 });
    expect(lastBody()).toMatchObject({ max_completion_tokens: 7 });
  });

  test('may be a conversation', async () => {
    const messages = [
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Yes?' },
      { role: 'user', content: [{ type: 'text', text: 'Go on.' }] },
    ];
    await ask({ messages });
    expect(lastBody()['messages']).toEqual([
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Yes?' },
      { role: 'user', content: 'Go on.' },
    ]);
  });

  test('to a model that OpenAI serves by its other API goes there', async () => {
    const output = await answerOf({ prompt: 'a', model: 'gpt-5-pro', max_tokens: 9 });
    expect(provider.seen[0]!.path).toBe('/v1/responses');
    expect(lastBody()).toMatchObject({ max_output_tokens: 9 });
    expect(output).toMatchObject({ text: 'Hello.', usage: { input_tokens: 10, output_tokens: 5 } });
    expect(await ask({ prompt: 'a', model: 'gpt-5-pro', stop: 'x' })).toEqual(
      failed({ code: 'PARAMS_INVALID' }),
    );
  });

  test('settles what was cached at its own price', async () => {
    provider.script({ tokens: { input: 1000, output: 10, cached: 600 } });
    const output = await answerOf({ prompt: 'a' });
    expect(output['usage']).toEqual({
      input_tokens: 1000,
      output_tokens: 10,
      cached_input_tokens: 600,
    });
    expect(output['cost_cents']).toBe((400 * 40 + 600 * 10 + 10 * 160) / 1e6);
    provider.script({ tokens: { input: 1000, output: 10, cached: 600, written: 300 } });
    const claude = await answerOf({ prompt: 'a', model: MODELS[1]! });
    expect(claude['cost_cents']).toBe((100 * 100 + 600 * 10 + 300 * 125 + 10 * 500) / 1e6);
  });

  test('is told of settings that its model does not have', async () => {
    const output = await answerOf({ prompt: 'a', model: 'gpt-5-mini', temperature: 1 });
    expect(output['warnings']).toEqual(['temperature is not supported for reasoning models']);
    expect(lastBody()['temperature']).toBeUndefined();
  });

  test('that is answered up to the limit says so', async () => {
    provider.script({ text: 'Once upon', finish: 'length' });
    expect(await answerOf({ prompt: 'a' })).toMatchObject({
      text: 'Once upon',
      finish_reason: 'length',
    });
  });

  test('may be answered in a content coding', async () => {
    const body = { choices: [{ index: 0, message: { content: 'zipped' }, finish_reason: 'stop' }] };
    provider.script({
      raw(response) {
        response.writeHead(200, { 'content-encoding': 'gzip' });
        response.end(gzipSync(JSON.stringify(body)));
      },
    });
    expect(await answerOf({ prompt: 'a' })).toMatchObject({ text: 'zipped' });
  });
});

describe('the money', () => {
  test('that is held is the bytes of the prompt as tokens and max_tokens, and more for a repair', () => {
    const worst = (params: JsonObject) => skill.worstCaseMicroCents(params);
    const base = worst({ prompt: 'a', max_tokens: 100 });
    expect(base).toBeGreaterThan(100 * 160);
    expect(base).toBeLessThan(100 * 160 + 1000 * 40);
    expect(worst({ prompt: 'a', max_tokens: 101 }) - base).toBe(160);
    expect(worst({ prompt: 'aø', max_tokens: 100 }) - base).toBe(2 * 40);
    expect(worst({ prompt: 'a', max_tokens: 100, system: 'abc' }) - base).toBe(3 * 40);
    const checked = worst({ prompt: 'a', max_tokens: 100, json_schema: SCHEMA });
    expect(checked).toBeGreaterThan(2 * base + 400 * 40);
  });

  test('of a model without a price is never held, and the call refused before a packet', async () => {
    const params = { prompt: 'a', model: 'openai/gpt-99' };
    expect(skill.worstCaseMicroCents(params)).toBe(0);
    expect(await ask(params)).toEqual(
      failed({
        code: 'MODEL_PRICE_UNKNOWN',
        message: expect.stringContaining('openai/gpt-99=INPUT_CENTS/OUTPUT_CENTS'),
      }),
    );
    expect(provider.seen).toEqual([]);
  });

  test('is nothing where the operator has said so', async () => {
    const params = { prompt: 'a', model: 'compatible/free' };
    expect(skill.worstCaseMicroCents(params)).toBe(0);
    expect(await ask(params)).toMatchObject({ ok: true, usage: { cost_micro_cents: 0 } });
  });

  test.each<[string, Json | undefined]>([
    ['is missing', undefined],
    ['is null', null],
    ['is empty', {}],
    ['has no output', { prompt_tokens: 10, input_tokens: 10 }],
    ['has no input', { completion_tokens: 10, output_tokens: 10 }],
    ['is all zero', { prompt_tokens: 0, completion_tokens: 0, input_tokens: 0, output_tokens: 0 }],
    [
      'is negative',
      { prompt_tokens: -10, completion_tokens: 5, input_tokens: -10, output_tokens: 5 },
    ],
    [
      'is a text',
      { prompt_tokens: '10', completion_tokens: '5', input_tokens: '10', output_tokens: '5' },
    ],
    [
      'has fractions',
      { prompt_tokens: 1.5, completion_tokens: 5, input_tokens: 1.5, output_tokens: 5 },
    ],
    [
      'is absurd',
      { prompt_tokens: 1e9, completion_tokens: 5, input_tokens: 1e9, output_tokens: 5 },
    ],
    [
      'has caches that are more than all',
      {
        prompt_tokens: 10,
        completion_tokens: 5,
        prompt_tokens_details: { cached_tokens: 11 },
        input_tokens: 0,
        output_tokens: 5,
      },
    ],
    ['has no output beside a text', { ...toDialects(10, 0), total_tokens: 10 }],
    [
      'has more reasoning than output, and no total to explain it',
      {
        ...toDialects(10, 5),
        completion_tokens_details: { reasoning_tokens: 6 },
        output_tokens_details: { thinking_tokens: 6 },
      },
    ],
  ])('is presumed when the usage %s', async (_what, usage) => {
    for (const model of MODELS) {
      const params = { prompt: 'a', model };
      provider.script({ text: 'Hello.', usage });
      const result = await ask(params);
      expect({ model, ...result }).toMatchObject({
        ok: true,
        output: { text: 'Hello.', cost_presumed: true },
        usage: presumed(params),
      });
      expect(result.ok && (result.output as JsonObject)['usage']).toBeUndefined();
    }
  });

  test('of reasoning that only the total counts is settled as output', async () => {
    const usage = {
      prompt_tokens: 32,
      completion_tokens: 9,
      total_tokens: 135,
      completion_tokens_details: { reasoning_tokens: 94 },
    };
    for (const model of ['openai/gpt-4.1-mini', 'compatible/llama3']) {
      const [inRate, outRate] = RATES[model]!;
      provider.script({ usage });
      expect(await ask({ prompt: 'a', model })).toMatchObject({
        ok: true,
        output: { usage: { input_tokens: 32, output_tokens: 103, reasoning_tokens: 94 } },
        usage: { cost_micro_cents: 32 * inRate + 103 * outRate },
      });
    }
  });

  test('is settled by what a total that is too small leaves as it was', async () => {
    provider.script({ usage: { prompt_tokens: 32, completion_tokens: 9, total_tokens: 9 } });
    expect((await ask({ prompt: 'a' })).usage).toEqual({ cost_micro_cents: 32 * 40 + 9 * 160 });
  });

  test.each<[string, JsonObject]>([
    ['gpt-4.1-mini', { prompt_tokens: 32, input_tokens: 32, output_tokens: 900 }],
    ['compatible/llama3', { prompt_tokens: 32, input_tokens: 32, output_tokens: 900 }],
    ['compatible/llama3', { input_tokens: 32, output_tokens: 900 }],
    ['gpt-5-pro', { input_tokens: 32, prompt_tokens: 32, completion_tokens: 900 }],
    ['anthropic/claude-haiku-4-5', { prompt_tokens: 32, completion_tokens: 900 }],
  ])('of %s is presumed when %j speaks of another endpoint', async (model, usage) => {
    const params = { prompt: 'a', model };
    provider.script({ usage });
    expect((await ask(params)).usage).toEqual(presumed(params));
  });

  test('that was used beyond what was asked is told as it is', async () => {
    provider.script({ tokens: { input: 50_000, output: 3000 } });
    const params = { prompt: 'a', max_tokens: 10 };
    const result = await ask(params);
    expect(result.usage).toEqual({ cost_micro_cents: 50_000 * 40 + 3000 * 160 });
    expect(result.usage.cost_micro_cents).toBeGreaterThan(skill.worstCaseMicroCents(params));
  });
});

describe('a provider that refuses', () => {
  const complaint = (error: JsonObject): Json => ({ error });

  test.each<[string, number, Json, string]>([
    [
      'the key',
      401,
      complaint({
        code: 'invalid_api_key',
        message: `Incorrect API key provided: ${OPENAI_KEY.slice(0, 12)}****.`,
      }),
      'PROVIDER_KEY_REFUSED',
    ],
    [
      'the key by a type',
      401,
      complaint({ type: 'authentication_error', message: 'invalid x-api-key' }),
      'PROVIDER_KEY_REFUSED',
    ],
    [
      'the key by its permission',
      403,
      complaint({ type: 'permission_error', message: 'no' }),
      'PROVIDER_KEY_REFUSED',
    ],
    [
      'the key with a 400',
      400,
      complaint({ message: 'API key not valid. Please pass one.' }),
      'PROVIDER_KEY_REFUSED',
    ],
    [
      'the model',
      404,
      complaint({ code: 'model_not_found', message: 'The model `x` does not exist' }),
      'MODEL_NOT_FOUND',
    ],
    [
      'the model by a type',
      404,
      complaint({ type: 'not_found_error', message: 'model: x' }),
      'MODEL_NOT_FOUND',
    ],
    [
      'the model for this key',
      403,
      complaint({ code: 'model_not_found', message: 'no access' }),
      'MODEL_NOT_FOUND',
    ],
    ['a path', 404, 'page not found', 'PROVIDER_REFUSED'],
    [
      'the length',
      400,
      complaint({ code: 'context_length_exceeded', message: 'too long' }),
      'CONTEXT_TOO_LONG',
    ],
    [
      'the length in words',
      400,
      complaint({
        type: 'invalid_request_error',
        message: 'prompt is too long: 200001 tokens > 200000 maximum',
      }),
      'CONTEXT_TOO_LONG',
    ],
    [
      'length and max_tokens',
      400,
      complaint({ message: 'input length and `max_tokens` exceed context limit' }),
      'CONTEXT_TOO_LONG',
    ],
    [
      'the length as llama.cpp',
      400,
      complaint({ code: 400, type: 'exceed_context_size_error', message: 'x' }),
      'CONTEXT_TOO_LONG',
    ],
    ['the size', 413, complaint({ type: 'request_too_large', message: 'x' }), 'CONTEXT_TOO_LONG'],
    [
      'the content',
      400,
      complaint({ code: 'content_filter', message: 'filtered' }),
      'CONTENT_REFUSED',
    ],
    [
      'the content in words',
      400,
      complaint({ message: 'Output blocked by content filtering policy' }),
      'CONTENT_REFUSED',
    ],
    [
      'for want of money',
      429,
      complaint({ code: 'insufficient_quota', type: 'insufficient_quota', message: 'x' }),
      'PROVIDER_QUOTA_EXHAUSTED',
    ],
    [
      'for want of credit',
      400,
      complaint({ message: 'Your credit balance is too low' }),
      'PROVIDER_QUOTA_EXHAUSTED',
    ],
    [
      'until it is paid',
      402,
      complaint({ message: 'Payment Required' }),
      'PROVIDER_QUOTA_EXHAUSTED',
    ],
    [
      'at this rate',
      429,
      complaint({ code: 'rate_limit_exceeded', message: 'Slow down' }),
      'PROVIDER_RATE_LIMITED',
    ],
    [
      'for its load',
      529,
      complaint({ type: 'overloaded_error', message: 'Overloaded' }),
      'PROVIDER_OVERLOADED',
    ],
    ['while it is away', 503, '', 'PROVIDER_OVERLOADED'],
    ['for a fault of its own', 500, '', 'PROVIDER_FAILED'],
    ['in a bad gateway', 502, '<html>', 'PROVIDER_FAILED'],
    [
      'for anything else',
      400,
      complaint({ message: 'temperature must be at most 1' }),
      'PROVIDER_REFUSED',
    ],
    ['in a list', 400, [complaint({ message: 'prompt is too long' })], 'CONTEXT_TOO_LONG'],
    ['in a bare text', 400, { error: 'prompt is too long' }, 'CONTEXT_TOO_LONG'],
  ])('%s (%d) is told so, and costs nothing', async (_what, status, body, code) => {
    for (const model of MODELS) {
      provider.script({ status, body });
      expect({ model, ...(await ask({ prompt: 'a', model })) }).toMatchObject(
        failed({ code, upstream_status: status }) as object,
      );
    }
    expect(provider.seen).toHaveLength(MODELS.length);
  });

  test('says what it complains of, cut and without what looks like a key', async () => {
    const message = `Bad temperature\u0000 near ${OPENAI_KEY.slice(4, 20)} and sk-other-12345678. ${'x'.repeat(2000)}`;
    provider.script({ status: 400, body: { error: { message } } });
    const result = await ask({ prompt: 'a' });
    if (result.ok) throw new Error('it was answered');
    expect(result.failure.message).toMatch(
      /^The provider `openai` answered 400: Bad temperature near \[hidden\] and \[hidden\] x{50}/,
    );
    expect(result.failure.message.length).toBeLessThan(300);
  });

  test.each<[Record<string, string>, number | undefined]>([
    [{}, undefined],
    [{ 'retry-after': '7' }, 7000],
    [{ 'retry-after': '1.5' }, 1500],
    [{ 'retry-after-ms': '250' }, 250],
    [{ 'retry-after-ms': '250', 'retry-after': '7' }, 250],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '-1' }, undefined],
  ])('says when to come back with %j', async (headers, expected) => {
    for (const status of [429, 503, 529]) {
      provider.script({ status, headers });
      const result = await ask({ prompt: 'a' });
      expect(result).toMatchObject({ ok: false, failure: { retryable: true } });
      expect(result.ok ? 0 : result.failure.retry_after_ms).toBe(expected);
    }
  });

  test('says when to come back by a date', async () => {
    const date = new Date(Date.now() + 60_000).toUTCString();
    provider.script({ status: 429, headers: { 'retry-after': date } });
    const result = await ask({ prompt: 'a' });
    const ms = result.ok ? 0 : result.failure.retry_after_ms!;
    expect(ms).toBeGreaterThan(30_000);
    expect(ms).toBeLessThanOrEqual(60_000);
  });

  test.each([301, 302, 307, 308])(
    'to answer and redirects (%d) is not followed',
    async (status) => {
      provider.script({ status, headers: { location: `${provider.origin}/elsewhere` } });
      expect(await ask({ prompt: 'a' })).toEqual(
        failed({ code: 'REDIRECT_REFUSED', upstream_status: status }),
      );
      expect(provider.seen).toHaveLength(1);
    },
  );

  test.each<[string, Reply]>([
    ['its answer', { refusal: 'I cannot help with that.' }],
    ['and filters', { text: 'I can', finish: 'content_filter' }],
  ])('%s has done so at a price', async (_what, reply) => {
    for (const model of MODELS) {
      provider.script(reply);
      const [inRate, outRate] = RATES[model]!;
      expect(await ask({ prompt: 'a', model })).toEqual(
        failed(
          { code: 'CONTENT_REFUSED', retryable: false },
          { cost_micro_cents: 10 * inRate + 5 * outRate },
        ),
      );
    }
    provider.script({ refusal: 'I cannot help with that.' });
    const pro = await ask({ prompt: 'a', model: 'gpt-5-pro' });
    expect(pro).toMatchObject({
      ok: false,
      failure: { code: 'CONTENT_REFUSED', message: expect.stringContaining('I cannot help') },
    });
  });
});

describe('a provider that fails', () => {
  const half = (status = 200): Reply => ({
    raw(response) {
      response.writeHead(status, { 'content-length': '1000' });
      response.write('{"choices":[');
      setImmediate(() => response.destroy());
    },
  });

  test.each<[string, Reply, string]>([
    ['breaks off in the middle', half(), 'PROVIDER_FAILED'],
    [
      'breaks off before its answer',
      { raw: (response) => void response.destroy() },
      'PROVIDER_FAILED',
    ],
    ['sends no JSON', { status: 200, body: '{"choices":[' }, 'PROVIDER_FAILED'],
    ['sends nothing', { status: 200, body: '' }, 'PROVIDER_FAILED'],
    ['sends another JSON', { status: 200, body: { object: 'list' } }, 'PROVIDER_FAILED'],
    ['sends no choices', { status: 200, body: { choices: [], content: 3 } }, 'PROVIDER_FAILED'],
    [
      'sends an error as success',
      { status: 200, body: { error: { message: 'x' } } },
      'PROVIDER_FAILED',
    ],
    ['nests without end', { status: 200, body: '{"usage":'.repeat(100_000) }, 'PROVIDER_FAILED'],
    ['sends events', { status: 200, body: 'data: {}\n\n' }, 'PROVIDER_FAILED'],
    [
      'lies about its coding',
      { status: 200, body: 'x', headers: { 'content-encoding': 'gzip' } },
      'PROVIDER_FAILED',
    ],
    ['gave up in a gateway', { status: 504, body: '' }, 'PROVIDER_FAILED'],
    ['gave up in another gateway', { status: 524, body: '' }, 'PROVIDER_FAILED'],
    ['gave up waiting', { status: 408, body: '' }, 'PROVIDER_FAILED'],
    [
      'states too large an answer',
      {
        raw: (response) =>
          void response
            .writeHead(200, { 'content-length': String(LLM_RESPONSE_BYTES_MAX + 1) })
            .write('{'),
      },
      'RESPONSE_TOO_LARGE',
    ],
  ])('and %s may have worked for it: the worst case is presumed', async (_how, reply, code) => {
    for (const model of MODELS) {
      const params = { prompt: 'a', model };
      provider.script(reply);
      expect({ model, ...(await ask(params)) }).toMatchObject(
        failed({ code }, presumed(params)) as object,
      );
    }
  });

  test('and breaks off a refusal has refused all the same', async () => {
    provider.script(half(500));
    expect(await ask({ prompt: 'a' })).toEqual(
      failed({ code: 'PROVIDER_FAILED', upstream_status: 500 }),
    );
  });

  test('with an endless answer is read to a bound', async () => {
    provider.script({
      raw(response) {
        response.writeHead(200);
        const chunk = Buffer.alloc(256 * 1024, ' ');
        const more = (): void => {
          while (!response.destroyed && response.write(chunk));
        };
        response.on('drain', more);
        more();
      },
    });
    const params = { prompt: 'a' };
    expect(await ask(params)).toEqual(
      failed({ code: 'RESPONSE_TOO_LARGE', retryable: false }, presumed(params)),
    );
  });

  test('with a bomb of a content coding is read to a bound', async () => {
    provider.script({
      raw(response) {
        response.writeHead(200, { 'content-encoding': 'gzip' });
        response.end(gzipSync(Buffer.alloc(LLM_RESPONSE_BYTES_MAX + 1, ' ')));
      },
    });
    expect(await failureOf(ask({ prompt: 'a' }))).toBe('RESPONSE_TOO_LARGE');
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ['says nothing', () => undefined],
    ['drips', (response) => void response.writeHead(200).write('{')],
  ])('and %s when the time of the call is over may have worked for it', async (_how, say) => {
    const time = new AbortController();
    provider.script({
      raw(response) {
        say(response);
        time.abort(new DOMException('Too late', 'TimeoutError'));
      },
    });
    const params = { prompt: 'a' };
    expect(await ask(params, { signal: time.signal })).toEqual(
      failed({ code: 'TIMEOUT', retryable: true }, presumed(params)),
    );
  });

  test('and says nothing is waited for no longer than the call has, whoever keeps the time', async () => {
    // A server of its own: what it hears late is no question of another test.
    const silent = await startScriptedProvider();
    silent.script({ raw: () => undefined });
    const skill = skillOf({ OPENAI_BASE_URL: silent.url });
    const answer = callSkill(skill, { prompt: 'a' }, { timeoutMs: 100 });
    expect(await failureOf(answer)).toBe('TIMEOUT');
    await silent.stop();
  });

  test('and is left by a cancel may have worked for it', async () => {
    const controller = new AbortController();
    const params = { prompt: 'a' };
    provider.script({ raw: () => controller.abort() });
    expect(await ask(params, { signal: controller.signal })).toEqual(
      failed({ code: 'CANCELLED' }, presumed(params)),
    );
  });

  test('and cannot be reached costs nothing', async () => {
    const gone = await startScriptedProvider();
    await gone.stop();
    const nowhere = skillOf({ OPENAI_BASE_URL: gone.url });
    const refused = await callSkill(nowhere, { prompt: 'a' });
    expect(refused).toEqual(failed({ code: 'CONNECT_FAILED', retryable: true }));
    // The address of an operator's server is nobody's business.
    expect(JSON.stringify(refused)).not.toContain(String(gone.port));
    const plain = skillOf({ OPENAI_BASE_URL: provider.url.replace('http:', 'https:') });
    expect(await callSkill(plain, { prompt: 'a' })).toEqual(failed({ code: 'TLS_FAILED' }));
  });

  test('is asked once: whether to ask again is not for the skill to say', async () => {
    provider.script({ status: 500 });
    await ask({ prompt: 'a' });
    expect(provider.seen).toHaveLength(1);
  });
});

describe('JSON by a schema', () => {
  test.each(MODELS)('is asked of %s, checked and returned', async (model) => {
    provider.script({ text: '{"city":"Paris","size":3}' });
    const output = await answerOf({ prompt: 'a', model, json_schema: SCHEMA });
    expect(output).toMatchObject({
      json: { city: 'Paris', size: 3 },
      text: '{"city":"Paris","size":3}',
      usage: { input_tokens: 10, output_tokens: 5 },
    });
    expect(output['repaired']).toBeUndefined();
    expect(JSON.stringify(lastBody())).toContain('"city"');
  });

  test('is asked of each provider in its way', async () => {
    provider.script({ text: '{"city":"Paris"}' });
    for (const model of MODELS) await answerOf({ prompt: 'a', model, json_schema: SCHEMA });
    const [openai, anthropic, compatible] = provider.seen.map(({ body }) => body);
    expect(openai).toMatchObject({ response_format: { type: 'json_schema' } });
    expect(anthropic).toMatchObject({ output_config: { format: { type: 'json_schema' } } });
    expect(compatible).toMatchObject({ response_format: { type: 'json_schema' } });
    // A server may pass over what it does not know, so it is told in words too.
    expect(JSON.stringify(compatible!['messages'])).toContain('JSON Schema');
    expect(JSON.stringify(openai!['messages'])).not.toContain('JSON Schema');
  });

  test('that is no object is asked in words', async () => {
    provider.script({ text: '[1,2]' });
    const json_schema = { type: 'array', items: { type: 'integer' } };
    for (const model of MODELS) {
      expect(await answerOf({ prompt: 'a', model, json_schema })).toMatchObject({ json: [1, 2] });
      expect(JSON.stringify(lastBody())).toContain('JSON Schema');
    }
  });

  test('that does not fit is sent back once, with what is wrong, and both are paid', async () => {
    provider.script(
      { text: '{"size":"large"}', tokens: { input: 100, output: 10 } },
      { text: '```json\n{"city":"Paris"}\n```', tokens: { input: 150, output: 12 } },
    );
    for (const model of MODELS) {
      const result = await ask({ prompt: 'Where?', model, json_schema: SCHEMA });
      const [inRate, outRate] = RATES[model]!;
      expect(result).toMatchObject({
        ok: true,
        output: {
          json: { city: 'Paris' },
          repaired: true,
          usage: { input_tokens: 250, output_tokens: 22 },
        },
        usage: { cost_micro_cents: 250 * inRate + 22 * outRate },
      });
      const asked = JSON.stringify(lastBody()['messages']);
      for (const part of [
        'Where?',
        '{\\"size\\":\\"large\\"}',
        'must have city',
        'size: must be of type',
      ]) {
        expect(asked).toContain(JSON.stringify(part).slice(1, -1).replaceAll('\\\\\\"', '\\"'));
      }
      provider.script(
        { text: '{"size":"large"}', tokens: { input: 100, output: 10 } },
        { text: '{"city":"Paris"}', tokens: { input: 150, output: 12 } },
      );
    }
  });

  test('that does not fit twice is a failure, and paid', async () => {
    provider.script({ text: 'Paris' });
    expect(await ask({ prompt: 'a', json_schema: SCHEMA })).toEqual(
      failed(
        {
          code: 'MODEL_OUTPUT_INVALID',
          message: expect.stringContaining('the answer is not JSON'),
        },
        { cost_micro_cents: 2 * (10 * 40 + 5 * 160) },
      ),
    );
    expect(provider.seen).toHaveLength(2);
  });

  test('that was cut off is not asked for again', async () => {
    provider.script({ text: '{"city":"Par', finish: 'length' });
    expect(await ask({ prompt: 'a', json_schema: SCHEMA, max_tokens: 5 })).toEqual(
      failed(
        { code: 'MODEL_OUTPUT_INVALID', message: expect.stringContaining('max_tokens') },
        { cost_micro_cents: 10 * 40 + 5 * 160 },
      ),
    );
    expect(provider.seen).toHaveLength(1);
  });

  test('whose repair fails costs what the first answer cost, and the worst of the second if it was sent', async () => {
    const params = { prompt: 'a', json_schema: SCHEMA };
    const first = 10 * 40 + 5 * 160;
    provider.script({ text: 'Paris' }, { status: 429 });
    expect(await ask(params)).toEqual(
      failed({ code: 'PROVIDER_RATE_LIMITED' }, { cost_micro_cents: first }),
    );

    provider.script({ text: 'Paris' }, { raw: (response) => void response.destroy() });
    const lost = await ask(params);
    expect(lost).toMatchObject({
      ok: false,
      failure: { code: 'PROVIDER_FAILED' },
      usage: { presumed: true },
    });
    const worst = skill.worstCaseMicroCents(params);
    expect(lost.usage.cost_micro_cents).toBeGreaterThan(worst / 2);
    expect(lost.usage.cost_micro_cents).toBeLessThan(worst);

    provider.script({ text: 'Paris', usage: undefined }, { text: '{"city":"Paris"}' });
    const half = await ask(params);
    expect(half).toMatchObject({
      ok: true,
      output: { cost_presumed: true },
      usage: { presumed: true },
    });
    expect(half.usage.cost_micro_cents).toBeLessThan(worst);
  });

  test('never costs more than was held, however long the first answer was', async () => {
    provider.script({ text: 'x'.repeat(500_000) });
    const params = { prompt: 'a', json_schema: SCHEMA, max_tokens: 50 };
    await ask(params);
    // The answer that went back was cut to what the hold had room for.
    expect(JSON.stringify(lastBody()).length).toBeLessThan(5000);
  });

  test.each<JsonObject>([{ pattern: '^(a+)+$' }, { $ref: '#' }, { type: 'object', not: {} }])(
    'is not asked for by %j, which could not be checked',
    async (json_schema) => {
      const call = { ...callOf({ prompt: 'a', json_schema }) };
      expect(await skill.call(call)).toEqual(failed({ code: 'PARAMS_INVALID' }));
      expect(provider.seen).toEqual([]);
    },
  );
});

const callOf = (params: JsonObject): SkillCall => ({
  params,
  tenantId: 'tenant_1',
  effectKey: 'effect_1',
  signal: new AbortController().signal,
  timeoutMs: 10_000,
});

describe('a server that a plan names', () => {
  const params = () => ({ prompt: 'a', model: 'mine', base_url: provider.url });

  test('is not reached at a private address', async () => {
    for (const base_url of [provider.url, 'http://localhost:11434/v1', 'http://169.254.169.254']) {
      const result = await ask({ ...params(), base_url });
      expect(result).toEqual(failed({ code: 'EGRESS_BLOCKED', retryable: false }));
    }
    expect(provider.seen).toEqual([]);
  });

  test('is reached where the operator allows it, without any key', async () => {
    const open = skillOf({}, `127.0.0.1:${provider.port}`);
    const result = await callSkill(open, params());
    expect(result).toMatchObject({
      ok: true,
      output: { provider: 'plan', model: 'mine' },
      usage: { cost_micro_cents: 15 },
    });
    expect(provider.seen[0]!.headers['authorization']).toBeUndefined();
    expect(KEYS.some((key) => JSON.stringify(provider.seen).includes(key))).toBe(false);
    provider.script({ status: 401, body: { error: { message: 'key?' } } });
    expect(await callSkill(open, params())).toMatchObject({
      ok: false,
      failure: { code: 'PROVIDER_KEY_REFUSED', message: expect.stringContaining('without one') },
    });
  });

  test('is refused without a price of its own', async () => {
    const unpriced = skillOf({ AOS_LLM_PRICES: 'compatible/*=1/1' }, '127.0.0.0/8');
    expect(await failureOf(callSkill(unpriced, { ...params(), model: 'gpt-4o' }))).toBe(
      'MODEL_PRICE_UNKNOWN',
    );
    expect(provider.seen).toEqual([]);
  });
});

describe('calls at once', () => {
  test('are so many for each provider, and for each tenant of plans’ servers', async () => {
    const two = skillOf({ AOS_LLM_CONCURRENCY: '2' }, '127.0.0.0/8');
    let running = 0;
    let most = 0;
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let onFull = (): void => undefined;
    const full = new Promise<void>((resolve) => {
      onFull = resolve;
    });
    provider.script(async () => {
      running += 1;
      most = Math.max(most, running);
      if (running === 2) onFull();
      await released;
      running -= 1;
      return {};
    });
    const calls = Array.from({ length: 6 }, () => callSkill(two, { prompt: 'a' }));
    await full;
    // Their places are taken: one more call waits as long as it has, and costs nothing.
    expect(await callSkill(two, { prompt: 'a' }, { timeoutMs: 50 })).toEqual(
      failed({ code: 'PROVIDER_RATE_LIMITED', retry_after_ms: 1000 }),
    );
    release();
    const results = await Promise.all(calls);
    expect(results.every(({ ok }) => ok)).toBe(true);
    expect(most).toBe(2);
    expect(provider.seen).toHaveLength(6);
  });

  test('give their places back, however they end', async () => {
    const one = skillOf({ AOS_LLM_CONCURRENCY: '1' });
    const controller = new AbortController();
    provider.script(
      { status: 500 },
      { raw: (response) => void response.destroy() },
      { raw: () => controller.abort() },
      {},
    );
    const { signal } = controller;
    const codes: string[] = [];
    for (const more of [{}, {}, { signal }, {}]) {
      codes.push(await failureOf(callSkill(one, { prompt: 'a' }, more)));
    }
    expect(codes).toEqual(['PROVIDER_FAILED', 'PROVIDER_FAILED', 'CANCELLED', 'ok']);
  });
});

describe('the contract', () => {
  test('names the providers and the default model, and no key', () => {
    const view = JSON.stringify(viewSkill(skill.contract));
    expect(view).toContain('`openai`, `anthropic`, `compatible`');
    expect(view).toContain('openai/gpt-4.1-mini');
    expect(KEYS.some((key) => view.includes(key))).toBe(false);
    expect(viewSkill(skill.contract)).toMatchObject({
      available: true,
      cost_model: { per: 'call', base_cents: (1000 * 40 + 1024 * 160) / 1e6 },
      constraints: { calls_at_once_per_provider: 8, max_tokens_max: 65_536 },
    });
    expect(skill.isIdempotent({})).toBe(true);
    expect(skill.timeoutMs({})).toBeUndefined();
  });

  test('says what is missing when nothing is configured, and a call says the same', async () => {
    const bare = createLlmInvoke({
      settings: readConfig({}).llm,
      egress: createEgressGuard({ allow: [] }),
    });
    expect(viewSkill(bare.contract)).toMatchObject({
      available: false,
      availability: { fix: expect.stringContaining('OPENAI_API_KEY') },
      cost_model: { base_cents: 5 },
    });
    expect(bare.worstCaseMicroCents({ prompt: 'a' })).toBe(0);
    expect(await callSkill(bare, { prompt: 'a' })).toEqual(
      failed({
        code: 'PROVIDER_NOT_CONFIGURED',
        message: expect.stringContaining('AOS_LLM_BASE_URL'),
        retryable: false,
      }),
    );
  });

  test.each(['mistral=1/1', 'compatible/*=0/0', 'plan/*=0/0'])(
    'says the same when %s is a price and nothing else is configured',
    (AOS_LLM_PRICES) => {
      const priced = createLlmInvoke({
        settings: readConfig({ AOS_LLM_PRICES }).llm,
        egress: createEgressGuard({ allow: [] }),
      });
      expect(viewSkill(priced.contract).available).toBe(false);
    },
  );

  test('never throws over its worst case, whatever it is given', () => {
    for (const params of [{}, { prompt: 3 }, { prompt: 'a', model: '' }, { messages: 'x' }]) {
      expect(skill.worstCaseMicroCents(params as JsonObject)).toBe(0);
    }
  });
});

test('no key was in anything that was answered', () => {
  expect(told.length).toBeGreaterThan(100);
  const everything = told.join('\n');
  const pieces = KEYS.flatMap((key) =>
    Array.from({ length: key.length - 7 }, (_, at) => key.slice(at, at + 8)),
  );
  expect(pieces.filter((piece) => everything.includes(piece))).toEqual([]);
});
