/** What an escape at a place stands for, and how long it is; undefined when there is none. */
export type ReadEscape = (text: string, at: number) => { code: number; length: number } | undefined;

/** A way of writing characters as others. */
export interface Escaping {
  /** Every escape begins with one of these. */
  marks: readonly string[];
  read: ReadEscape;
}

/** In place of a character that stands for nothing. */
export const NOTHING = -1;

const HEX = /^[\da-fA-F]+$/;

function hexAt(text: string, at: number, digits: number): number | undefined {
  const written = text.slice(at, at + digits);
  return written.length === digits && HEX.test(written) ? Number.parseInt(written, 16) : undefined;
}

function readPercent(text: string, at: number): ReturnType<ReadEscape> {
  const byte = hexAt(text, at + 1, 2);
  if (byte !== undefined) return { code: byte, length: 3 };
  const unit = text[at + 1] === 'u' ? hexAt(text, at + 2, 4) : undefined;
  return unit === undefined ? undefined : { code: unit, length: 6 };
}

/** `%41`, as in URLs; what is beyond ASCII is the bytes of its UTF-8. */
export const PERCENT: Escaping = { marks: ['%'], read: readPercent };

/** The same where `+` is a space, as in forms. */
export const FORM: Escaping = {
  marks: ['+', '%'],
  read: (text, at) => (text[at] === '+' ? { code: 0x20, length: 1 } : readPercent(text, at)),
};

const CONTROLS: Readonly<Record<string, number>> = { b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 };

/** `\u0041`, `\x41`, `\n`, `\/`: JSON and the languages around it. */
export const BACKSLASH: Escaping = {
  marks: ['\\'],
  read(text, at) {
    const next = text[at + 1];
    if (next === undefined) return undefined;
    if (next === 'u' || next === 'x') {
      const digits = next === 'u' ? 4 : 2;
      const code = hexAt(text, at + 2, digits);
      return code === undefined ? undefined : { code, length: 2 + digits };
    }
    const control = CONTROLS[next];
    if (control !== undefined) return { code: control, length: 2 };
    return /[\dA-Za-z]/.test(next) ? undefined : { code: text.charCodeAt(at + 1), length: 2 };
  },
};

const NAMED_ASCII =
  'Tab 9 NewLine 10 excl 33 quot 34 num 35 dollar 36 percnt 37 amp 38 apos 39 lpar 40 rpar 41 ast 42 midast 42 plus 43 ' +
  'comma 44 hyphen 45 period 46 sol 47 colon 58 semi 59 lt 60 equals 61 gt 62 quest 63 commat 64 lsqb 91 lbrack 91 ' +
  'bsol 92 rsqb 93 rbrack 93 Hat 94 lowbar 95 grave 96 lcub 123 lbrace 123 verbar 124 vert 124 rcub 125 rbrace 125 ' +
  'AMP 38 LT 60 GT 62 QUOT 34';
/** From U+00A0 on. */
const NAMED_LATIN =
  'nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro ' +
  'para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil ' +
  'Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave ' +
  'Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml ' +
  'igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute ' +
  'thorn yuml';

const NAMED: ReadonlyMap<string, number> = new Map([
  ...[...NAMED_ASCII.matchAll(/(\w+) (\d+)/g)].map(([, name, code]): [string, number] => [
    name!,
    Number(code),
  ]),
  ...NAMED_LATIN.split(' ').map((name, index): [string, number] => [name, 0xa0 + index]),
]);

const ENTITY = /&(?:#(\d{1,10})|#[xX]([\da-fA-F]{1,8})|([A-Za-z]{2,8}\d{0,2}));?/y;

/** `&#65;`, `&#x41;`, `&amp;`: HTML and XML. */
export const ENTITIES: Escaping = {
  marks: ['&'],
  read(text, at) {
    ENTITY.lastIndex = at;
    const match = ENTITY.exec(text);
    if (!match) return undefined;
    const [all, decimal, hex, name] = match;
    const code =
      decimal === undefined
        ? hex === undefined
          ? NAMED.get(name!)
          : Number.parseInt(hex, 16)
        : Number(decimal);
    if (code === undefined || code > 0x10ffff) return undefined;
    return { code, length: all.length };
  },
};

/** Every second byte of UTF-16 that was read as another encoding. */
export const NULS: Escaping = { marks: ['\0'], read: () => ({ code: NOTHING, length: 1 }) };

/** Long base64 is often broken into lines. */
export const LINE_BREAKS: Escaping = {
  marks: ['\n', '\r'],
  read: () => ({ code: NOTHING, length: 1 }),
};
