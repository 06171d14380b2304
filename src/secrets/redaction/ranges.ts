/** A part of a text, and what is to stand in its place. */
export interface Range {
  from: number;
  to: number;
  mark: string;
}

/** Halves of characters, which no secret has: nothing is found across them. Two, since a text may end in an escape. */
const SEPARATOR = '\ud800\ud800';

/** Texts as one, since each search has its price. */
export const joinTexts = (texts: readonly string[]): string => texts.join(SEPARATOR);

/** Replaces what was found in the texts as one. */
export function replaceInTexts(texts: readonly string[], found: Range[]): readonly string[] {
  const ranges = found.sort((one, other) => one.from - other.from);
  if (ranges.length === 0) return texts;
  let start = 0;
  let next = 0;
  return texts.map((text) => {
    const end = start + text.length;
    const here: Range[] = [];
    // What is hidden beside a secret may reach into the separator.
    while (next < ranges.length && ranges[next]!.from < end) {
      const { from, to, mark } = ranges[next]!;
      here.push({ from: Math.max(0, from - start), to: Math.min(text.length, to - start), mark });
      next += 1;
    }
    start = end + SEPARATOR.length;
    return replace(text, here);
  });
}

function replace(text: string, ranges: readonly Range[]): string {
  const pieces: string[] = [];
  let end = 0;
  let last: string | undefined;
  for (const { from, to, mark } of ranges) {
    // The rest of what overlaps is hidden with what is before it, and so is the same secret right behind.
    const isNew = from > end || (from === end && mark !== last);
    if (isNew && from < to) {
      pieces.push(text.slice(end, from), mark);
      last = mark;
    }
    end = Math.max(end, to);
  }
  return pieces.join('') + text.slice(end);
}
