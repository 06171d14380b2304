import type { Json, JsonObject } from '../../contracts/json.ts';
import { RESOLVED_DEPTH_MAX } from '../../contracts/limits.ts';
import { jsonStringBytes, measureJson } from './json-size.ts';
import { stringsOf } from './json-strings.ts';
import { parseReferences } from './reference-syntax.ts';
import type { ParsedReference, Reference } from './reference-syntax.ts';
import { lookUp, stepIdOf } from './scope.ts';
import type { Scope } from './scope.ts';

export type { Scope } from './scope.ts';

interface Refusal {
  ok: false;
  code: 'REFERENCE_MISSING' | 'PARAMS_TOO_LARGE';
  message: string;
}

export type Resolution = { ok: true; value: Json } | Refusal;

/** Everything between double braces in the strings of a value: references, malformed ones, and other roots. */
export function* bracedPartsOf(
  value: Json,
  pointer = '',
): Generator<{ pointer: () => string; parts: ParsedReference[] }> {
  for (const { pointer: at, text, isKey } of stringsOf(value, pointer)) {
    if (isKey || !text.includes('{{')) continue;
    yield { pointer: at, parts: parseReferences(text).filter((part) => part.kind !== 'text') };
  }
}

/** The references in the strings of a value, keys of objects excepted. */
export function findReferences(
  value: Json,
  pointer = '',
): { pointer: string; reference: Reference }[] {
  const found = [];
  for (const { pointer: at, parts } of bracedPartsOf(value, pointer)) {
    for (const part of parts) {
      if (part.kind === 'reference') found.push({ pointer: at(), reference: part.reference });
    }
  }
  return found;
}

export function mentionsReference(value: Json): boolean {
  for (const { parts } of bracedPartsOf(value)) {
    if (parts.some((part) => part.kind === 'reference')) return true;
  }
  return false;
}

/** The names of the secrets that a value refers to, each once. */
export function secretNamesIn(value: Json): string[] {
  const names = new Set<string>();
  for (const { parts } of bracedPartsOf(value)) {
    for (const part of parts) {
      if (part.kind === 'reference' && part.reference.root === 'secrets')
        names.add(part.reference.name);
    }
  }
  return [...names];
}

/** The ids of the steps whose values must be loaded before a value can be resolved, or of those whose outputs must. */
export function referencedSteps(
  value: Json,
  stepIds: readonly string[],
  previousId?: string,
  what: 'values' | 'outputs' = 'values',
): string[] {
  const ids = new Set<string>();
  for (const { parts } of bracedPartsOf(value)) {
    for (const part of parts) {
      if (part.kind !== 'reference') continue;
      const { reference } = part;
      if (what === 'outputs' && reference.root === 'steps' && reference.field === 'failure')
        continue;
      const id = stepIdOf(reference, stepIds, previousId);
      if (id !== undefined) ids.add(id);
    }
  }
  return [...ids];
}

const render = (value: Json): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** Replaces every reference by its value. What was put in is data: it is never read for references again. */
export function resolveReferences(value: Json, scope: Scope, bytesMax: number): Resolution {
  let bytesLeft = bytesMax;
  const tooLarge = (): Refusal => ({
    ok: false,
    code: 'PARAMS_TOO_LARGE',
    message: `With their references replaced the params exceed ${bytesMax} bytes. Reference a smaller part of the output.`,
  });
  const tooDeep = (): Refusal => ({
    ok: false,
    code: 'PARAMS_TOO_LARGE',
    message: `With their references replaced the params nest deeper than ${RESOLVED_DEPTH_MAX} levels. Reference a smaller part of the output.`,
  });

  const measure = (found: Json, depth: number): { ok: true; bytes: number } | Refusal => {
    const size = measureJson(found, bytesLeft, RESOLVED_DEPTH_MAX - depth);
    if (size.kind === 'too_deep') return tooDeep();
    return size.kind === 'ok' ? { ok: true, bytes: size.bytes } : tooLarge();
  };

  const take = (found: Json, depth: number): Resolution => {
    const size = measure(found, depth);
    if (!size.ok) return size;
    bytesLeft -= size.bytes;
    return { ok: true, value: found };
  };

  const resolveText = (text: string, depth: number): Resolution => {
    const parts = parseReferences(text);
    const isExact = parts.length === 1 && parts[0]!.kind === 'reference';
    let rendered = '';
    bytesLeft -= isExact ? 0 : 2;
    for (const part of parts) {
      let piece = '';
      if (part.kind === 'text') piece = part.text;
      if (part.kind === 'reference') {
        const found = lookUp(part.reference, scope);
        if (!found.found) return { ok: false, code: 'REFERENCE_MISSING', message: found.message };
        if (isExact) return take(found.value, depth);
        // Measured first: what is too large or too deep is never turned into text.
        const size = measure(found.value, depth);
        if (!size.ok) return size;
        piece = render(found.value);
      }
      bytesLeft -= jsonStringBytes(piece, bytesLeft);
      if (bytesLeft < 0) return tooLarge();
      rendered += piece;
    }
    return { ok: true, value: rendered };
  };

  const resolveList = (list: readonly Json[], depth: number): Resolution => {
    const resolved: Json[] = [];
    for (const item of list) {
      const inner = resolve(item, depth);
      if (!inner.ok) return inner;
      resolved.push(inner.value);
    }
    return { ok: true, value: resolved };
  };

  const resolveObject = (object: JsonObject, depth: number): Resolution => {
    const entries: [string, Json][] = [];
    for (const [key, item] of Object.entries(object)) {
      bytesLeft -= jsonStringBytes(key, bytesLeft) + 3;
      const inner = resolve(item, depth);
      if (!inner.ok) return inner;
      entries.push([key, inner.value]);
    }
    // Defines own properties, so a key `__proto__` is a key like any other.
    return { ok: true, value: Object.fromEntries(entries) };
  };

  const resolve = (item: Json, depth: number): Resolution => {
    bytesLeft -= 1;
    if (bytesLeft < 0) return tooLarge();
    if (typeof item === 'string') return resolveText(item, depth);
    if (typeof item !== 'object' || item === null) return take(item, depth);
    if (depth >= RESOLVED_DEPTH_MAX) return tooDeep();
    bytesLeft -= 2;
    return Array.isArray(item) ? resolveList(item, depth + 1) : resolveObject(item, depth + 1);
  };

  return resolve(value, 0);
}
