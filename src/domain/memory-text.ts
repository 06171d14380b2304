import { MEMORY_CHARS_MAX } from '../contracts/limits.ts';

/** What joins words keeps Postgres' parser looking for one long name in them, for a time that grows with its square. */
const NO_WORD = /[^\p{L}\p{M}\p{N}]+/gu;

/** The text whose words a finished run is found by; `outcome` is JSON text, which may be cut off anywhere. */
export function memoryText(goal: string, outcome: string): string {
  // An escaped line end is no letter of the word after it, and a NUL is nothing that Postgres takes.
  const words = outcome.replaceAll(/\\(?:u[0-9a-fA-F]{4}|.)/g, ' ');
  return `${goal}\n${words}`.slice(0, MEMORY_CHARS_MAX).replaceAll(NO_WORD, ' ');
}

/** The same for what is asked: quotes, and a minus before a word, keep their meaning. */
export const memoryQuery = (query: string): string =>
  query.replaceAll(/(?<=\S)-|[^\p{L}\p{M}\p{N}"-]+/gu, ' ');
