/** A part of a text, and where it begins. */
export interface Piece {
  text: string;
  at: number;
}

const OVERLAP_MIN = 16 * 1024;
/** Of a secret of 64 KiB, all that ordinary ways of writing make of it. */
const OVERLAP_MAX = 512 * 1024;
const LENGTH_MIN = 128 * 1024;

/** A long text in parts, so that searching one takes little time and memory; what is as long as `longest` is whole in one. */
export function* piecesOf(text: string, longest: number): Generator<Piece> {
  const overlap = Math.min(Math.max(longest, OVERLAP_MIN), OVERLAP_MAX);
  const step = Math.max(LENGTH_MIN, overlap);
  for (let at = 0; at === 0 || at + overlap < text.length; at += step)
    yield { text: text.slice(at, at + step + overlap), at };
}
