import { expect, test } from '@jest/globals';
import { readFlags, SCENARIOS } from '../../bench/flags.ts';

test('without flags every scenario runs five rounds', () => {
  expect(readFlags([])).toEqual({
    rounds: 5,
    only: SCENARIOS,
    quick: false,
    profile: false,
    json: undefined,
  });
});

test('a quick bench leaves out what waits long, unless it is named', () => {
  expect(readFlags(['--quick'])).toMatchObject({
    rounds: 2,
    only: expect.not.arrayContaining(['transactions']),
  });
  expect(readFlags(['--quick', '--only', 'inline,transactions'])).toMatchObject({
    only: ['inline', 'transactions'],
  });
});

test.each([
  [['--rounds', '0'], '--rounds takes a whole number from 1.'],
  [['--rounds', '1.5'], '--rounds takes a whole number from 1.'],
  [['--only', 'inline,fast'], '--only: there is no "fast"'],
  [['--slow'], '--slow'],
])('%j is refused', (args, message) => {
  expect(() => readFlags(args)).toThrow(message);
});
