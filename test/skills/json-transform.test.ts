import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Json, JsonObject } from '../../src/contracts/json.ts';
import { TRANSFORM_QUERY_LENGTH_MAX } from '../../src/contracts/limits.ts';
import { createJsonTransform, jsonTransformContract } from '../../src/skills/json-transform.ts';
import type { SkillCall } from '../../src/skills/skill.ts';
import { createTransformPool } from '../../src/skills/transform/pool.ts';
import type { TransformOutcome, TransformPool } from '../../src/skills/transform/pool.ts';

const FOREVER = 'def f: f; f';

const pool = createTransformPool();
afterAll(() => pool.stop());
const skill = createJsonTransform({ pool });

const callOf = (params: JsonObject, more: Partial<SkillCall> = {}): SkillCall => ({
  params,
  tenantId: 'ten_1',
  effectKey: 'eff_1',
  signal: new AbortController().signal,
  timeoutMs: 5000,
  ...more,
});

const succeeded = (output: Json) => ({ ok: true, output, usage: { cost_micro_cents: 0 } });
const failed = (failure: object) => ({
  ok: false,
  failure: expect.objectContaining(failure) as unknown,
  usage: { cost_micro_cents: 0 },
});

// A quick call that meets a thread still starting is deferred.
beforeAll(async () => {
  while ((await skill.callQuickly(callOf({ query: '1' }))) === 'deferred');
});

/** A pool that answers as told and remembers whether it was asked. */
function createScriptedPool(outcome: TransformOutcome) {
  let calls = 0;
  const scripted: TransformPool = {
    run() {
      calls += 1;
      return Promise.resolve(outcome);
    },
    stop: () => Promise.resolve(),
  };
  return { skill: createJsonTransform({ pool: scripted }), calls: () => calls };
}

describe('the contract', () => {
  const accepts = (params: unknown) => jsonTransformContract.params.safeParse(params).success;

  test('wants the program in exactly one of query and jq', () => {
    expect(accepts({ query: '.' })).toBe(true);
    expect(
      accepts({
        jq: '.',
        data: [1],
        input: null,
        input_path: '$.steps[0].result',
        timeout_ms: 100,
      }),
    ).toBe(true);
    expect(accepts({})).toBe(false);
    expect(accepts({ query: '.', jq: '.' })).toBe(false);
  });

  test('refuses long programs, other types and long time limits', () => {
    expect(accepts({ query: 'x'.repeat(TRANSFORM_QUERY_LENGTH_MAX) })).toBe(true);
    expect(accepts({ query: 'x'.repeat(TRANSFORM_QUERY_LENGTH_MAX + 1) })).toBe(false);
    expect(accepts({ query: '' })).toBe(false);
    expect(accepts({ query: 1 })).toBe(false);
    expect(accepts({ query: '.', timeout_ms: 30_001 })).toBe(false);
  });

  test('hands the data on without a copy', () => {
    const data = { deep: [1] };
    expect(jsonTransformContract.params.parse({ query: '.', data })['data']).toBe(data);
  });

  test('is free, inline, and names the param that takes the previous output', () => {
    expect(skill.contract).toMatchObject({
      inline: true,
      idempotent: 'always',
      cost: { per: 'none' },
    });
    expect(skill.contract.takes_previous).toEqual({
      into: 'data',
      unless: ['data', 'input', 'input_path'],
    });
    expect(skill.worstCaseMicroCents({})).toBe(0);
    expect(skill.isIdempotent({})).toBe(true);
    expect(skill.timeoutMs({ timeout_ms: 70 })).toBe(70);
    expect(skill.timeoutMs({})).toBeUndefined();
  });
});

