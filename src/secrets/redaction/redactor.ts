import type { Json } from '../../contracts/json.ts';
import { textsOf, withTexts } from './json-texts.ts';
import { createFind } from './find.ts';
import type { Find } from './find.ts';
import { markOf } from './mark.ts';
import { needlesOf } from './needles.ts';
import { replaceInTexts } from './ranges.ts';
import type { Range } from './ranges.ts';
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

/** A secret that may come back; `token` stands for one of the call's own until it is sent. */
export interface KnownSecret {
  name: string;
  value: string;
  token?: string;
}

interface Sought {
  mark: string;
  plain: Find[];
  encoded: Find[];
}

/** `\u0025\u0034\u0031` for one byte. */
const ESCAPED_LENGTH_MAX = 18;

/** `00000000` is no number to look for. */
const NUMBER_MIN = 10_000_000;

/** Creates the redactor of one call. */
export function createRedactor(secrets: readonly KnownSecret[]): Redactor {
  const sought = secrets.map(({ name, value, token }): Sought => {
    const { plain, encoded } = needlesOf(value);
    const own = token === undefined ? [] : [{ text: token, before: 0, after: 0 }];
    return {
      mark: markOf(name),
      plain: [...plain, ...own].map(createFind),
      encoded: encoded.map(createFind),
    };
  });
  const hasSpaces = secrets.some(({ value }) => value.includes(' '));
  // A number of many digits is not told exactly, so it is also compared as one.
  const numbers = new Map(
    secrets
      .map(({ name, value }): [number, string] => [Number(value), markOf(name)])
      .filter(([number]) => Math.abs(number) >= NUMBER_MIN),
  );

  function rangesIn(source: string): Range[] {
    const ranges: Range[] = [];
    if (sought.length === 0) return ranges;
    const search = (view: View, finds: (each: Sought) => Find[]): void => {
      for (const each of sought)
        for (const find of finds(each)) collect(view, find, each.mark, ranges);
    };
    for (const view of viewsOf(source, hasSpaces)) {
      search(view, ({ plain, encoded }) => [...plain, ...encoded]);
      const unbroken = withoutLineBreaks(view);
      if (unbroken) search(unbroken, ({ encoded }) => encoded);
    }
    return ranges;
  }

  const text = (source: string): string => replaceInTexts([source], rangesIn)[0]!;

  return {
    text,
    json(value) {
      const texts = textsOf(value);
      const shown = replaceInTexts(texts, rangesIn);
      return withTexts(
        value,
        shown.values(),
        (number, written) => numbers.get(number) ?? (written === String(number) ? number : written),
      );
    },
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
