import type { Json } from '../../contracts/json.ts';
import { textsOf, withTexts } from './json-texts.ts';
import { createFind } from './find.ts';
import type { Find, MarkedNeedle } from './find.ts';
import { markOf } from './mark.ts';
import { needlesOf } from './needles.ts';
import { piecesOf } from './pieces.ts';
import type { Piece } from './pieces.ts';
import { joinTexts, replaceInTexts } from './ranges.ts';
import type { Range } from './ranges.ts';
import { viewsOf, withoutLineBreaks } from './views.ts';
import type { View } from './views.ts';

/** Hides secrets in what comes from outside; what holds none stays what it is. What may be large lets others in between. */
export interface Redactor {
  text: (text: string) => string;
  /** In keys and strings at every depth, and in numbers that are a secret. */
  json: (value: Json) => Promise<Json>;
  bytes: (bytes: Buffer) => Promise<Buffer>;
  /** How long the longest secret may be, however it is escaped: text that was cut off may end within one. */
  longest: number;
}

/** A secret that may come back; `token` stands for one of the call's own until it is sent. */
export interface KnownSecret {
  name: string;
  value: string;
  token?: string;
}

/** `\u0025\u0034\u0031` for one byte. */
const ESCAPED_LENGTH_MAX = 18;

/** `00000000` is no number to look for. */
const NUMBER_MIN = 10_000_000;

/** Creates the redactor of one call. */
export function createRedactor(secrets: readonly KnownSecret[]): Redactor {
  const plain: MarkedNeedle[] = [];
  const encoded: MarkedNeedle[] = [];
  for (const { name, value, token } of secrets) {
    const needles = needlesOf(value);
    const mark = markOf(name);
    if (token !== undefined) plain.push({ text: token, before: 0, after: 0, mark });
    for (const needle of needles.plain) plain.push({ ...needle, mark });
    for (const needle of needles.encoded) encoded.push({ ...needle, mark });
  }
  const findAll = createFind([...plain, ...encoded]);
  const findEncoded = createFind(encoded);
  const longest = Math.max(
    0,
    ...secrets.map(({ value }) => ESCAPED_LENGTH_MAX * Buffer.byteLength(value)),
  );
  const hasSpaces = secrets.some(({ value }) => value.includes(' '));
  // A number of many digits is not told exactly, so it is also compared as one.
  const numbers = new Map(
    secrets
      .map(({ name, value }): [number, string] => [Number(value), markOf(name)])
      .filter(([number]) => Math.abs(number) >= NUMBER_MIN),
  );

  function rangesIn({ text: piece, at }: Piece): Range[] {
    const ranges: Range[] = [];
    for (const view of viewsOf(piece, hasSpaces)) {
      collect(view, findAll, at, ranges);
      const unbroken = withoutLineBreaks(view);
      if (unbroken) collect(unbroken, findEncoded, at, ranges);
    }
    return ranges;
  }

  function hideAtOnce(text: string): string {
    const ranges = [...piecesOf(text, longest)].flatMap(rangesIn);
    return replaceInTexts([text], ranges)[0]!;
  }

  async function hideIn(texts: readonly string[]): Promise<readonly string[]> {
    const found: Range[][] = [];
    for (const piece of piecesOf(joinTexts(texts), longest)) {
      if (piece.at > 0) await new Promise((resolve) => setImmediate(resolve));
      found.push(rangesIn(piece));
    }
    return replaceInTexts(texts, found.flat());
  }

  return {
    text: hideAtOnce,
    async json(value) {
      const shown = await hideIn(textsOf(value));
      return withTexts(
        value,
        shown.values(),
        (number, written) => numbers.get(number) ?? (written === String(number) ? number : written),
      );
    },
    async bytes(bytes) {
      const written = bytes.toString('latin1');
      const [shown] = await hideIn([written]);
      return shown === written ? bytes : Buffer.from(shown!, 'latin1');
    },
    longest,
  };
}

/** Adds the places of needles, those of one that touch as one. */
function collect({ text, places }: View, find: Find, at: number, ranges: Range[]): void {
  const lasts = new Map<MarkedNeedle, Range>();
  find(text, (needle, start, end) => {
    const from = at + (places?.[start] ?? start);
    const to = at + (places?.[end] ?? end);
    const last = lasts.get(needle);
    if (last && from <= last.to) {
      last.to = Math.max(last.to, to);
      return;
    }
    const range = { from, to, mark: needle.mark };
    lasts.set(needle, range);
    ranges.push(range);
  });
}
