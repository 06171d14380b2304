import { clip } from './wording.ts';

const KEY_LENGTH_MAX = 256;

/** One more part of a JSON Pointer (RFC 6901). A key too long to show is cut: pointers stay cheap whatever a plan holds. */
export const childPointer = (pointer: string, key: string | number): string =>
  typeof key === 'number'
    ? `${pointer}/${key}`
    : `${pointer}/${clip(key, KEY_LENGTH_MAX).replaceAll('~', '~0').replaceAll('/', '~1')}`;

/** The JSON Pointer of a path below another pointer. */
export const pointerOf = (pointer: string, path: readonly PropertyKey[]): string =>
  path.reduce<string>(
    (above, key) => childPointer(above, typeof key === 'number' ? key : String(key)),
    pointer,
  );

/** Where the steps of a request's plan stand: it is their list, or has them. */
export const stepsPointer = (pointer: string, plan: unknown): string =>
  Array.isArray(plan) ? pointer : `${pointer}/steps`;
