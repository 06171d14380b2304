import { LABEL_LENGTH_MAX } from '../../contracts/limits.ts';
import type { Json } from '../../contracts/json.ts';
import type { QuerySource } from '../../contracts/typed-query.ts';
import { nearest } from '../../domain/near-miss.ts';
import type { Findings } from '../../domain/plan/known-keys.ts';
import { didYouMean, quote, quoteSome } from '../../domain/plan/wording.ts';
import type { Source } from '../catalogue/source.ts';
import type { FieldRef } from '../checked.ts';

/** What all checks of one question share. */
export interface Scope extends Findings {
  from: QuerySource;
  source: Source;
}

const LABELS = 'labels.';

/** The field that a name stands for; else a problem, with the name that was probably meant. */
export function lookUpField(
  scope: Scope,
  pointer: string,
  name: Json | undefined,
): FieldRef | undefined {
  const { from, source, problems } = scope;
  if (typeof name !== 'string') {
    problems.add(pointer, 'INVALID_TYPE', () => 'must be the name of a field');
    return undefined;
  }
  if (name.startsWith(LABELS) && 'labels' in source.fields) {
    const label = name.slice(LABELS.length);
    if (label.length > 0 && label.length <= LABEL_LENGTH_MAX)
      return { name, field: source.fields['labels']!, label };
  }
  if (Object.hasOwn(source.fields, name)) return { name, field: source.fields[name]! };
  const known = Object.keys(source.fields);
  const near = nearest(name, known);
  problems.add(
    pointer,
    'UNKNOWN_KEY',
    () =>
      `\`${from}\` has no field ${quote(name)}${didYouMean(near) || '.'} ` +
      `It has ${quoteSome(known, known.length)}${'labels' in source.fields ? ' and `labels.NAME`' : ''}.`,
    () => near,
  );
  return undefined;
}

/** One of some words; else a problem, with the word that was probably meant. */
export function lookUpWord<Word extends string>(
  { problems }: Findings,
  pointer: string,
  word: Json | undefined,
  words: readonly Word[],
): Word | undefined {
  const found = words.find((each) => each === word);
  if (found !== undefined) return found;
  const near = typeof word === 'string' ? nearest(word, words) : undefined;
  problems.add(
    pointer,
    'INVALID_TYPE',
    () => `must be one of ${quoteSome(words, words.length)}${didYouMean(near)}`,
    () => near,
  );
  return undefined;
}

/** A list of at most so many entries; else a problem. An absent one is empty. */
export function readList(
  { problems }: Findings,
  pointer: string,
  value: Json | undefined,
  max: number,
): Json[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || value.length > max) {
    problems.add(pointer, 'INVALID_TYPE', () => `must be a list of at most ${max}`);
    return [];
  }
  return value;
}
