import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Json } from '../../../src/contracts/json.ts';
import {
  findReferences,
  mentionsReference,
  referencedSteps,
  resolveReferences,
} from '../../../src/domain/plan/references.ts';
import type { Scope } from '../../../src/domain/plan/references.ts';

const BYTES_MAX = 100_000;

const scope: Scope = {
  input: { name: 'Ada', list: [1, [2, 3]], empty: null },
  stepIds: ['a', 'b', 'c'],
  steps: new Map<string, { output?: Json; failure?: Json }>([
    ['a', { output: { n: 3, ok: false, text: 'hi', list: ['x'], '{{input}}': 1 } }],
    ['b', { output: '{{input.name}} \\{{x}}' }],
    ['c', { failure: { code: 'TIMEOUT' } }],
  ]),
  previousId: 'a',
};

const resolve = (value: Json, bytesMax = BYTES_MAX) => resolveReferences(value, scope, bytesMax);

const nested = (levels: number): Json => {
  let value: Json = 'x';
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
};

describe('a reference is replaced by its value', () => {
  test.each<[string, Json, Json]>([
    ['alone, a number stays one', '{{steps.a.output.n}}', 3],
    ['alone, a list stays one', '{{ input.list }}', [1, [2, 3]]],
    ['alone, null stays null', '{{input.empty}}', null],
    ['the whole input', '{{input.list[1][0]}}', 2],
    ['result is another name for output', '{{steps.a.result.n}}', 3],
    ['a step by its index', '{{steps[0].result.text}}', 'hi'],
    ['the one dependency', '{{previous.output.text}}', 'hi'],
    ['a failure', '{{steps.c.failure.code}}', 'TIMEOUT'],
    ['text inside text stays as it is', 'I am {{input.name}}.', 'I am Ada.'],
    ['numbers are plain', '$${{steps.a.output.n}}', '$$3'],
    ['booleans and null are plain', '{{steps.a.output.ok}}/{{input.empty}}', 'false/null'],
    ['lists are JSON', 'l={{input.list}}', 'l=[1,[2,3]]'],
    ['deep in lists and objects', { a: [{ b: '{{input.name}}' }] }, { a: [{ b: 'Ada' }] }],
    ['another root stays text', '{{ name }} {{input.name}}', '{{ name }} Ada'],
    ['a backslash makes braces literal', '\\{{input.name}}', '{{input.name}}'],
    ['other values stay', [1, true, null, 'x'], [1, true, null, 'x']],
  ])('%s', (_, value, expected) => {
    expect(resolve(value)).toEqual({ ok: true, value: expected });
  });

  test('keys of objects are not read for references', () => {
    const value = { '{{input.name}}': 1 };
    expect(resolve(value)).toEqual({ ok: true, value });
    expect(mentionsReference(value)).toBe(false);
  });

  test('a key named __proto__ is a key like any other', () => {
    const value = JSON.parse('{"__proto__": "{{input.name}}"}') as Json;
    const resolved = resolve(value);
    expect(resolved.ok && JSON.stringify(resolved.value)).toBe('{"__proto__":"Ada"}');
  });
});

describe('what was put in is data', () => {
  test('a value that looks like a reference is left alone', () => {
    expect(resolve('{{steps.b.output}}')).toEqual({ ok: true, value: '{{input.name}} \\{{x}}' });
    expect(resolve('<{{steps.b.output}}>')).toEqual({
      ok: true,
      value: '<{{input.name}} \\{{x}}>',
    });
  });

  test('two halves of a reference do not make one', () => {
    const halves: Scope = { ...scope, input: { open: '{{input.', close: 'open}}' } };
    expect(resolveReferences('{{input.open}}{{input.close}}', halves, BYTES_MAX)).toEqual({
      ok: true,
      value: '{{input.open}}',
    });
  });

  test('any string comes out as it was put in', () => {
    const piece = fc.constantFrom('{{', '}}', '\\', 'input', '.a', 'steps.a.output', ' ', 'é');
    fc.assert(
      fc.property(fc.array(piece), fc.array(piece), (pieces, more) => {
        const [first, second] = [pieces.join(''), more.join('')];
        const held: Scope = { ...scope, input: { first, second: [second, { [second]: first }] } };
        const value = ['{{input.first}}', '{{input.second}}', 'a{{input.first}}b{{input.first}}'];
        expect(resolveReferences(value, held, BYTES_MAX)).toEqual({
          ok: true,
          value: [first, [second, { [second]: first }], `a${first}b${first}`],
        });
      }),
    );
  });
});