describe('a call', () => {
  test.each<[JsonObject, Json]>([
    [
      { query: '.users[] | {id}', data: { users: [{ id: 1, x: 1 }, { id: 2 }] } },
      [{ id: 1 }, { id: 2 }],
    ],
    [{ jq: '.a + 1', data: { a: 1 } }, 2],
    [{ query: '. + 1', input: 1, data: 10 }, 2],
    [{ query: '.', input: null, data: 10 }, null],
    [{ query: '. == null' }, true],
    [{ query: '.' }, null],
    [{ query: 'empty', data: 1 }, null],
    [{ query: '.[0].a', data: [{ a: { b: 1 } }] }, { b: 1 }],
    [{ query: '[.[] | length]', data: ['\ud800', 'é', '😀'] }, [1, 1, 1]],
  ])('%j gives %j', async (params, output) => {
    expect(await skill.call(callOf(params))).toEqual(succeeded(output));
    expect(await skill.callQuickly(callOf(params))).toEqual(succeeded(output));
  });

  test.each<[JsonObject, string, string]>([
    [
      { query: '.a.b', data: { a: 'x' } },
      'TRANSFORM_FAILED',
      'Cannot index string with string "b"',
    ],
    [
      { query: '.a.b | .', data: { a: 'x' } },
      'TRANSFORM_FAILED',
      'Cannot index string with string "b"',
    ],
    [{ query: '.a |', data: {} }, 'TRANSFORM_QUERY_INVALID', 'syntax error'],
    [{ query: '[range(1e9)]' }, 'TRANSFORM_OUT_OF_MEMORY', 'memory bound'],
    [{ query: 'range(1e7)' }, 'OUTPUT_TOO_LARGE', 'more than 10485760 bytes'],
  ])('%j fails with %s', async (params, code, words) => {
    const message = expect.stringContaining(words) as unknown;
    const found = await skill.call(callOf(params, { timeoutMs: 20_000 }));
    expect(found).toEqual(failed({ code, message }));
  });

  test('data that nest too deep for jq are a failure, and pass through a path', async () => {
    const deep = JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`) as Json;
    let deeper: Json = null;
    for (let level = 0; level < 100_000; level++) deeper = [deeper];
    for (const data of [deep, deeper]) {
      const found = await skill.call(callOf({ query: 'length', data }));
      expect(found).toEqual(failed({ code: 'TRANSFORM_FAILED' }));
      const path = await skill.call(callOf({ query: '.[0]', data }));
      expect(path.ok).toBe(true);
    }
  });

  test('a program over its time limit fails for good', async () => {
    const found = await skill.call(callOf({ query: FOREVER }, { timeoutMs: 100 }));
    const message = expect.stringContaining('still computing after 100 ms') as unknown;
    expect(found).toEqual(failed({ code: 'TIMEOUT', retryable: false, message }));
  });

  test('a step deadline that comes while the program computes is the fault of the program', async () => {
    const signal = AbortSignal.timeout(400);
    const found = await skill.call(callOf({ query: FOREVER }, { timeoutMs: 400, signal }));
    expect(found).toEqual(failed({ code: 'TIMEOUT', retryable: false }));
  });

  test('a program stopped before its turn may be tried again', async () => {
    const found = await skill.call(callOf({ query: '1' }, { signal: AbortSignal.abort() }));
    const message = expect.stringContaining('Try again') as unknown;
    expect(found).toEqual({ ...failed({ code: 'TIMEOUT', message }) });
    expect(!found.ok && found.failure.retryable).toBeUndefined();
  });

  test('too many waiting programs are an outage that passes', async () => {
    const scripted = createScriptedPool({ kind: 'busy' });
    const found = await scripted.skill.call(callOf({ query: '1' }));
    expect(found).toEqual(failed({ code: 'SERVICE_UNAVAILABLE', retry_after_ms: 1000 }));
  });
});

describe('a quick call', () => {
  test('of a program that is not quick is deferred', async () => {
    expect(await skill.callQuickly(callOf({ query: FOREVER }))).toBe('deferred');
  });

  test.each<TransformOutcome>([
    { kind: 'busy' },
    { kind: 'timeout' },
    { kind: 'aborted', computedMs: 0 },
  ])('is deferred when the pool says %j', async (outcome) => {
    const scripted = createScriptedPool(outcome);
    expect(await scripted.skill.callQuickly(callOf({ query: '1' }))).toBe('deferred');
    expect(scripted.calls()).toBe(1);
  });

  test('of a path never asks the pool, and returns the very value', async () => {
    const scripted = createScriptedPool({ kind: 'busy' });
    const rows = Array.from({ length: 200_000 }, (_, id) => ({ id }));
    const params = { query: '.body.rows', data: { body: { rows } } };
    for (const found of [
      await scripted.skill.callQuickly(callOf(params)),
      await scripted.skill.call(callOf(params)),
    ]) {
      expect(found !== 'deferred' && found.ok && found.output).toBe(rows);
    }
    expect(
      await scripted.skill.callQuickly(callOf({ query: '.body[0]', data: params.data })),
    ).toEqual(
      failed({
        code: 'TRANSFORM_FAILED',
        message: 'The jq program failed: Cannot index object with number',
      }),
    );
    expect(scripted.calls()).toBe(0);
  });
});
