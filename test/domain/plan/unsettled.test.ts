import { expect, test } from '@jest/globals';
import { isUnsettled, unsettledIn } from '../../../src/domain/plan/unsettled.ts';

const unsettled = unsettledIn({ a: [1, { b: 'x {{input}}' }], c: '{{name}}', d: {} });

test.each([
  [[], true],
  [['a'], true],
  [['a', 1], true],
  [['a', 1, 'b'], true],
  [['a', 1, 'b', 'below'], true],
  [['a', 0], false],
  [['a', 1, 'z'], false],
  [['c'], false],
  [['d', 'e'], false],
])('what stands at %j waits for a reference: %p', (path, expected) => {
  expect(isUnsettled(unsettled, path)).toBe(expected);
});

test('a value without references is settled everywhere', () => {
  expect(unsettledIn({ a: ['\\{{input}}', null, 1] })).toBeUndefined();
  expect(isUnsettled(undefined, [])).toBe(false);
});
