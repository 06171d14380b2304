import { setMaxListeners } from 'node:events';
import { afterAll, describe, expect, test } from '@jest/globals';
import { OUTPUT_BYTES_MAX, TRANSFORM_QUICK_MS } from '../../../src/contracts/limits.ts';
import { createTransformPool } from '../../../src/skills/transform/pool.ts';
import type { TransformPool, TransformRequest } from '../../../src/skills/transform/pool.ts';

const FOREVER = 'def f: f; f';

const pool = createTransformPool();
afterAll(() => pool.stop());

const requestOf = (query: string, more: Partial<TransformRequest> = {}): TransformRequest => ({
  lane: 'slow',
  query,
  inputText: 'null',
  tenantId: 'ten_1',
  timeoutMs: 5000,
  signal: new AbortController().signal,
  ...more,
});

const run = (query: string, more: Partial<TransformRequest> = {}) =>
  pool.run(requestOf(query, more));
const output = (value: unknown) => ({ kind: 'output', output: value });
const failure = (code: string, message: string) => ({
  kind: 'failure',
  code,
  message: expect.stringContaining(message) as unknown,
});

async function measureMs<T>(promise: Promise<T>): Promise<{ result: T; ms: number }> {
  const startedAt = performance.now();
  const result = await promise;
  return { result, ms: performance.now() - startedAt };
}

describe('the values of a program', () => {
  test.each<[string, string, string, unknown]>([
    ['one value is that value', '.a + 1', '{"a":1}', 2],
    ['several become an array', '.[] | {id}', '[{"id":1},{"id":2}]', [{ id: 1 }, { id: 2 }]],
    [
      'several with newlines in their strings stay apart',
      '"a\\nb", ",", [1,2]',
      'null',
      ['a\nb', ',', [1, 2]],
    ],
    ['none becomes null', 'empty', 'null', null],
    [
      'NaN becomes null, infinite the largest number',
      '[nan, infinite, -infinite]',
      'null',
      [null, Number.MAX_VALUE, -Number.MAX_VALUE],
    ],
    [
      'a number too large for a double becomes the largest',
      '[1e1000, -1e1000, "e1000 \\"1e1000", 1e-400]',
      'null',
      [Number.MAX_VALUE, -Number.MAX_VALUE, 'e1000 "1e1000', 0],
    ],
    [
      'big integers are as precise as in JavaScript',
      '.',
      '[12345678901234567890, 9007199254740993, 1e21]',
      JSON.parse('[12345678901234567890, 9007199254740993, 1e21]'),
    ],
    ['unicode in program and data survives', '.["é"] + "😀\\u00e9"', '{"é":"日本"}', '日本😀é'],
    ['NUL in the data survives', '[.]', '"a\\u0000b"', ['a\0b']],
    [
      'half a surrogate pair becomes U+FFFD, a pair stays',
      '[.]',
      '"\\ud800x\\\\ud800\\ud83d\\ude00\\udc00"',
      ['\ufffdx\\ud800😀\ufffd'],
    ],
    ['a program that begins with a minus is a program', '-1', 'null', -1],
  ])('%s', async (_title, query, inputText, expected) => {
    expect(await run(query, { inputText })).toEqual(output(expected));
  });
});

describe('a program that does not compile is refused as invalid', () => {
  test.each([
    ['foo(', 'syntax error, unexpected end of file'],
    ['nope', 'nope/0 is not defined'],
    ['--help', 'help/0 is not defined'],
    ['-n', 'n/0 is not defined'],
    ['import "a" as a; 1', 'module not found'],
    ['include "a"; 1', 'module not found'],
    ['import "/dev/stdin" as $a; 1', 'module not found'],
    ['"a\0b"', 'NUL character'],
    ['', 'Top-level program not given'],
  ])('%j', async (query, message) => {
    expect(await run(query)).toEqual(failure('TRANSFORM_QUERY_INVALID', message));
  });
});

test('the message about a long program that does not compile stays short', async () => {
  const found = await run('['.repeat(9999));
  expect(found).toEqual(failure('TRANSFORM_QUERY_INVALID', 'does not compile'));
  expect(JSON.stringify(found).length).toBeLessThan(1500);
});

describe('a program that fails on its data says why', () => {
  test.each([
    ['.a | error', 'q\nr'],
    ['1, 2, .b.c.d', 'Cannot index number with string "c"'],
    ['input', 'break'],
    ['"bye" | halt_error', 'bye'],
    ['"jq: 1 compile error" | halt_error(5)', 'jq: 1 compile error'],
    ['("x" * 100000 | debug | stderr), error("after much noise")', 'after much noise'],
    ['reduce range(300) as $i (1; [.])', 'deeper than 256'],
  ])('%j', async (query, message) => {
    const found = await run(query, { inputText: '{"a":"q\\nr","b":1}' });
    expect(found).toEqual(failure('TRANSFORM_FAILED', message));
  });
});

