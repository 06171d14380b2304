const WORD_LENGTH_MAX = 60;

/** Cuts a text that a client chose to a length that fits a message. */
export function clip(text: string, lengthMax = WORD_LENGTH_MAX): string {
  return text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text;
}

/** A word that a client chose, as messages show it. */
export const quote = (word: string): string => `\`${clip(word)}\``;

/** The first few of some words, and how many more there are. */
export function quoteSome(words: readonly string[], countMax = 8): string {
  const shown = words.slice(0, countMax).map(quote).join(', ');
  return words.length > countMax ? `${shown} and ${words.length - countMax} more` : shown;
}

export const didYouMean = (word: string | undefined): string =>
  word === undefined ? '' : `, did you mean ${quote(word)}?`;
