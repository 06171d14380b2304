import { expect, test } from '@jest/globals';
import { longestPathMs } from '../../src/simulation/duration.ts';

const step = (id: string, latencyMs: number, dependsOn?: string[]) => ({
  id,
  latencyMs,
  dependsOn,
});

test.each([
  ['nothing', [], 0],
  ['steps in order', [step('a', 1), step('b', 20), step('c', 300)], 321],
  ['steps together', [step('a', 1, []), step('b', 20), step('c', 300)], 300],
  [
    'a diamond',
    [step('a', 1), step('b', 20, ['a']), step('c', 5, ['a']), step('d', 3, ['b', 'c'])],
    24,
  ],
  ['a step written before what it waits for', [step('a', 1, ['b']), step('b', 20)], 21],
  ['an unknown dependency', [step('a', 1, ['x']), step('b', 20)], 20],
  ['a cycle, which never begins', [step('a', 1, ['b']), step('b', 20, ['a']), step('c', 7)], 7],
  [
    'two steps of one name: the first is meant',
    [step('a', 1), step('a', 50), step('b', 2, ['a'])],
    50,
  ],
])('the longest path of %s', (_what, steps, ms) => {
  expect(longestPathMs(steps)).toBe(ms);
});
