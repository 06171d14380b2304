import { GOAL_WORDS_MAX } from '../contracts/limits.ts';

export interface Described {
  id: string;
  /** Its words weigh more than those of the text. */
  title: string;
  text: string;
}

export interface Ranked {
  id: string;
  score: number;
  /** The words that were found. */
  matched: string[];
}

const TITLE_WEIGHT = 3;
const WORD_LETTERS_MIN = 3;
const STEM_LETTERS_MIN = 4;

const wordsOf = (text: string): Set<string> =>
  new Set(
    (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).filter(
      (word) => word.length >= WORD_LETTERS_MIN,
    ),
  );

/** The same word, or one that goes on where the other ends: `transform`, `transforms`. */
const isAlike = (one: string, other: string): boolean =>
  one === other ||
  (Math.min(one.length, other.length) >= STEM_LETTERS_MIN &&
    (one.startsWith(other) || other.startsWith(one)));

const holds = (words: ReadonlySet<string>, wanted: string): boolean =>
  words.has(wanted) || [...words].some((word) => isAlike(word, wanted));

/**
 * Ranks what is described by how many words of a sentence it has; a word counts for less, the more of them have it. Equal
 * ones keep their order.
 */
export function rankByWords(sentence: string, all: readonly Described[]): Ranked[] {
  const read = all.map(({ id, title, text }) => ({
    id,
    title: wordsOf(title),
    text: wordsOf(text),
  }));
  const found = read.map(({ id }): Ranked => ({ id, score: 0, matched: [] }));
  for (const word of [...wordsOf(sentence)].slice(0, GOAL_WORDS_MAX)) {
    const weights = read.map(({ title, text }) => {
      if (holds(title, word)) return TITLE_WEIGHT;
      return holds(text, word) ? 1 : 0;
    });
    const having = weights.filter((weight) => weight > 0).length;
    for (const [index, weight] of weights.entries()) {
      if (weight === 0) continue;
      found[index]!.score += weight / having;
      found[index]!.matched.push(word);
    }
  }
  return found
    .map((each) => ({ ...each, score: Math.round(each.score * 1000) / 1000 }))
    .toSorted((one, other) => other.score - one.score);
}
