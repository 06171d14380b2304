import type { Json } from '../../contracts/json.ts';
import { childPointer } from './pointer.ts';

export interface JsonString {
  pointer: string;
  text: string;
  isKey: boolean;
}

/** Every string of a value, keys too, in the order of its text; without recursion, so depth is no danger. */
export function* stringsOf(root: Json, rootPointer = ''): Generator<JsonString> {
  const stack: { pointer: string; value: Json; key?: string }[] = [
    { pointer: rootPointer, value: root },
  ];
  for (let item = stack.pop(); item; item = stack.pop()) {
    const { pointer, value, key } = item;
    if (key !== undefined) yield { pointer, text: key, isKey: true };
    if (typeof value === 'string') yield { pointer, text: value, isKey: false };
    else if (Array.isArray(value)) {
      for (let index = value.length - 1; index >= 0; index -= 1) {
        stack.push({ pointer: childPointer(pointer, index), value: value[index]! });
      }
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, inner] of Object.entries(value).reverse()) {
        stack.push({ pointer: childPointer(pointer, name), value: inner, key: name });
      }
    }
  }
}