test('a program sees no environment and no files', async () => {
  const query = '[$ENV, env, input_filename, $__loc__.file, (get_search_list | length > 0)]';
  expect(await run(query)).toEqual(output([{}, {}, '<stdin>', '<top-level>', true]));
});

const expectNextOneWorks = async () =>
  expect(await run('.a + 1', { inputText: '{"a":1}' })).toEqual(output(2));

describe('a hostile program ends at its bound, and the next one works', () => {
  test.each([
    ['endless recursion', FOREVER, 'null'],
    ['an endless loop', 'last(repeat(1))', 'null'],
    [
      'a catastrophic regular expression',
      'test("(a+)+$")',
      JSON.stringify(`${'a'.repeat(40_000)}!`),
    ],
    [
      'a catastrophic date format',
      'strptime("%n%n%n%n%n%n%n%n%n%n%n%n%n%n%n%n%nx")',
      JSON.stringify(' '.repeat(2000)),
    ],
  ])('%s is stopped at the deadline', async (_title, query, inputText) => {
    const { result, ms } = await measureMs(run(query, { inputText, timeoutMs: 300 }));
    expect(result).toEqual({ kind: 'timeout' });
    expect(ms).toBeGreaterThan(290);
    expect(ms).toBeLessThan(1500);
    await expectNextOneWorks();
  });

  test.each([
    ['an array of a thousand million numbers', '[range(1e9)]'],
    ['a string of 300 MB', '"x" * 300000000 | length'],
    ['a string that doubles', 'reduce range(40) as $i ("xxxxxxxxxx"; . + .) | length'],
    ['recursion that keeps its frames', 'def f: 1 + f; f'],
    ['output that nests without end', 'reduce range(100000) as $i (1; [.])'],
  ])('%s reaches the memory bound', async (_title, query) => {
    const found = await run(query, { timeoutMs: 20_000 });
    expect(found).toEqual(failure('TRANSFORM_OUT_OF_MEMORY', 'memory bound'));
    await expectNextOneWorks();
  });

  test('output of 11 MiB is refused, output of just 10 MiB is not', async () => {
    const stringOf = (bytes: number) => `"x" * ${bytes - 2}`;
    const fits = await run(stringOf(OUTPUT_BYTES_MAX));
    expect(fits).toEqual(output('x'.repeat(OUTPUT_BYTES_MAX - 2)));
    const tooLarge = failure('OUTPUT_TOO_LARGE', `more than ${OUTPUT_BYTES_MAX} bytes`);
    expect(await run(stringOf(OUTPUT_BYTES_MAX + 1))).toEqual(tooLarge);
    expect(await run('range(1e7)', { timeoutMs: 20_000 })).toEqual(tooLarge);
    await expectNextOneWorks();
  });

  test('what a program defines is gone in the next call', async () => {
    expect(await run('def secret: 42; secret')).toEqual(output(42));
    expect(await run('secret')).toEqual(failure('TRANSFORM_QUERY_INVALID', 'secret/0'));
  });

  test('data of several MiB pass through in well under a second', async () => {
    const inputText = JSON.stringify(
      Array.from({ length: 50_000 }, (_, id) => ({ id, name: `n${id}`.padEnd(60) })),
    );
    const { result, ms } = await measureMs(run('length, (.[-1] | .id)', { inputText }));
    expect(result).toEqual(output([50_000, 49_999]));
    expect(ms).toBeLessThan(2000);
  });
});

