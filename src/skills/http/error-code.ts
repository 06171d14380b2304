/** The `code` that Node or undici put on an error, or the empty string. */
export function codeOf(error: unknown): string {
  // Not by `instanceof Error`: an error of another realm is an error too.
  const isCoded = typeof error === 'object' && error !== null && 'code' in error;
  return isCoded && typeof error.code === 'string' ? error.code : '';
}
