const SECRET_PIECE_LENGTH = 8;
const HIDDEN = '[hidden]';
/** What keys look like, whosever they are: a short prefix and a long rest, often partly starred. */
const KEY_LIKE =
  /\b(?:sk|pk|rk|gsk|xai|key|api)[-_][\w*.-]{6,}|\bbearer\s+\S+|[\w-]*\*{3,}[\w*-]*/gi;

/** One line of text from outside, cut to a length: without control characters or half characters, which cannot be stored. */
export function clipLine(text: string, lengthMax: number): string {
  const line = text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
  const cut = line.length > lengthMax ? `${line.slice(0, lengthMax)}…` : line;
  return cut.replaceAll(/\p{Cs}/gu, '\ufffd');
}

/** Hides what looks like a key, and every piece of the given secrets: providers repeat parts of keys in their complaints. */
export function hideSecrets(text: string, secrets: readonly string[]): string {
  const isHidden = Array.from<boolean>({ length: text.length }).fill(false);
  const hide = (from: number, length: number): void =>
    void isHidden.fill(true, from, from + length);
  for (const match of text.matchAll(KEY_LIKE)) hide(match.index, match[0].length);
  for (const secret of secrets.filter((each) => each !== '')) {
    const pieceLength = Math.min(SECRET_PIECE_LENGTH, secret.length);
    for (let at = 0; at + pieceLength <= secret.length; at += 1) {
      const piece = secret.slice(at, at + pieceLength);
      let found = text.indexOf(piece);
      for (; found !== -1; found = text.indexOf(piece, found + 1)) hide(found, pieceLength);
    }
  }
  let shown = '';
  for (let at = 0; at < text.length; at += 1) {
    if (isHidden[at] !== true) shown += text[at];
    else if (at === 0 || isHidden[at - 1] !== true) shown += HIDDEN;
  }
  return shown;
}
