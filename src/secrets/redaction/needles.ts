import type { Needle } from './find.ts';

/** What a secret may stand as in a text without escapes. */
export interface Needles {
  plain: Needle[];
  /** Of letters and digits alone, so that line breaks may stand in them. */
  encoded: Needle[];
}

const exactly = (text: string): Needle => ({ text, before: 0, after: 0 });
const latin1Of = (bytes: Buffer): string => bytes.toString('latin1');
const isLatin1 = (text: string): boolean => /^[\0-\xff]*$/.test(text);

/** The characters of base64 that depend on these bytes alone, for each place that they may have in a group of three. */
function base64Of(bytes: Buffer): Needle[] {
  return [0, 1, 2].flatMap((offset): Needle[] => {
    const padded = Buffer.concat([Buffer.alloc(offset), bytes]);
    const bits = 8 * padded.length;
    const first = offset === 0 ? 0 : offset + 1;
    const text = padded.toString('base64').slice(first, Math.floor(bits / 6));
    // The characters next to them hold some of their bits.
    const around = { before: offset === 0 ? 0 : 1, after: bits % 6 === 0 ? 0 : 1 };
    const urlSafe = text.replaceAll('+', '-').replaceAll('/', '_');
    return [text, urlSafe].map((each) => ({ text: each, ...around }));
  });
}

function hexOf(bytes: Buffer): Needle[] {
  const hex = bytes.toString('hex');
  return [exactly(hex), exactly(hex.toUpperCase())];
}

/** The forms in which somebody may have put it into something that was encoded as a whole. */
function writtenForms(value: string): string[] {
  return [value, JSON.stringify(value).slice(1, -1)];
}

const unique = (needles: readonly Needle[]): Needle[] => [
  ...new Map(needles.map((needle) => [needle.text, needle])).values(),
];

/** The bytes that it may be, each as a character. */
function asBytes(text: string): string[] {
  const utf16 = Buffer.from(text, 'utf16le');
  return [Buffer.from(text), utf16, Buffer.from(utf16).swap16()].map(latin1Of);
}

/** Everything that a secret is looked for as. Spaces around it get lost on the way, so they do not count. */
export function needlesOf(value: string): Needles {
  const core = value.trim();
  const lines = core.replaceAll('\r\n', '\n');
  const spellings = [...new Set([core, lines, lines.replaceAll('\n', '\r\n')])];
  const forms = [...new Set(spellings.flatMap(writtenForms))];
  const bytes = forms.flatMap((form) => [
    Buffer.from(form),
    ...(isLatin1(form) ? [Buffer.from(form, 'latin1')] : []),
  ]);
  // Names of hosts come back in lower case, and headers as one character a byte.
  const cases = [...spellings, ...spellings.map((each) => each.toLowerCase())];
  return {
    plain: unique([...cases, ...cases.flatMap(asBytes)].map(exactly)),
    encoded: unique(bytes.flatMap((each) => [...base64Of(each), ...hexOf(each)])),
  };
}
