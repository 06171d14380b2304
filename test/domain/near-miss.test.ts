import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nearest } from '../../src/domain/near-miss.ts';

const known = ['depends_on', 'timeout_ms', 'skill', 'id', 'url', 'when'];

describe('a word is taken for a known one', () => {
  test.each([
    ['in another case', 'Depends_On', 'depends_on'],
    ['without its underscore', 'dependson', 'depends_on'],
    ['with a hyphen for the underscore', 'depends-on', 'depends_on'],
    ['in camel case', 'dependsOn', 'depends_on'],
    ['with two letters wrong', 'depands_om', 'depends_on'],
    ['with two letters missing', 'timeoutm', 'timeout_ms'],
    ['with neighbours swapped twice', 'dpeends_no', 'depends_on'],
    ['with one letter wrong in a short word', 'uri', 'url'],
    ['with neighbours swapped in a short word', 'ulr', 'url'],
    ['as it is', 'url', 'url'],
  ])('%s', (_, word, meant) => {
    expect(nearest(word, known)).toBe(meant);
  });
});

describe('a word is taken for no known one', () => {
  test.each([
    ['three edits away', 'depndsoooon'],
    ['two edits away from a short word', 'ur1i'],
    ['with a long ending more', 'timeout'],
    ['of another kind', 'labels'],
    ['when it is empty', ''],
    ['when it is as long as a book', 'u'.repeat(100_000)],
  ])('%s', (_, word) => {
    expect(nearest(word, known)).toBeUndefined();
  });
});

test('the closest of several near words is named', () => {
  expect(nearest('max_attempt', ['max_attempted', 'max_attempts'])).toBe('max_attempts');
});

test('nearness goes both ways', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'B', '_', '-'), maxLength: 9 });
  fc.assert(
    fc.property(letters, letters, (left, right) => {
      expect(nearest(left, [right]) === undefined).toBe(nearest(right, [left]) === undefined);
    }),
    { numRuns: 2000 },
  );
});

test('two edits are found wherever they are in a long word', () => {
  const edit = fc.record({ at: fc.nat(20), letter: fc.constantFrom('x', ''), cut: fc.nat(1) });
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 2 }), (edits) => {
      const word = edits.reduce(
        (text, { at, letter, cut }) => text.slice(0, at) + letter + text.slice(at + cut),
        'fallback_max_attempts',
      );
      expect(nearest(word, ['fallback_max_attempts'])).toBe('fallback_max_attempts');
    }),
  );
});
