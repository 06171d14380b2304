import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Json } from '../contracts/json.ts';

/** SHA-256 over the canonical form (RFC 8785) of a request's body: the same for the same JSON, however it was written. */
export const hashBody = (body: Json): Buffer =>
  createHash('sha256')
    .update(canonicalize(wellFormed(body)) ?? '')
    .digest();

/** RFC 8785 knows no lone surrogates, but JSON does: for the hash they are spelt out. */
function wellFormed(value: Json): Json {
  if (typeof value === 'string') return spelt(value);
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [spelt(key), wellFormed(inner)]),
  );
}

const spelt = (text: string): string =>
  text.replaceAll(/\p{Surrogate}/gu, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`);
