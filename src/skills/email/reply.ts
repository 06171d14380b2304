const TEXT_LENGTH_MAX = 300;

/** What a mail server said, on one line and not long: neither a NUL nor half a surrogate pair could be stored. */
export function clipReply(text: string): string {
  const plain = text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
  return plain.slice(0, TEXT_LENGTH_MAX).replaceAll(/\p{Surrogate}/gu, '');
}
