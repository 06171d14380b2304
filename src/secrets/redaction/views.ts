import { BACKSLASH, ENTITIES, FORM, LINE_BREAKS, NOTHING, NULS, PERCENT } from './escapes.ts';
import type { Escaping } from './escapes.ts';

/** A text with escapes undone, and where each of its characters, and its end, was in the source. */
export interface View {
  text: string;
  /** Absent for the source itself. */
  places?: Uint32Array;
  /** What its escapes stood for, as far as that may begin an escape again. */
  made: ReadonlySet<string>;
}

const MARKS: ReadonlySet<number> = new Set(
  [BACKSLASH, FORM, ENTITIES].flatMap(({ marks }) => marks.map((mark) => mark.charCodeAt(0))),
);

/** The view without the escapes of one kind; undefined when it has none. */
function decode({ text, places }: View, { marks, read }: Escaping): View | undefined {
  if (!marks.some((mark) => text.includes(mark))) return undefined;
  const mark = marks[0]!.charCodeAt(0);
  const otherMark = marks.at(-1)!.charCodeAt(0);
  const codes = new Uint16Array(text.length);
  const from = new Uint32Array(text.length + 1);
  const made = new Set<string>();
  let length = 0;
  let hasEscapes = false;
  for (let at = 0; at < text.length;) {
    const unit = text.charCodeAt(at);
    const source = places === undefined ? at : places[at]!;
    const escape = unit === mark || unit === otherMark ? read(text, at) : undefined;
    from[length] = source;
    if (escape === undefined) {
      codes[length] = unit;
      length += 1;
      at += 1;
      continue;
    }
    hasEscapes = true;
    const { code } = escape;
    if (code > 0xffff) {
      codes[length] = 0xd800 + ((code - 0x10000) >> 10);
      codes[length + 1] = 0xdc00 + ((code - 0x10000) & 0x3ff);
      from[length + 1] = source;
      length += 2;
    } else if (code !== NOTHING) {
      codes[length] = code;
      length += 1;
      if (MARKS.has(code)) made.add(String.fromCharCode(code));
    }
    at += escape.length;
  }
  if (!hasEscapes) return undefined;
  from[length] = places === undefined ? text.length : places[text.length]!;
  const decoded = Buffer.from(codes.buffer, 0, 2 * length).toString('utf16le');
  return { text: decoded, places: from.subarray(0, length + 1), made };
}

/** Of one text, those with the fewest escapes undone first: a text may be JSON within JSON within JSON. */
const VIEWS_MAX = 32;

/**
 * A text as it is, and with the known ways of escaping undone, one within the other; `+` is a space too where a secret
 * has one.
 */
export function viewsOf(text: string, hasSpaces: boolean): View[] {
  const escapings = [BACKSLASH, PERCENT, ...(hasSpaces ? [FORM] : []), ENTITIES];
  const views: View[] = [{ text, made: new Set() }];
  const indexes = [-1];
  for (let at = 0; at < views.length && views.length < VIEWS_MAX; at += 1) {
    const view = views[at]!;
    for (const [index, escaping] of escapings.entries()) {
      // Escapes that stand side by side are undone in one order; those within others in theirs.
      const isWithin = escaping.marks.some((mark) => view.made.has(mark));
      const inner = isWithin || index > indexes[at]! ? decode(view, escaping) : undefined;
      if (!inner) continue;
      views.push(inner);
      indexes.push(index);
    }
  }
  const withoutNuls = decode(views[0]!, NULS);
  return withoutNuls ? [...views, withoutNuls] : views;
}

const LINE_LENGTH_MIN = 40;
const isEncoded = (unit: number): boolean =>
  (unit >= 0x30 && unit <= 0x39) ||
  (unit >= 0x41 && unit <= 0x5a) ||
  (unit >= 0x61 && unit <= 0x7a) ||
  unit === 0x2b ||
  unit === 0x2d ||
  unit === 0x2f ||
  unit === 0x5f;

/** Whether some line ends as one of base64 does that was broken into lines: after many characters of its alphabet. */
function hasBrokenLines(text: string): boolean {
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', end + 1)) {
    let at = end - 1;
    if (text[at] === '\r') at -= 1;
    const first = at - LINE_LENGTH_MIN;
    while (at > first && isEncoded(text.charCodeAt(at))) at -= 1;
    if (at === first) return true;
  }
  return false;
}

/** The same view without its line breaks, where long base64 may be broken by them. */
export const withoutLineBreaks = (view: View): View | undefined =>
  hasBrokenLines(view.text) ? decode(view, LINE_BREAKS) : undefined;
