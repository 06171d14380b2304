import { childPointer } from './pointer.ts';

/** A list or object that the scan is inside of. One frame serves all that are open at its depth, one after the other. */
interface Frame {
  isObject: boolean;
  /** Where the scan is in it: the present key, or the index. */
  key: string;
  index: number;
  /** Tells the objects of this depth apart, so that none needs a set of its own. */
  object: number;
  /** The last object of this depth that had each key. */
  seenIn: Map<string, number>;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * The JSON Pointer of the first key that its object has already had, which `JSON.parse` passes over. The text must be
 * valid JSON. Without recursion, in time and memory in proportion to the text.
 */
export function findDuplicateKey(text: string): string | undefined {
  const frames: Frame[] = [];
  let depth = -1;
  let isKeyNext = false;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case OPEN_OBJECT:
      case OPEN_LIST: {
        isKeyNext = text.charCodeAt(at) === OPEN_OBJECT;
        depth += 1;
        enter((frames[depth] ??= createFrame()), isKeyNext);
        break;
      }
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        depth -= 1;
        isKeyNext = false;
        break;
      case COMMA: {
        const frame = frames[depth]!;
        isKeyNext = frame.isObject;
        frame.index += 1;
        break;
      }
      case QUOTE: {
        const end = endOfString(text, at);
        if (isKeyNext) {
          const frame = frames[depth]!;
          frame.key = readString(text, at, end);
          if (frame.seenIn.get(frame.key) === frame.object) return pointerTo(frames, depth);
          frame.seenIn.set(frame.key, frame.object);
          isKeyNext = false;
        }
        at = end;
        break;
      }
      default:
    }
  }
  return undefined;
}

const createFrame = (): Frame => ({
  isObject: false,
  key: '',
  index: 0,
  object: 0,
  seenIn: new Map(),
});

function enter(frame: Frame, isObject: boolean): void {
  frame.isObject = isObject;
  frame.index = 0;
  frame.object += 1;
}

/** The place of the quote that ends the string which begins at `start`. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); ; end = text.indexOf('"', end + 1)) {
    let escapes = end;
    while (text.charCodeAt(escapes - 1) === BACKSLASH) escapes -= 1;
    if ((end - escapes) % 2 === 0) return end;
  }
}

/** `"a"` and `"\u0061"` are one key. */
function readString(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end);
  return raw.includes('\\') ? (JSON.parse(text.slice(start, end + 1)) as string) : raw;
}

const pointerTo = (frames: readonly Frame[], depth: number): string =>
  frames
    .slice(0, depth + 1)
    .reduce((above, { isObject, key, index }) => childPointer(above, isObject ? key : index), '');
