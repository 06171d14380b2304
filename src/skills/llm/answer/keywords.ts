import { z } from 'zod';
import { isJsonObject } from '../../../contracts/json.ts';
import type { Json } from '../../../contracts/json.ts';

/** What is said about a schema, and checks nothing. */
export const ANNOTATIONS: ReadonlySet<string> = new Set([
  '$schema',
  '$id',
  '$comment',
  'title',
  'description',
  'default',
  'example',
  'examples',
  'deprecated',
  'readOnly',
  'writeOnly',
]);

/** Keywords that hold schemas: one, a list, or some by name. */
export const APPLICATORS: ReadonlyMap<string, 'one' | 'list' | 'named'> = new Map([
  ['anyOf', 'list'],
  ['oneOf', 'list'],
  ['allOf', 'list'],
  ['properties', 'named'],
  ['additionalProperties', 'one'],
  ['items', 'one'],
  ['prefixItems', 'list'],
  ['$defs', 'named'],
  ['definitions', 'named'],
]);

/** A keyword about a value as a whole: what it may hold, and what of a value breaks it. */
export interface Assertion {
  isValid: (held: Json) => boolean;
  /** What it may hold, in words. */
  must: string;
  /** What is wrong with the value; undefined when nothing is, also when the keyword is about another type. */
  complain: (held: Json, value: Json) => string | undefined;
}

const NAMES_MAX = 1000;
const TOLD_MAX = 20;
const TYPES = ['string', 'number', 'integer', 'boolean', 'null', 'object', 'array'];

/** Formats whose check takes time that grows no faster than the text. */
const FORMATS = new Map(
  ['email', 'uri', 'uuid', 'date-time', 'date', 'time', 'duration', 'ipv4', 'ipv6'].map(
    (format) => [format, z.fromJSONSchema({ type: 'string', format })],
  ),
);

/** What a keyword names: one text or several. */
const namesIn = (held: Json): string[] =>
  (Array.isArray(held) ? held : [held]).filter((name) => typeof name === 'string');

const isOneOf = (known: readonly string[], name: Json): boolean =>
  typeof name === 'string' && known.includes(name);

function isOfType(type: string, value: Json): boolean {
  if (type === 'integer') return Number.isInteger(value);
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  return type === 'object' ? isJsonObject(value) : typeof value === type;
}

/** One text for each value, whatever the order of its keys. */
const spellingOf = (value: Json): string =>
  JSON.stringify(value, (_key, inner: Json) =>
    isJsonObject(inner) ? Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)) : inner,
  );

const isScalar = (held: Json): boolean => held === null || typeof held !== 'object';

const toldOf = (held: Json): string => {
  const values = Array.isArray(held) ? held : [held];
  const told = values.slice(0, TOLD_MAX).map((each) => JSON.stringify(each));
  return values.length > TOLD_MAX ? `${told.join(', ')}, …` : told.join(', ');
};

/** Characters as JSON Schema counts them: a pair of surrogates is one. */
function lengthOf(text: string): number {
  let pairs = 0;
  for (let at = 0; at < text.length; at += 1) if ((text.codePointAt(at) ?? 0) > 0xffff) pairs += 1;
  return text.length - pairs;
}

const isWhole = (held: Json): boolean => Number.isSafeInteger(held) && Number(held) >= 0;

/** A bound on a number that is taken of the value; a value that has none is not bounded. */
const bound = (
  measure: (value: Json) => number | undefined,
  isBroken: (measured: number, held: number) => boolean,
  what: string,
  isValid: (held: Json) => boolean = isWhole,
): Assertion => ({
  isValid,
  must: isValid === isWhole ? 'must be a whole number from 0' : 'must be a number',
  complain(held, value) {
    const measured = measure(value);
    const limit = Number(held);
    return measured !== undefined && isBroken(measured, limit) ? `${what} ${limit}` : undefined;
  },
});

const isNumber = (held: Json): boolean => Number.isFinite(held);
const number = (value: Json): number | undefined => (typeof value === 'number' ? value : undefined);
const length = (value: Json): number | undefined =>
  typeof value === 'string' ? lengthOf(value) : undefined;
const items = (value: Json): number | undefined =>
  Array.isArray(value) ? value.length : undefined;
const keys = (value: Json): number | undefined =>
  isJsonObject(value) ? Object.keys(value).length : undefined;
const isUnder = (measured: number, held: number): boolean => measured < held;
const isOver = (measured: number, held: number): boolean => measured > held;

