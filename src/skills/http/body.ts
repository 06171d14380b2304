import { isUtf8 } from 'node:buffer';
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';
import { AosError } from '../../contracts/failures.ts';
import type { Json } from '../../contracts/json.ts';
import { codeOf } from './error-code.ts';
import { HTTP_CODINGS_MAX, HTTP_JSON_DEPTH_MAX } from '../../contracts/limits.ts';

const TEXT_TYPE = /^text\/|[/+](?:json|xml|yaml|javascript|x-ndjson|x-www-form-urlencoded)$/;
const JSON_TYPE = /^(?:application|text)\/json$|\+json$/;

type Decode = (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const decodeGzip: Decode = promisify(gunzip);
const decodeZlib: Decode = promisify(inflate);
const decodeRaw: Decode = promisify(inflateRaw);
const decodeBrotli: Decode = promisify(brotliDecompress);
// Servers differ on what `deflate` means: with zlib's header, whose low nibble is 8, or without.
const decodeDeflate: Decode = (bytes, options) =>
  ((bytes[0] ?? 0) & 0x0f) === 8 ? decodeZlib(bytes, options) : decodeRaw(bytes, options);

const DECODERS: ReadonlyMap<string, Decode> = new Map([
  ['gzip', decodeGzip],
  ['x-gzip', decodeGzip],
  ['deflate', decodeDeflate],
  ['br', decodeBrotli],
]);

/** Undoes the content codings, up to a number of bytes; bytes in a coding that is not known stay as they are. */
export async function decodeContent(
  bytes: Buffer,
  contentEncoding: string,
  bytesMax: number,
  tooLarge: (bytesMax: number) => AosError,
): Promise<Buffer> {
  const written = contentEncoding.split(',').map((coding) => coding.trim().toLowerCase());
  const codings = written.filter((coding) => coding !== '' && coding !== 'identity');
  if (codings.length > HTTP_CODINGS_MAX) {
    throw invalid(
      `The response is encoded ${codings.length} times over, more than ${HTTP_CODINGS_MAX}.`,
    );
  }
  const decoders = codings.reverse().map((coding) => DECODERS.get(coding));
  let decoded = bytes;
  if (bytes.length === 0 || decoders.includes(undefined)) return decoded;
  for (const decode of decoders) {
    try {
      decoded = (await decode?.(decoded, { maxOutputLength: bytesMax })) ?? decoded;
    } catch (error) {
      if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(bytesMax);
      throw invalid('The response is not in the content encoding that it states.', error);
    }
  }
  return decoded;
}

const invalid = (message: string, cause?: unknown): AosError =>
  new AosError('RESPONSE_INVALID', `${message} The server must be corrected.`, {}, { cause });

/** Whether a body in this coding can be read at all. */
export const isReadable = (contentEncoding: string): boolean =>
  contentEncoding
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .every((coding) => coding === '' || coding === 'identity' || DECODERS.has(coding));

/** A body as a step's output shows it. */
export interface BodyView {
  body: Json;
  body_encoding?: 'base64';
  body_error?: string;
}

const EXCERPT_BYTES_MAX = 2048;

/** The beginning of a body as text, or nothing when it is none; `hide` sees all of it first. */
export function readExcerpt(
  bytes: Buffer,
  contentType: string,
  hide?: (text: string) => string,
): string {
  const type = typeOf(contentType);
  if (type !== '' && !TEXT_TYPE.test(type)) return '';
  if (!hide) return new TextDecoder().decode(bytes.subarray(0, EXCERPT_BYTES_MAX));
  return hide(new TextDecoder().decode(bytes)).slice(0, EXCERPT_BYTES_MAX);
}

const typeOf = (contentType: string): string =>
  (contentType.split(';')[0] ?? '').trim().toLowerCase();

const charsetOf = (contentType: string): string | undefined =>
  /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType)?.[1];

/** Whether the bytes become the text that they are; in any other charset what is looked for may be torn by it. */
export const isSoundText = (bytes: Buffer, contentType: string): boolean =>
  /^utf-?8$/i.test(charsetOf(contentType) ?? 'utf-8') && isUtf8(bytes);

/** Shows the bytes as JSON, as text, or else as base64. */
export function viewBody(bytes: Buffer, contentType: string): BodyView {
  const type = typeOf(contentType);
  const isText = TEXT_TYPE.test(type);
  if (bytes.length === 0) return { body: isText && !JSON_TYPE.test(type) ? '' : null };
  const text = decodeText(bytes, charsetOf(contentType) ?? 'utf-8') ?? decodeText(bytes, 'utf-8');
  if (JSON_TYPE.test(type)) return viewJson(bytes, text);
  // Text that is no UTF-8 and names no charset is, nearly always, windows-1252.
  const shown = text ?? (isText ? decodeText(bytes, 'windows-1252') : undefined);
  return shown === undefined ? viewBinary(bytes) : { body: shown };
}

const viewBinary = (bytes: Buffer): BodyView => ({
  body: bytes.toString('base64'),
  body_encoding: 'base64',
});

function viewJson(bytes: Buffer, text: string | undefined): BodyView {
  if (text === undefined) {
    return { ...viewBinary(bytes), body_error: 'The body is stated to be JSON but is not UTF-8.' };
  }
  if (isDeeperThan(text, HTTP_JSON_DEPTH_MAX)) {
    return { body: text, body_error: `The JSON nests deeper than ${HTTP_JSON_DEPTH_MAX} levels.` };
  }
  try {
    return { body: JSON.parse(text) as Json };
  } catch {
    return { body: text, body_error: 'The body is stated to be JSON but does not parse.' };
  }
}

function decodeText(bytes: Buffer, charset: string): string | undefined {
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Looks only at brackets outside strings: whoever walks the value later may do so by recursion. */
function isDeeperThan(text: string, depthMax: number): boolean {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (isInString) {
      if (character === '\\') at += 1;
      else if (character === '"') isInString = false;
    } else if (character === '"') isInString = true;
    else if (character === '{' || character === '[') depth += 1;
    else if (character === '}' || character === ']') depth -= 1;
    if (depth > depthMax) return true;
  }
  return false;
}
