import { domainToASCII } from 'node:url';
import {
  EMAIL_ADDRESS_LENGTH_MAX,
  EMAIL_HOST_LENGTH_MAX,
  EMAIL_LOCAL_PART_LENGTH_MAX,
} from '../../contracts/limits.ts';

/** Who a message is from or for: an address as it goes out, and a display name, which may be empty. */
export interface Mailbox {
  name: string;
  address: string;
}

const QUOTE_LENGTH_MAX = 60;

/** What would end a header, and what is no text. */
const UNPRINTABLE = /[\p{Cc}\p{Surrogate}\u2028\u2029]/u;
const MAILBOX = /^(?:(?:"((?:[^"\\]|\\.)*)"|([^"<>(),:;@[\]\\]*))\s*<([^<>\s]+)>|([^"<>\s]+))$/;
const LOCAL_PART = /^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/;
const HOST = /^(?:(?!-)[a-z\d-]{1,63}(?<!-)\.)*(?!-)(?=[\d-]*[a-z])[a-z\d-]{1,63}(?<!-)$/;

/** Whether the text may stand in a header: one line, without control characters. */
export const isOneLine = (text: string): boolean => !UNPRINTABLE.test(text);

/** `=?…?=` is read as another text by whoever receives it: line breaks and names can hide in it. */
export const isNoEncodedWord = (text: string): boolean => !/=\?[^?\s]*\?[bq]\?/i.test(text);
export const ENCODED_WORD =
  'holds `=?…?q?` or `=?…?b?`, where mail readers begin to decode. Write the text itself';

/** The text for a message, on one line and not long. */
export const quote = (text: string): string => {
  const plain = text.replaceAll(/[\p{Cc}\p{Surrogate}\s]+/gu, ' ').trim();
  return `"${plain.length > QUOTE_LENGTH_MAX ? `${plain.slice(0, QUOTE_LENGTH_MAX)}…` : plain}"`;
};

/**
 * Reads `name@host` and `Display Name <name@host>`, comma-separated; at most `countMax` of them.
 * Throws an Error whose message says what is wrong and what is right.
 */
export function parseMailboxes(text: string, countMax: number): Mailbox[] {
  if (!isOneLine(text)) {
    throw new Error(
      `${quote(text)} holds a line break or another control character. Write it on one line.`,
    );
  }
  if (!isNoEncodedWord(text)) throw new Error(`${quote(text)} ${ENCODED_WORD}.`);
  return splitAtCommas(text, countMax).map(parseMailbox);
}

/** Commas inside a quoted name separate nothing. */
function splitAtCommas(text: string, countMax: number): string[] {
  const parts: string[] = [];
  let isQuoted = false;
  let start = 0;
  for (let at = 0; at < text.length && parts.length < countMax; at += 1) {
    if (isQuoted && text[at] === '\\') at += 1;
    else if (text[at] === '"') isQuoted = !isQuoted;
    else if (text[at] === ',' && !isQuoted) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  if (parts.length === countMax) throw new Error(`names ${tooMany(countMax)}.`);
  return [...parts, text.slice(start)];
}

/** The end of the sentence about a message with more addresses than it may have. */
export const tooMany = (countMax: number): string =>
  `more than ${countMax} addresses, the limit. Send several messages`;

function parseMailbox(text: string): Mailbox {
  const written = text.trim();
  if (written.length > EMAIL_ADDRESS_LENGTH_MAX) {
    throw new Error(
      `${quote(written)} has ${written.length} characters, and the limit is ${EMAIL_ADDRESS_LENGTH_MAX}.`,
    );
  }
  const [, quoted, bare, bracketed, plain] = MAILBOX.exec(written) ?? [];
  const address = toAddress(bracketed ?? plain ?? '');
  if (address === undefined) {
    throw new Error(
      `${quote(written)} is no e-mail address. Write name@host or Display Name <name@host>, ` +
        'and a display name with other signs than letters, digits, dots and spaces in quotes.',
    );
  }
  return { name: (quoted?.replaceAll(/\\(.)/g, '$1') ?? bare ?? '').trim(), address };
}

/** The address with its host in small ASCII letters; `undefined` when it is none. */
function toAddress(text: string): string | undefined {
  const at = text.lastIndexOf('@');
  const local = text.slice(0, Math.max(at, 0));
  const host = toAsciiHost(text.slice(at + 1));
  const isAddress =
    local.length <= EMAIL_LOCAL_PART_LENGTH_MAX &&
    host.length <= EMAIL_HOST_LENGTH_MAX &&
    LOCAL_PART.test(local) &&
    HOST.test(host);
  return isAddress ? `${local}@${host}` : undefined;
}

function toAsciiHost(host: string): string {
  const otherScripts = host.replaceAll(/[a-z\d.-]/gi, '');
  // The mapper takes some ASCII, as / and %, for the syntax of URLs.
  const isName = otherScripts !== '' && !/[ -~]/.test(otherScripts);
  return isName ? domainToASCII(host) : host.toLowerCase();
}
