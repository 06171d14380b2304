/** Reads a base URL like `http://127.0.0.1:11434/v1`; the result has no slash at its end. */
export function parseBaseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain =
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    [url.username, url.password, url.search, url.hash].every((part) => part === '');
  if (!isPlain) throw new Error('takes an http or https URL without user, query or fragment.');
  return url.href.replace(/\/+$/, '');
}
