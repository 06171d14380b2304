import type { Json, JsonObject } from '../../contracts/json.ts';
import { pointerOf } from './pointer.ts';

export interface JsonString {
  /** The JSON Pointer, built only for those who ask. */
  pointer: () => string;
  text: string;
  isKey: boolean;
}

/** A list or object on the way down, with the key under which the frame above holds it. */
interface Frame {
  above: Frame | undefined;
  key: string | number;
  keys: readonly string[] | undefined;
  values: readonly Json[];
  next: number;
}

function enter(value: Json[] | JsonObject, above: Frame, key: string | number): Frame {
  const isList = Array.isArray(value);
  const keys = isList ? undefined : Object.keys(value);
  return { above, key, keys, values: isList ? value : Object.values(value), next: 0 };
}

function pathTo(frame: Frame, key: string | number): (string | number)[] {
  const path: (string | number)[] = [];
  let last = key;
  for (let at: Frame | undefined = frame; at?.above; at = at.above) {
    path.push(last);
    last = at.key;
  }
  return path.reverse();
}

/** Every string of a value, keys too, in the order of its text; without recursion, so depth is no danger. */
export function* stringsOf(root: Json, rootPointer = ''): Generator<JsonString> {
  const top: Frame = { above: undefined, key: '', keys: undefined, values: [root], next: 0 };
  for (let frame: Frame | undefined = top; frame;) {
    if (frame.next >= frame.values.length) {
      frame = frame.above;
      continue;
    }
    const here: Frame = frame;
    const value = here.values[here.next]!;
    const key = here.keys?.[here.next] ?? here.next;
    here.next += 1;
    const tell = (text: string, isKey: boolean): JsonString => ({
      pointer: () => pointerOf(rootPointer, pathTo(here, key)),
      text,
      isKey,
    });
    if (typeof key === 'string') yield tell(key, true);
    if (typeof value === 'string') yield tell(value, false);
    else if (typeof value === 'object' && value !== null) frame = enter(value, here, key);
  }
}
