import { isJsonObject } from '../../../contracts/json.ts';
import type { Json, JsonObject } from '../../../contracts/json.ts';
import { LLM_CHECKS_MAX } from '../../../contracts/limits.ts';
import { followReference } from './schema.ts';
import { ASSERTIONS } from './keywords.ts';

const PROBLEMS_MAX = 10;
/** What counts as one more check: values of a list in the schema, characters of the answer, and such to be compared. */
const LISTED_PER_CHECK = 256;
const READ_PER_CHECK = 1024;
const COMPARED_PER_CHECK = 128;

/** One place in a value that breaks the schema, with a sentence. */
export type AnswerProblem = string;

/** Thrown when a check would take too long. */
export class CheckTooLong extends Error {}

interface Check {
  root: JsonObject;
  /** Shared with the branches of a choice, so that nothing multiplies. */
  meter: { left: number };
  problems: AnswerProblem[];
}

/** What of the value breaks the schema, which `problemOfSchema` has found sound; at most ten places. */
export function problemsOfAnswer(schema: JsonObject, value: Json): AnswerProblem[] {
  const check: Check = { root: schema, meter: { left: LLM_CHECKS_MAX }, problems: [] };
  judge(check, schema, value, '');
  return check.problems;
}

function judge(check: Check, schema: Json | undefined, value: Json, at: string): void {
  check.meter.left -= 1;
  if (check.meter.left < 0) throw new CheckTooLong();
  if (check.problems.length >= PROBLEMS_MAX || schema === true || schema === undefined) return;
  const complain = (problem: string): void => {
    check.problems.push(`${at === '' ? 'the answer' : at}: ${problem}`);
  };
  if (!isJsonObject(schema)) return complain('is not allowed');
  for (const [key, held] of Object.entries(schema)) {
    check.meter.left -= effortOf(key, held, value);
    const problem = ASSERTIONS.get(key)?.complain(held, value);
    if (problem !== undefined) complain(problem);
  }
  if (schema['$ref'] !== undefined) {
    judge(check, followReference(check.root, schema['$ref']), value, at);
  }
  judgeChoices(check, schema, value, at, complain);
  if (isJsonObject(value)) judgeKeys(check, schema, value, at);
  if (Array.isArray(value)) judgeItems(check, schema, value, at);
}

function effortOf(key: string, held: Json, value: Json): number {
  if (key === 'uniqueItems') return JSON.stringify(value).length / COMPARED_PER_CHECK;
  const listed = Array.isArray(held) ? held.length / LISTED_PER_CHECK : 0;
  return listed + (typeof value === 'string' ? value.length / READ_PER_CHECK : 0);
}

function judgeChoices(
  check: Check,
  schema: JsonObject,
  value: Json,
  at: string,
  complain: (problem: string) => void,
): void {
  const listOf = (key: string): Json[] => (schema[key] ?? []) as Json[];
  const fits = (branch: Json): boolean => {
    const apart: Check = { ...check, problems: [] };
    judge(apart, branch, value, at);
    return apart.problems.length === 0;
  };
  for (const branch of listOf('allOf')) judge(check, branch, value, at);
  const { anyOf, oneOf } = { anyOf: listOf('anyOf'), oneOf: listOf('oneOf') };
  if (anyOf.length > 0 && !anyOf.some(fits)) {
    complain(`must fit one of the ${anyOf.length} schemas in anyOf`);
  }
  const fitting = oneOf.filter(fits).length;
  if (oneOf.length > 0 && fitting !== 1) {
    complain(`must fit exactly one of the ${oneOf.length} schemas in oneOf, and fits ${fitting}`);
  }
}

function judgeKeys(check: Check, schema: JsonObject, value: JsonObject, at: string): void {
  const named = schema['properties'];
  for (const [key, inner] of Object.entries(value)) {
    const isNamed = isJsonObject(named) && Object.hasOwn(named, key);
    const held = isNamed ? named[key] : schema['additionalProperties'];
    judge(check, held, inner, at === '' ? key : `${at}.${key}`);
  }
}

function judgeItems(check: Check, schema: JsonObject, value: Json[], at: string): void {
  const first = (schema['prefixItems'] ?? []) as Json[];
  for (const [index, inner] of value.entries()) {
    const held = index < first.length ? first[index] : schema['items'];
    judge(check, held, inner, `${at}[${index}]`);
  }
}
