import { BACKSLASH, ENTITIES, FORM, LINE_BREAKS, NOTHING, NULS, PERCENT } from './escapes.ts';
import type { Escaping } from './escapes.ts';

/** A text with escapes undone, and where each of its characters, and its end, was in the source. */
export interface View {
  text: string;
  /** Absent for the source itself. */
  places?: Uint32Array;
}

/** The view without the escapes of one kind; undefined when it has none. */
function decode({ text, places }: View, { marks, read }: Escaping): View | undefined {
  if (!marks.some((mark) => text.includes(mark))) return undefined;
  const codes = new Uint16Array(text.length);
  const from = new Uint32Array(text.length + 1);
  const isMark = (code: number): boolean => marks.some((mark) => mark.charCodeAt(0) === code);
  const sourceOf = (at: number): number => places?.[at] ?? at;
  let length = 0;
  let hasEscapes = false;
  const put = (unit: number, at: number): void => {
    codes[length] = unit;
    from[length] = sourceOf(at);
    length += 1;
  };
  for (let at = 0; at < text.length;) {
    const unit = text.charCodeAt(at);
    const escape = isMark(unit) ? read(text, at) : undefined;
    if (!escape) {
      put(unit, at);
      at += 1;
      continue;
    }
    hasEscapes = true;
    const { code } = escape;
    if (code > 0xffff) {
      put(0xd800 + ((code - 0x10000) >> 10), at);
      put(0xdc00 + ((code - 0x10000) & 0x3ff), at);
    } else if (code !== NOTHING) {
      put(code, at);
    }
    at += escape.length;
  }
  if (!hasEscapes) return undefined;
  from[length] = sourceOf(text.length);
  const decoded = Buffer.from(codes.buffer, 0, 2 * length).toString('utf16le');
  return { text: decoded, places: from.subarray(0, length + 1) };
}

const ESCAPINGS = [BACKSLASH, PERCENT, FORM, ENTITIES];

/** A text as it is, and with one or two of the known ways of escaping undone. */
export function* viewsOf(text: string): Generator<View> {
  const source: View = { text };
  yield source;
  for (const escaping of [...ESCAPINGS, NULS]) {
    const once = decode(source, escaping);
    if (!once) continue;
    yield once;
    for (const inner of ESCAPINGS) {
      const twice = decode(once, inner);
      if (twice) yield twice;
    }
  }
}

/** The same view without its line breaks; undefined when it has none. */
export const withoutLineBreaks = (view: View): View | undefined => decode(view, LINE_BREAKS);