describe('tenants take turns', () => {
  function startHostile(shared: TransformPool, ...tenantIds: string[]) {
    const crowd = new AbortController();
    setMaxListeners(0, crowd.signal);
    const calls = tenantIds.flatMap((tenantId) =>
      Array.from({ length: 40 }, () =>
        shared.run(requestOf(FOREVER, { tenantId, signal: crowd.signal, timeoutMs: 30_000 })),
      ),
    );
    return { crowd, calls };
  }

  test('beside 40 hostile programs of one tenant, the small one of another runs at once', async () => {
    const shared = createTransformPool();
    const { crowd, calls } = startHostile(shared, 'ten_a');
    for (let round = 0; round < 5; round++) {
      const small = shared.run(requestOf('1 + 1', { tenantId: 'ten_b' }));
      const { result, ms } = await measureMs(small);
      expect(result).toEqual(output(2));
      expect(ms).toBeLessThan(round === 0 ? 2000 : 500);
    }
    crowd.abort();
    const kinds = new Set((await Promise.all(calls)).map(({ kind }) => kind));
    expect([...kinds]).toEqual(['aborted']);
    await shared.stop();
  });

  test('with one thread, programs are taken in turn from each tenant and in order from one', async () => {
    const shared = createTransformPool({ slowThreads: 1 });
    const order: string[] = [];
    const calls = ['a1', 'a2', 'a3', 'b1', 'b2', 'c1'].map(async (name) => {
      await shared.run(requestOf('1', { tenantId: name.slice(0, 1) }));
      order.push(name);
    });
    await Promise.all(calls);
    expect(order).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2']);
    await shared.stop();
  });

  test('slow programs never hold up the quick lane', async () => {
    const shared = createTransformPool();
    const { crowd, calls } = startHostile(shared, 'ten_a', 'ten_b');
    const quick = () =>
      shared.run(requestOf('1', { lane: 'quick', timeoutMs: 5000, tenantId: 'ten_a' }));
    // The first calls may find the thread still starting.
    let found = await quick();
    for (let tries = 0; found.kind === 'busy' && tries < 20; tries++) found = await quick();
    expect(found).toEqual(output(1));
    crowd.abort();
    await Promise.all(calls);
    await shared.stop();
  });
});

describe('the quick lane', () => {
  test('stops a program after its quick time, and answers busy to those that would wait longer', async () => {
    const shared = createTransformPool();
    const quick = (query: string, tenantId: string) =>
      measureMs(shared.run(requestOf(query, { lane: 'quick', tenantId })));
    while ((await quick('1', 'ten_a')).result.kind !== 'output');
    const [first, second, third] = await Promise.all([
      quick(FOREVER, 'ten_a'),
      quick(FOREVER, 'ten_a'),
      quick('1', 'ten_a'),
    ]);
    expect(first.result).toEqual({ kind: 'timeout' });
    expect(second.result).toEqual({ kind: 'busy' });
    expect(third.result).toEqual({ kind: 'busy' });
    for (const { ms } of [first, second, third]) {
      expect(ms).toBeGreaterThan(TRANSFORM_QUICK_MS - 10);
      expect(ms).toBeLessThan(TRANSFORM_QUICK_MS + 300);
    }
    await shared.stop();
  });
});

describe('an end from outside', () => {
  test('an abort ends a running and a waiting program at once', async () => {
    const shared = createTransformPool({ slowThreads: 1 });
    const cancel = new AbortController();
    const request = requestOf(FOREVER, { signal: cancel.signal });
    const calls = [shared.run(request), shared.run(request)];
    expect((await shared.run(requestOf('1', { lane: 'quick', timeoutMs: 1 }))).kind).not.toBe(
      'aborted',
    );
    cancel.abort();
    for (const found of await Promise.all(calls)) expect(found.kind).toBe('aborted');
    expect(await shared.run(request)).toEqual({ kind: 'aborted', computedMs: 0 });
    expect(await shared.run(requestOf('1'))).toEqual(output(1));
    await shared.stop();
  });

  test('the deadline does not count the wait for a thread', async () => {
    const shared = createTransformPool({ slowThreads: 1 });
    const blocker = shared.run(requestOf(FOREVER, { timeoutMs: 400 }));
    const small = shared.run(requestOf('1', { timeoutMs: 150 }));
    expect(await blocker).toEqual({ kind: 'timeout' });
    expect(await small).toEqual(output(1));
    await shared.stop();
  });

  test('the line has an end', async () => {
    const shared = createTransformPool({ slowThreads: 1, waitingMax: 2 });
    const calls = Array.from({ length: 4 }, () => shared.run(requestOf('1')));
    const kinds = (await Promise.all(calls)).map(({ kind }) => kind);
    expect(kinds).toEqual(['output', 'output', 'output', 'busy']);
    await shared.stop();
  });

  test('stop ends what runs and waits, may be called twice and without a start, and refuses what comes later', async () => {
    const idle = createTransformPool();
    await idle.stop();
    const shared = createTransformPool({ slowThreads: 1 });
    const calls = [shared.run(requestOf(FOREVER)), shared.run(requestOf('1'))];
    await shared.stop();
    await shared.stop();
    for (const found of await Promise.all(calls)) expect(found.kind).toBe('aborted');
    expect(await shared.run(requestOf('1'))).toEqual({ kind: 'aborted', computedMs: 0 });
  });
});
