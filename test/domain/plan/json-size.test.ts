import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { jsonStringBytes, measureJson } from '../../../src/domain/plan/json-size.ts';

test('a value is measured as the bytes of its JSON text', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
      const bytes = Buffer.byteLength(JSON.stringify(value));
      expect(measureJson(value, Infinity, Infinity)).toEqual({ kind: 'ok', bytes });
      expect(measureJson(value, bytes, Infinity).kind).toBe('ok');
      expect(measureJson(value, bytes - 1, Infinity).kind).toBe('too_large');
    }),
  );
});

test.each([
  '"\\\b\f\n\r\t',
  '\u0000\u001f',
  'é',
  '€',
  '😀',
  '\ud800',
  '\udc00x',
  '\ud800\ud800\udc00',
])('the string %j is measured with its escapes', (text) => {
  const bytes = Buffer.byteLength(JSON.stringify(text)) - 2;
  expect(jsonStringBytes(text, Infinity)).toBe(bytes);
});

test('depth is counted in containers, and a hundred thousand of them do not overflow the stack', () => {
  let deep: unknown = 1;
  for (let level = 0; level < 100_000; level += 1) deep = level % 2 ? { a: deep } : [deep];
  expect(measureJson(deep, Infinity, 100_000).kind).toBe('ok');
  expect(measureJson(deep, Infinity, 99_999)).toEqual({ kind: 'too_deep' });
  expect(measureJson([[1]], 100, 2).kind).toBe('ok');
  expect(measureJson([[[]]], 100, 2)).toEqual({ kind: 'too_deep' });
});

test('a value that contains itself ends in a bound', () => {
  const knot: unknown[] = [];
  knot.push(knot, knot);
  expect(measureJson(knot, 1_000_000, 64)).toEqual({ kind: 'too_deep' });
});

test.each([[undefined], [Number.NaN], [Infinity], [1n], [() => 1], [Symbol('s')], [[undefined]]])(
  '%p is no JSON',
  (value) => {
    expect(measureJson(value, 100, 10)).toEqual({ kind: 'not_json' });
  },
);
