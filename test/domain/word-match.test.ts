import { expect, test } from '@jest/globals';
import { rankByWords } from '../../src/domain/word-match.ts';

const all = [
  { id: 'cook', title: 'Cook a meal', text: 'Heats food in a kitchen.' },
  { id: 'wash', title: 'Wash dishes', text: 'Cleans what a meal leaves in a kitchen.' },
  { id: 'rest', title: 'Rest', text: 'Nothing.' },
];
const rank = (sentence: string): string[] => rankByWords(sentence, all).map(({ id }) => id);

test.each([
  ['a word of a title goes before one of a text', 'meal', ['cook', 'wash', 'rest']],
  ['letters of any case', 'WASH', ['wash', 'cook', 'rest']],
  ['words that go on', 'cooking', ['cook', 'wash', 'rest']],
  ['words that end before', 'dish', ['wash', 'cook', 'rest']],
  [
    'a rare word weighs more than a common one',
    'kitchen kitchen nothing',
    ['rest', 'cook', 'wash'],
  ],
  ['no word at all keeps the order', '', ['cook', 'wash', 'rest']],
  ['words of two letters say nothing', 'in a', ['cook', 'wash', 'rest']],
])('%s', (_what, sentence, ids) => {
  expect(rank(sentence)).toEqual(ids);
});

test('tells which words were found', () => {
  expect(rankByWords('Clean the kitchen!', all)[0]).toEqual({
    id: 'wash',
    score: 1.5,
    matched: ['clean', 'kitchen'],
  });
});

test('a very long goal takes no long time', () => {
  const sentence = Array.from({ length: 100_000 }, (_, n) => `word${n}`).join(' ');
  expect(rankByWords(sentence, all)).toHaveLength(3);
});
