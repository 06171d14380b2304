import { expect, test } from '@jest/globals';
import { MEMORY_CHARS_MAX } from '../../src/contracts/limits.ts';
import { memoryQuery, memoryText } from '../../src/domain/memory-text.ts';

test.each([
  ['a line end', '"first\\nsecond"', 'first second'],
  ['a quote', '"say \\"hi\\""', 'say hi'],
  ['half a surrogate pair', '"a\\ud800b"', 'a b'],
  ['a backslash before an n', '"a\\\\nb"', 'a nb'],
  ['a cut in an escape', '"a\\u00', 'a'],
])('%s in an output is no part of a word', (_what, json, words) => {
  expect(memoryText('', json).replaceAll('"', '').trim()).toContain(words);
});

test.each([
  ['an address', 'https://api.example.org/a_b?c=d', ' https api example org a b c d'],
  ['a file', 'report-2026.json', ' report 2026 json'],
])('%s is its words', (_what, text, words) => {
  expect(memoryText('', JSON.stringify(text)).trimEnd()).toBe(words);
  expect(memoryQuery(text)).toBe(words.trimStart());
});

test('a query keeps its quotes and what is not to be found', () => {
  expect(memoryQuery('"two words" -three or four-five')).toBe('"two words" -three or four five');
});

test('holds no NUL, and no more than Postgres takes', () => {
  const text = memoryText('go\0al', 'x'.repeat(2 * MEMORY_CHARS_MAX));
  expect(text).toHaveLength(MEMORY_CHARS_MAX);
  expect(text.startsWith('go al ')).toBe(true);
});
