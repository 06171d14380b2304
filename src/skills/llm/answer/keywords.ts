import { z } from 'zod';
import { isJsonObject } from '../../../contracts/json.ts';
import type { Json } from '../../../contracts/json.ts';
import { LLM_SCHEMA_NAMES_MAX } from '../../../contracts/limits.ts';
import type { HasTwins } from './twins.ts';

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
  /** Prepared once for a schema, so that a look at a value takes no longer for all that the keyword holds. */
  prepare: (held: Json) => Look;
}

/** What is wrong with the value; undefined when nothing is, also when the keyword is about another type. */
export type Look = (value: Json, hasTwins: HasTwins) => Complaint | undefined;

/** Put into words only when it is told: most are about branches of a choice, and thrown away. */
export type Complaint = () => string;

const TOLD_MAX = 20;
const TOLD_LENGTH_MAX = 80;
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

const isScalar = (held: Json): boolean => held === null || typeof held !== 'object';

/** The text, or its beginning when it is long. */
export const clip = (text: string, lengthMax: number): string =>
  text.length > lengthMax ? `${text.slice(0, lengthMax)}…` : text;

/** The first of some names or values, each clipped. */
const listed = (told: readonly string[]): string => {
  const first = told.slice(0, TOLD_MAX).map((each) => clip(each, TOLD_LENGTH_MAX));
  return told.length > TOLD_MAX ? `${first.join(', ')}, …` : first.join(', ');
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
  prepare(held) {
    const limit = Number(held);
    const complaint = (): string => `${what} ${limit}`;
    return (value) => {
      const measured = measure(value);
      return measured !== undefined && isBroken(measured, limit) ? complaint : undefined;
    };
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
      prepare(held) {
        const types = [...new Set(namesIn(held))];
        const complaint = (): string => `must be of type ${types.join(' or ')}`;
        return (value) => (types.some((type) => isOfType(type, value)) ? undefined : complaint);
      },
    },
  ],
  [
    'enum',
    {
      isValid: (held) =>
        Array.isArray(held) &&
        held.length > 0 &&
        held.length <= LLM_SCHEMA_NAMES_MAX &&
        held.every(isScalar),
      must: `must be a list of 1 to ${LLM_SCHEMA_NAMES_MAX} texts, numbers, booleans or null`,
      prepare(held) {
        const values = new Set(Array.isArray(held) ? held : []);
        const complaint = (): string =>
          `must be one of ${listed([...values].map((each) => JSON.stringify(each)))}`;
        return (value) => (values.has(value) ? undefined : complaint);
      },
    },
  ],
  [
    'const',
    {
      isValid: isScalar,
      must: 'must be a text, a number, a boolean or null',
      prepare(held) {
        const complaint = (): string => `must be ${listed([JSON.stringify(held)])}`;
        return (value) => (held === value ? undefined : complaint);
      },
    },
  ],
  [
    'required',
    {
      isValid: (held) =>
        Array.isArray(held) &&
        held.length <= LLM_SCHEMA_NAMES_MAX &&
        held.every((name) => typeof name === 'string'),
      must: `must be a list of up to ${LLM_SCHEMA_NAMES_MAX} names`,
      prepare(held) {
        const names = [...new Set(namesIn(held))];
        // Ends at the first name that is missing, so never looks for more names than the value has, and one.
        return (value) =>
          !isJsonObject(value) || names.every((name) => Object.hasOwn(value, name))
            ? undefined
            : () => `must have ${listed(names.filter((name) => !Object.hasOwn(value, name)))}`;
      },
    },
  ],
  [
    'uniqueItems',
    {
      isValid: (held) => typeof held === 'boolean',
      must: 'must be a boolean',
      prepare: (held) => (value, hasTwins) =>
        held === true && Array.isArray(value) && hasTwins(value)
          ? () => 'must have no item twice'
          : undefined,
    },
  ],
  [
    'format',
    {
      isValid: (held) => isOneOf([...FORMATS.keys()], held),
      must: `must be one of ${[...FORMATS.keys()].join(', ')}`,
      prepare(held) {
        const [name = ''] = namesIn(held);
        const format = FORMATS.get(name);
        const complaint = (): string => `must be of the format ${name}`;
        return (value) =>
          typeof value !== 'string' || format?.safeParse(value).success === true
            ? undefined
            : complaint;
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
