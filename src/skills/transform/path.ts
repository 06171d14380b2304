import type { Json } from '../../contracts/json.ts';
import { isJsonObject } from '../../contracts/json.ts';

export type PathResult = { ok: true; value: Json } | { ok: false; message: string };
export type CompiledPath = (input: Json) => PathResult;

const IDENTITY = /^[ \t\n]*\.[ \t\n]*$/;
const STRING = String.raw`"(?:[^"\\\u0000-\u001f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"`;
const SPACE = String.raw`[ \t\n]*`;
const PART = new RegExp(
  String.raw`${SPACE}(?:\.(?<field>[A-Za-z_][A-Za-z_0-9]*)|\.${SPACE}(?<quoted>${STRING})` +
    String.raw`|(?<dot>\.?)${SPACE}\[${SPACE}(?:(?<key>${STRING})|(?<minus>-?)${SPACE}(?<digits>\d{1,9}))${SPACE}\])`,
  'y',
);

/**
 * Compiles a jq program that is only a path (`.`, `.a`, `.a.b[0]`, `.["key"]`, `.[-1]`) to a plain function that does what jq does;
 * `undefined` for any other program. Unlike jq it keeps lone surrogates, and data that nests deeper than 256.
 */
export function compilePath(query: string): CompiledPath | undefined {
  const parts = IDENTITY.test(query) ? [] : parseParts(query.replace(/[ \t\n]+$/, ''));
  if (parts === undefined) return undefined;
  return (input) => {
    let value = input;
    for (const part of parts) {
      const found = indexInto(value, part);
      if (found === undefined) return { ok: false, message: toMessage(value, part) };
      value = found;
    }
    return { ok: true, value };
  };
}

function parseParts(query: string): (string | number)[] | undefined {
  const parts: (string | number)[] = [];
  PART.lastIndex = 0;
  let end = 0;
  while (end < query.length) {
    PART.lastIndex = end;
    const groups = PART.exec(query)?.groups;
    if (groups === undefined) return undefined;
    end = PART.lastIndex;
    // jq wants a dot before the first bracket; after that it is optional.
    if (parts.length === 0 && groups['dot'] === '') return undefined;
    const part = toPart(groups);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return parts.length > 0 ? parts : undefined;
}

function toPart(groups: Record<string, string | undefined>): string | number | undefined {
  if (groups['field'] !== undefined) return groups['field'];
  if (groups['digits'] !== undefined) return Number(`${groups['minus'] ?? ''}${groups['digits']}`);
  const text: unknown = JSON.parse(groups['quoted'] ?? groups['key'] ?? 'null');
  // jq refuses a lone surrogate in a program: leave the refusal to it.
  return typeof text === 'string' && !/\p{Surrogate}/u.test(text) ? text : undefined;
}

function indexInto(value: Json, part: string | number): Json | undefined {
  if (value === null) return null;
  if (typeof part === 'string') {
    if (!isJsonObject(value)) return undefined;
    return Object.hasOwn(value, part) ? (value[part] ?? null) : null;
  }
  return Array.isArray(value) ? (value.at(part) ?? null) : undefined;
}

function toMessage(value: Json, part: string | number): string {
  const type = Array.isArray(value) ? 'array' : typeof value;
  return `Cannot index ${type} with ${typeof part === 'string' ? `string "${part}"` : 'number'}`;
}
