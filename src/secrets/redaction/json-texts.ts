import { isJsonObject } from '../../contracts/json.ts';
import type { Json } from '../../contracts/json.ts';

/** The texts of a value: keys, strings, and numbers as they are written, each in its order. */
export function textsOf(value: Json, texts: string[] = []): string[] {
  if (typeof value === 'string') texts.push(value);
  else if (typeof value === 'number') texts.push(String(value));
  else if (Array.isArray(value)) for (const item of value) textsOf(item, texts);
  else if (isJsonObject(value)) {
    for (const [key, inner] of Object.entries(value)) {
      texts.push(key);
      textsOf(inner, texts);
    }
  }
  return texts;
}

/** The value with other texts, in the same order; `numberOf` says what becomes of a number and its text. */
export function withTexts(
  value: Json,
  texts: Iterator<string>,
  numberOf: (value: number, text: string) => Json,
): Json {
  const next = (): string => texts.next().value as string;
  const rebuild = (item: Json): Json => {
    if (typeof item === 'string') return next();
    if (typeof item === 'number') return numberOf(item, next());
    if (Array.isArray(item)) return item.map(rebuild);
    if (!isJsonObject(item)) return item;
    // Defines own properties, so a key `__proto__` is a key like any other.
    return Object.fromEntries(
      Object.values(item).map((inner): [string, Json] => [next(), rebuild(inner)]),
    );
  };
  return rebuild(value);
}
