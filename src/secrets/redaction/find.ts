/** A text that is looked for, and by how many characters around it is known too little to show them. */
export interface Needle {
  text: string;
  before: number;
  after: number;
}

/** A needle, and what stands in the place of the secret that it is. */
export interface MarkedNeedle extends Needle {
  mark: string;
}

/** For every length of a beginning, the longest shorter beginning that it ends with (Knuth, Morris and Pratt). */
function fallbacksOf(text: string): Uint32Array {
  const fallbacks = new Uint32Array(text.length);
  let length = 0;
  for (let at = 1; at < text.length; at += 1) {
    while (length > 0 && text[at] !== text[length]) length = fallbacks[length - 1]!;
    if (text[at] === text[length]) length += 1;
    fallbacks[at] = length;
  }
  return fallbacks;
}

interface Sought extends MarkedNeedle {
  /** Made when its beginning is found for the first time: most never are. */
  fallbacks?: Uint32Array;
}

type Tell = (needle: MarkedNeedle, from: number, to: number) => void;

/** Tells every place of many needles in a text, those of one in their order, in a time that hardly grows with how many there are. */
export type Find = (text: string, tell: Tell) => void;

const { imul } = Math;
const HEAD_LENGTH_MAX = 8;
const BASE = 0x01000193;
/** Slots of the filter for each needle: most windows are none's, and are to be passed over without a look into the map. */
const SLOTS_PER_NEEDLE = 16;

/** As numbers, which are read faster than characters are, however the text is kept. */
function unitsOf(text: string): Uint16Array {
  const units = new Uint16Array(text.length);
  Buffer.from(units.buffer).write(text, 'utf16le');
  return units;
}

/**
 * Looks for all beginnings at once, by the hash of what is under a window (Rabin and Karp), and from there on by the
 * automaton of each needle, so that no text makes it slow.
 */
export function createFind(needles: readonly MarkedNeedle[]): Find {
  const headLength = needles.reduce(
    (length, { text }) => Math.min(length, text.length),
    HEAD_LENGTH_MAX,
  );
  const byHash = new Map<number, Sought[]>();
  const filterBits = Math.ceil(Math.log2(SLOTS_PER_NEEDLE * (needles.length + 1)));
  const filter = new Uint8Array(1 << filterBits);
  const slotOf = (hash: number): number => imul(hash, 0x9e3779b1) >>> (32 - filterBits);
  for (const needle of needles) {
    let hash = 0;
    for (let at = 0; at < headLength; at += 1)
      hash = (imul(hash, BASE) + needle.text.charCodeAt(at)) | 0;
    filter[slotOf(hash)] = 1;
    const others = byHash.get(hash);
    if (others) others.push({ ...needle });
    else byHash.set(hash, [{ ...needle }]);
  }
  let leaving = 1;
  for (let at = 0; at < headLength; at += 1) leaving = imul(leaving, BASE);

  return (text, tell) => {
    if (needles.length === 0) return;
    /** Up to where each needle that has begun somewhere was looked for. */
    const lookedTo = new Map<Sought, number>();
    const units = unitsOf(text);
    let hash = 0;
    for (let end = 0; end < units.length; end += 1) {
      hash = (imul(hash, BASE) + units[end]!) | 0;
      const start = end + 1 - headLength;
      if (start > 0) hash = (hash - imul(leaving, units[start - 1]!)) | 0;
      if (start < 0 || filter[slotOf(hash)] === 0) continue;
      const begun = byHash.get(hash);
      if (begun === undefined) continue;
      const head = text.slice(start, end + 1);
      for (const needle of begun) {
        if (start < (lookedTo.get(needle) ?? 0) || !needle.text.startsWith(head)) continue;
        lookedTo.set(needle, follow(needle, units, end + 1, headLength, tell));
      }
    }
  };
}

/** Follows a needle of which so much was found before a place; answers how far it is known where it stands. */
function follow(
  needle: Sought,
  units: Uint16Array,
  from: number,
  length: number,
  tell: Tell,
): number {
  const { text: sought, before, after } = needle;
  let fallbacks = needle.fallbacks;
  let at = from;
  let matched = length;
  while (matched > 0) {
    if (matched === sought.length) {
      tell(needle, Math.max(0, at - matched - before), Math.min(units.length, at + after));
    } else if (at === units.length) {
      return at;
    } else if (units[at] === sought.charCodeAt(matched)) {
      at += 1;
      matched += 1;
      continue;
    }
    fallbacks ??= needle.fallbacks = fallbacksOf(sought);
    matched = fallbacks[matched - 1]!;
  }
  return at;
}
