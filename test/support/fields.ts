import { expect } from '@jest/globals';

export type Fields = Record<string, unknown>;
export type Kind = 'str' | 'int' | 'num' | 'bool' | 'obj' | 'arr' | 'any' | 'absent';

const isObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const IS: Record<Kind, (value: unknown) => boolean> = {
  str: (value) => typeof value === 'string',
  int: Number.isInteger,
  num: (value) => typeof value === 'number' && Number.isFinite(value),
  bool: (value) => typeof value === 'boolean',
  obj: isObject,
  arr: Array.isArray,
  any: (value) => value !== undefined,
  absent: (value) => value === undefined,
};

/** What is at a path of keys, as `outcome.error.code`. */
export const at = (value: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((inner, key) => (inner as Fields | undefined)?.[key], value);

/** Every path leads to a value of its kind, as the contract of the earlier AOS names them. */
export function expectFields(body: unknown, fields: Record<string, Kind>): void {
  for (const [path, kind] of Object.entries(fields)) {
    const value = at(body, path);
    expect({ path, value, fits: IS[kind](value) }).toEqual({ path, value, fits: true });
  }
}
