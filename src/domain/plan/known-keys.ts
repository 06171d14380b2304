import type { Json, JsonObject } from '../../contracts/json.ts';
import { nearest } from '../near-miss.ts';
import { childPointer } from './pointer.ts';
import type { ProblemCode, WarningCode } from './problem-codes.ts';
import type { ProblemList } from './problem-list.ts';
import { didYouMean, quote } from './wording.ts';

export interface Findings {
  problems: ProblemList<ProblemCode>;
  warnings: ProblemList<WarningCode>;
}

export interface KnownEntries {
  entries: JsonObject;
  /** Known keys that a misspelt one was probably meant to be: that they are missing is no second problem. */
  meant: ReadonlySet<string>;
}

/** Keeps the entries with a known key; a key that is nearly known is a problem, any other a warning. */
export function keepKnown(
  object: JsonObject,
  known: readonly string[],
  pointer: string,
  noun: string,
  { problems, warnings }: Findings,
): KnownEntries {
  const entries: [string, Json][] = [];
  const meant = new Set<string>();
  for (const [key, value] of Object.entries(object)) {
    if (known.includes(key)) {
      entries.push([key, value]);
      continue;
    }
    const near = nearest(key, known);
    const at = (): string => childPointer(pointer, key);
    if (near === undefined) {
      warnings.add(at, 'KEY_IGNORED', () => `${noun} has no key ${quote(key)}; it is ignored.`);
    } else {
      meant.add(near);
      const message = (): string => `unknown key ${quote(key)}${didYouMean(near)}`;
      problems.add(at, 'UNKNOWN_KEY', message, () => near);
    }
  }
  return { entries: Object.fromEntries(entries), meant };
}
