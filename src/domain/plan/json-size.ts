export type JsonSize =
  | { kind: 'ok'; bytes: number }
  | { kind: 'too_large' }
  | { kind: 'too_deep' }
  | { kind: 'not_json' };

interface Frame {
  values: readonly unknown[];
  next: number;
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;
const TWO_BYTE_ESCAPES: ReadonlySet<number> = new Set([0x08, 0x09, 0x0a, 0x0c, 0x0d, 0x22, 0x5c]);

/** UTF-8 bytes of a string inside JSON text, without its quotes; counting stops soon after `bytesMax`. */
export function jsonStringBytes(text: string, bytesMax: number): number {
  let bytes = 0;
  for (let index = 0; index < text.length && bytes <= bytesMax; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) bytes += TWO_BYTE_ESCAPES.has(unit) ? 2 : unit < 0x20 ? 6 : 1;
    else if (unit < 0x800) bytes += 2;
    else if (isHighSurrogate(unit) && isLowSurrogate(text.charCodeAt(index + 1))) {
      bytes += 4;
      index += 1;
    } else bytes += isHighSurrogate(unit) || isLowSurrogate(unit) ? 6 : 3;
  }
  return bytes;
}

function scalarBytes(value: unknown, bytesMax: number): number | undefined {
  if (typeof value === 'string') return jsonStringBytes(value, bytesMax) + 2;
  if (typeof value === 'number') return Number.isFinite(value) ? String(value).length : undefined;
  if (value === null || value === true) return 4;
  return value === false ? 5 : undefined;
}

/** Measures a value as JSON text without recursion, and stops as soon as it is too large or too deep. */
export function measureJson(root: unknown, bytesMax: number, depthMax: number): JsonSize {
  const stack: Frame[] = [{ values: [root], next: 0 }];
  let bytes = 0;
  for (let frame = stack.at(-1); frame; frame = stack.at(-1)) {
    if (frame.next >= frame.values.length) {
      stack.pop();
      continue;
    }
    const value = frame.values[frame.next];
    frame.next += 1;
    if (typeof value === 'object' && value !== null) {
      if (stack.length > depthMax) return { kind: 'too_deep' };
      const keys = Array.isArray(value) ? [] : Object.keys(value);
      const values: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
      bytes += 2 + Math.max(0, values.length - 1) + keys.length * 3;
      for (const key of keys) {
        if (bytes > bytesMax) break;
        bytes += jsonStringBytes(key, bytesMax - bytes);
      }
      stack.push({ values, next: 0 });
    } else {
      const size = scalarBytes(value, bytesMax - bytes);
      if (size === undefined) return { kind: 'not_json' };
      bytes += size;
    }
    if (bytes > bytesMax) return { kind: 'too_large' };
  }
  return { kind: 'ok', bytes };
}
