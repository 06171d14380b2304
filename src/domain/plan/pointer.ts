/** One more part of a JSON Pointer (RFC 6901). */
export const childPointer = (pointer: string, key: string | number): string =>
  typeof key === 'number'
    ? `${pointer}/${key}`
    : `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;

/** The JSON Pointer of a path below another pointer. */
export const pointerOf = (pointer: string, path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (above, key) => childPointer(above, typeof key === 'number' ? key : String(key)),
    pointer,
  );