describe('a path that is not there is told with what is there instead', () => {
  test.each([
    ['{{input.nme}}', ['{{input.nme}}', '`input`', '`name`, `list`, `empty`', '`.nme`']],
    ['{{steps.a.output.list[1]}}', ['`steps.a.output.list` is a list of 1 items', '`[1]`']],
    ['{{steps.a.output.n.x}}', ['is a number']],
    ['{{steps.a.output.text.length}}', ['is a string']],
    ['{{input.list.length}}', ['is a list of 2 items']],
    ['{{input.list.0}}', ['is a list of 2 items']],
    ['{{input.empty.x}}', ['is null']],
    ['{{input.constructor}}', ['`.constructor`']],
    ['{{input.__proto__}}', ['`.__proto__`']],
    ['{{input.name[0]}}', ['is a string']],
    ['{{steps.c.output}}', ['step `c` was skipped or has no output']],
    ['{{steps.c.output.x}}', ['step `c` was skipped or has no output']],
    ['{{steps.a.failure.code}}', ['step `a` has no failure']],
    ['{{steps.nope.output}}', ['step `nope`']],
    ['{{steps[7].output}}', ['no such step']],
    ['{{secrets.TOKEN}}', ['secrets']],
  ])('%s', (text, words) => {
    const resolved = resolve(text);
    expect(resolved).toMatchObject({ ok: false, code: 'REFERENCE_MISSING' });
    for (const word of words) expect(resolved.ok ? '' : resolved.message).toContain(word);
  });

  test('many or long keys are cut', () => {
    const wide = Object.fromEntries(
      Array.from({ length: 1000 }, (_, index) => [`${'k'.repeat(500)}${index}`, 1]),
    );
    const resolved = resolveReferences('{{input.x}}', { ...scope, input: wide }, BYTES_MAX);
    expect(resolved.ok).toBe(false);
    expect(resolved.ok ? '' : resolved.message).toContain('and 992 more');
    expect(resolved.ok ? 0 : resolved.message.length).toBeLessThan(1000);
  });

  test('previous without exactly one dependency is missing', () => {
    const { previousId: _, ...alone } = scope;
    const resolved = resolveReferences('{{previous.output}}', alone, BYTES_MAX);
    expect(resolved).toMatchObject({ ok: false, code: 'REFERENCE_MISSING' });
  });
});

describe('what grows too large is refused', () => {
  const large: Scope = { ...scope, input: { text: 'é'.repeat(1000), list: [nested(600)] } };

  test('one value, many values, and many pieces of one string', () => {
    const refused = { ok: false, code: 'PARAMS_TOO_LARGE' };
    expect(resolveReferences('{{input.text}}', large, 2100).ok).toBe(true);
    expect(resolveReferences('{{input.text}}', large, 1900)).toMatchObject(refused);
    const twice = ['{{input.text}}', '{{input.text}}'];
    expect(resolveReferences(twice, large, 3900)).toMatchObject(refused);
    expect(resolveReferences(twice.join(' '), large, 3900)).toMatchObject(refused);
    expect(resolveReferences(twice.join(' '), large, 4100).ok).toBe(true);
  });

  test('counting stops before the memory is spent', () => {
    const huge: Scope = { ...scope, input: 'x'.repeat(1_000_000) };
    const resolved = resolveReferences('{{input}}'.repeat(100_000), huge, 16 * 1024 * 1024);
    expect(resolved).toMatchObject({ ok: false, code: 'PARAMS_TOO_LARGE' });
  });

  test('a value that would overflow a recursive reader is refused, alone and inside text', () => {
    const refused = { ok: false, code: 'PARAMS_TOO_LARGE' };
    expect(resolveReferences('{{input.list}}', large, BYTES_MAX)).toMatchObject(refused);
    expect(resolveReferences('a {{input.list}}', large, BYTES_MAX)).toMatchObject(refused);
    expect(resolveReferences(nested(10_000), large, BYTES_MAX)).toMatchObject(refused);
  });

  test('what passes is never larger than the bound', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.nat(300), (input, value, bytesMax) => {
        const params = [value as Json, '{{input}}', 'x{{input}}y'];
        const resolved = resolveReferences(params, { ...scope, input: input as Json }, bytesMax);
        if (!resolved.ok) return;
        expect(Buffer.byteLength(JSON.stringify(resolved.value))).toBeLessThanOrEqual(bytesMax);
      }),
    );
  });
});

describe('references are found', () => {
  const value = {
    'a/b': ['x', '{{input.q}} {{steps[1].output}}'],
    c: { d: '{{previous.output}}' },
  };

  test('with the JSON Pointer of their string, in the order of the text', () => {
    const found = findReferences(value, '/p').map(
      ({ pointer, reference }) => `${pointer} ${reference.source}`,
    );
    expect(found).toEqual([
      '/p/a~1b/1 input.q',
      '/p/a~1b/1 steps[1].output',
      '/p/c/d previous.output',
    ]);
    expect(mentionsReference(value)).toBe(true);
    expect(mentionsReference(['{{name}}', '\\{{input}}'])).toBe(false);
  });

  test('with the steps they read, each once', () => {
    expect(referencedSteps([value, '{{steps.b.output}}'], scope.stepIds, 'a')).toEqual(['b', 'a']);
    expect(referencedSteps(value, scope.stepIds)).toEqual(['b']);
  });

  test('with short pointers, however long the keys above them are', () => {
    const found = findReferences({ ['/'.repeat(500_000)]: Array(20_000).fill('{{input}}') });
    expect(found).toHaveLength(20_000);
    expect(found.every(({ pointer }) => pointer.length < 1000)).toBe(true);
  });

  test('ten thousand levels down', () => {
    let deep: Json = '{{input}}';
    for (let level = 0; level < 10_000; level += 1) deep = [deep];
    expect(findReferences(deep)[0]?.pointer).toBe('/0'.repeat(10_000));
  });
});