/** The keywords that are checked, beside those that hold schemas. */
export const ASSERTIONS: ReadonlyMap<string, Assertion> = new Map<string, Assertion>([
  [
    'type',
    {
      isValid: (held) => {
        const names = Array.isArray(held) ? held : [held];
        return names.length > 0 && names.every((name) => isOneOf(TYPES, name));
      },
      must: `must be one or several of ${TYPES.join(', ')}`,
      complain: (held, value) =>
        namesIn(held).some((type) => isOfType(type, value))
          ? undefined
          : `must be of type ${namesIn(held).join(' or ')}`,
    },
  ],
  [
    'enum',
    {
      isValid: (held) =>
        Array.isArray(held) && held.length > 0 && held.length <= NAMES_MAX && held.every(isScalar),
      must: `must be a list of 1 to ${NAMES_MAX} texts, numbers, booleans or null`,
      complain: (held, value) =>
        Array.isArray(held) && held.includes(value) ? undefined : `must be one of ${toldOf(held)}`,
    },
  ],
  [
    'const',
    {
      isValid: isScalar,
      must: 'must be a text, a number, a boolean or null',
      complain: (held, value) => (held === value ? undefined : `must be ${JSON.stringify(held)}`),
    },
  ],
  [
    'required',
    {
      isValid: (held) =>
        Array.isArray(held) &&
        held.length <= NAMES_MAX &&
        held.every((name) => typeof name === 'string'),
      must: `must be a list of up to ${NAMES_MAX} names`,
      complain: (held, value) => {
        if (!isJsonObject(value)) return undefined;
        const missing = namesIn(held).filter((name) => !Object.hasOwn(value, name));
        return missing.length === 0 ? undefined : `must have ${missing.join(', ')}`;
      },
    },
  ],
  [
    'uniqueItems',
    {
      isValid: (held) => typeof held === 'boolean',
      must: 'must be a boolean',
      complain: (held, value) =>
        held === true && Array.isArray(value) && new Set(value.map(spellingOf)).size < value.length
          ? 'must have no item twice'
          : undefined,
    },
  ],
  [
    'format',
    {
      isValid: (held) => isOneOf([...FORMATS.keys()], held),
      must: `must be one of ${[...FORMATS.keys()].join(', ')}`,
      complain: (held, value) => {
        const [format = ''] = namesIn(held);
        const isFine = typeof value !== 'string' || FORMATS.get(format)?.safeParse(value).success;
        return isFine === true ? undefined : `must be of the format ${format}`;
      },
    },
  ],
  ['minimum', bound(number, isUnder, 'must be at least', isNumber)],
  ['maximum', bound(number, isOver, 'must be at most', isNumber)],
  ['exclusiveMinimum', bound(number, (a, b) => a <= b, 'must be over', isNumber)],
  ['exclusiveMaximum', bound(number, (a, b) => a >= b, 'must be under', isNumber)],
  [
    'multipleOf',
    bound(
      number,
      // Twelve digits: 0.3 is a multiple of 0.1, though no double says so.
      (a, b) => !Number.isInteger(Number((a / b).toPrecision(12))),
      'must be a multiple of',
      (held) => isNumber(held) && Number(held) > 0,
    ),
  ],
  ['minLength', bound(length, isUnder, 'must have a length of at least')],
  ['maxLength', bound(length, isOver, 'must have a length of at most')],
  ['minItems', bound(items, isUnder, 'must have as many items as')],
  ['maxItems', bound(items, isOver, 'must have no more items than')],
  ['minProperties', bound(keys, isUnder, 'must have as many keys as')],
  ['maxProperties', bound(keys, isOver, 'must have no more keys than')],
]);

const REGEX = 'is a regular expression, which cannot be checked safely. Say it in a `description`';
const TOO_CLEVER = 'is not supported. Say it in a `description`';

/** Keywords that are known and refused, and why. */
export const REFUSED: ReadonlyMap<string, string> = new Map([
  ['pattern', REGEX],
  ['patternProperties', REGEX],
  ['nullable', 'belongs to OpenAPI. Add "null" to `type`'],
  ...[
    'not',
    'if',
    'then',
    'else',
    'contains',
    'propertyNames',
    'dependentSchemas',
    'dependentRequired',
    'unevaluatedProperties',
    'unevaluatedItems',
    '$dynamicRef',
  ].map((name): [string, string] => [name, TOO_CLEVER]),
]);
