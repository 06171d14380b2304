import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { findDuplicateKey } from '../../../src/domain/plan/duplicate-key.ts';
import { childPointer } from '../../../src/domain/plan/pointer.ts';

/** JSON as it may be written: keys may come twice, each as raw text that stands for it. */
type Written =
  | { kind: 'scalar'; text: string }
  | { kind: 'list'; items: Written[] }
  | { kind: 'object'; entries: [string, Written][] };

/** The first repeated key in the order of the text, by recursion. */
function naive(value: Written, pointer = ''): string | undefined {
  if (value.kind === 'scalar') return undefined;
  const seen = new Set<string>();
  const entries: [string | number, Written][] =
    value.kind === 'list'
      ? value.items.map((item, index) => [index, item])
      : value.entries.map(([raw, item]) => [JSON.parse(raw) as string, item]);
  for (const [key, item] of entries) {
    const here = childPointer(pointer, key);
    if (typeof key === 'string') {
      if (seen.has(key)) return here;
      seen.add(key);
    }
    const below = naive(item, here);
    if (below !== undefined) return below;
  }
  return undefined;
}

const write = (value: Written, space: string): string => {
  if (value.kind === 'scalar') return value.text;
  if (value.kind === 'list')
    return `[${space}${value.items.map((item) => write(item, space)).join(`${space},${space}`)}${space}]`;
  const entries = value.entries.map(
    ([raw, item]) => `${raw}${space}:${space}${write(item, space)}`,
  );
  return `{${space}${entries.join(`,${space}`)}${space}}`;
};

const escape = (text: string): string =>
  `"${[...Array(text.length).keys()]
    .map((at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`)
    .join('')}"`;
/** Few keys, so that they meet; some look like structure, or are the same in other words. */
const rawKey = fc.oneof(
  fc.constantFrom(
    '""',
    '"a"',
    '"\\u0061"',
    '"b"',
    '"{"',
    '"\\""',
    '"\\\\"',
    '"\\\\\\""',
    '"__proto__"',
    '"a/b"',
    '"1"',
  ),
  fc.string({ unit: 'binary', maxLength: 3 }).map((text) => JSON.stringify(text)),
  fc.string({ unit: 'binary', maxLength: 2 }).map(escape),
);
const scalar = fc
  .oneof(
    fc.constantFrom('null', 'true', '-1.5e3', '"\\\\"', '"\\",\\"a\\":{"', '"[{,}]"', '""'),
    fc.string({ unit: 'binary', maxLength: 5 }).map((text) => JSON.stringify(text)),
  )
  .map((text): Written => ({ kind: 'scalar', text }));
const written = fc.letrec<{ value: Written }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }).map((items): Written => ({ kind: 'list', items })),
    fc
      .array(fc.tuple(rawKey, tie('value')), { maxLength: 5 })
      .map((entries): Written => ({ kind: 'object', entries })),
  ),
})).value;

describe('a key that is there twice', () => {
  test('is found where a naive reading finds it, and nowhere else', () => {
    fc.assert(
      fc.property(written, fc.constantFrom('', ' ', '\n\t '), (value, space) => {
        const text = write(value, space);
        JSON.parse(text);
        expect({ text, found: findDuplicateKey(text) }).toEqual({ text, found: naive(value) });
      }),
      { numRuns: 3_000 },
    );
  });

  test('is never found in what JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(findDuplicateKey(JSON.stringify(JSON.parse(text)))).toBeUndefined();
      }),
    );
  });

  test.each([
    ['{"a":1,"a":2}', '/a'],
    ['{"a":1,"\\u0061":2}', '/a'],
    ['{"a":{"b":1},"c":[{"x":1},{"d":1,"d":2}]}', '/c/1/d'],
    ['[{"a":1},{"a":1}]', undefined],
    ['{"a":{"a":{"a":1}}}', undefined],
    ['{"a":{"b":1},"b":{"b":1},"a":1}', '/a'],
    ['{"a":"a","b":"a"}', undefined],
    ['{"a/b":1,"a/b":1}', '/a~1b'],
    ['{"":1,"":1}', '/'],
    ['"a"', undefined],
    ['', undefined],
  ])('of %s is %s', (text, pointer) => {
    expect(findDuplicateKey(text)).toBe(pointer);
  });

  test('is looked for without recursion', () => {
    const deep = 200_000;
    expect(findDuplicateKey('{"a":'.repeat(deep) + '1' + '}'.repeat(deep))).toBeUndefined();
    expect(findDuplicateKey('['.repeat(deep) + ']'.repeat(deep))).toBeUndefined();
  });
});
