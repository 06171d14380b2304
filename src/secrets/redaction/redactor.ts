import { isJsonObject } from '../../contracts/json.ts';
import type { Json } from '../../contracts/json.ts';
import { createFind } from './find.ts';
import type { Find } from './find.ts';
import { markOf } from './mark.ts';
import { needlesOf } from './needles.ts';
import { viewsOf, withoutLineBreaks } from './views.ts';
import type { View } from './views.ts';

/** Hides secrets in what comes from outside; what holds none stays what it is. */
export interface Redactor {
  text: (text: string) => string;
  /** In keys and strings at every depth, and in numbers that are a secret. */
  json: (value: Json) => Json;
  bytes: (bytes: Buffer) => Buffer;
  /** How long the longest secret may be, however it is escaped: text that was cut off may end within one. */
  longest: number;
}

/** A secret that may come back; `token` stands for it until it is sent. */
export interface KnownSecret {
  name: string;
  value: string;
  token: string;
}

interface Sought {
  mark: string;
  plain: Find[];
  encoded: Find[];
}

interface Range {
  from: number;
  to: number;
  mark: string;
}

/** `\u0025\u0034\u0031` for one byte. */
const ESCAPED_LENGTH_MAX = 18;
const LENGTH_MIN = 8;

/** Creates the redactor of one call. */
export function createRedactor(secrets: readonly KnownSecret[]): Redactor {
  const sought = secrets.map(({ name, value, token }): Sought => {
    const { plain, encoded } = needlesOf(value);
    const tokenNeedle = { text: token, before: 0, after: 0 };
    return {
      mark: markOf(name),
      plain: [...plain, tokenNeedle].map(createFind),
      encoded: encoded.map(createFind),
    };
  });

  const hasSpaces = secrets.some(({ value }) => value.includes(' '));

  function text(source: string): string {
    if (source.length < LENGTH_MIN) return source;
    const ranges: Range[] = [];
    const { near, far } = viewsOf(source, hasSpaces);
    const search = (view: View, finds: (each: Sought) => Find[]): void => {
      for (const each of sought)
        for (const find of finds(each)) collect(view, find, each.mark, ranges);
    };
    for (const view of [...near, ...far]) search(view, ({ plain }) => plain);
    for (const view of near) {
      search(view, ({ encoded }) => encoded);
      const unbroken = withoutLineBreaks(view);
      if (unbroken) search(unbroken, ({ encoded }) => encoded);
    }
    return ranges.length === 0 ? source : replace(source, ranges);
  }

  function json(value: Json): Json {
    if (typeof value === 'string') return text(value);
    if (typeof value === 'number') return number(value);
    if (Array.isArray(value)) return value.map(json);
    if (!isJsonObject(value)) return value;
    // Defines own properties, so a key `__proto__` is a key like any other.
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]): [string, Json] => [text(key), json(inner)]),
    );
  }

  /** A number of many digits is not told exactly, so it is also compared as one. */
  function number(value: number): Json {
    const same = secrets.find((secret) => Number(secret.value) === value && value !== 0);
    if (same) return markOf(same.name);
    const written = String(value);
    return text(written) === written ? value : text(written);
  }

  return {
    text,
    json,
    bytes(bytes) {
      const written = bytes.toString('latin1');
      const shown = text(written);
      return shown === written ? bytes : Buffer.from(shown, 'latin1');
    },
    longest: Math.max(
      0,
      ...secrets.map(({ value }) => ESCAPED_LENGTH_MAX * Buffer.byteLength(value)),
    ),
  };
}

/** Adds the places of a needle, those that touch as one. */
function collect({ text, places }: View, find: Find, mark: string, ranges: Range[]): void {
  let last: Range | undefined;
  find(text, (start, end) => {
    const from = places?.[start] ?? start;
    const to = places?.[end] ?? end;
    if (last && from <= last.to) {
      last.to = Math.max(last.to, to);
      return;
    }
    last = { from, to, mark };
    ranges.push(last);
  });
}

function replace(source: string, ranges: Range[]): string {
  ranges.sort((one, other) => one.from - other.from);
  const pieces: string[] = [];
  let end = 0;
  for (const { from, to, mark } of ranges) {
    // The rest of what overlaps is hidden with what is before it.
    if (from >= end) pieces.push(source.slice(end, from), mark);
    end = Math.max(end, to);
  }
  return pieces.join('') + source.slice(end);
}
