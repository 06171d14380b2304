import { isJsonObject } from '../../../contracts/json.ts';
import type { Json, JsonObject } from '../../../contracts/json.ts';
import { LLM_CHECKS_MAX, LLM_CHECKS_NESTED_MAX } from '../../../contracts/limits.ts';
import { clip } from './keywords.ts';
import type { Complaint } from './keywords.ts';
import { prepareSchema } from './prepared-schema.ts';
import type { PreparedSchema } from './prepared-schema.ts';
import { createHasTwins } from './twins.ts';
import type { HasTwins } from './twins.ts';

const PROBLEMS_MAX = 10;
const PROBLEM_LENGTH_MAX = 200;
const PLACE_LENGTH_MAX = 100;

/** One place in a value that breaks the schema, with a sentence. */
export type AnswerProblem = string;

/** Thrown when a check would take too long. */
export class CheckTooLong extends Error {}

interface Check {
  /** Shared with the branches of a choice, so that nothing multiplies. */
  meter: { left: number; nested: number };
  prepared: (schema: JsonObject) => PreparedSchema;
  hasTwins: HasTwins;
  problems: Complaint[];
  problemsMax: number;
}

/** What of the value breaks the schema, which `problemOfSchema` has found sound; at most ten places. */
export function problemsOfAnswer(schema: JsonObject, value: Json): AnswerProblem[] {
  const known = new Map<JsonObject, PreparedSchema>();
  const prepared = (object: JsonObject): PreparedSchema => {
    const found = known.get(object) ?? prepareSchema(schema, object);
    known.set(object, found);
    return found;
  };
  const meter = { left: LLM_CHECKS_MAX, nested: 0 };
  const problems: Complaint[] = [];
  const hasTwins = createHasTwins();
  judge({ meter, prepared, hasTwins, problems, problemsMax: PROBLEMS_MAX }, schema, value, '');
  return problems.map((problem) => clip(problem(), PROBLEM_LENGTH_MAX));
}

function judge(check: Check, schema: Json | undefined, value: Json, at: string): void {
  const { meter, problems, problemsMax } = check;
  spend(meter, 1);
  if (problems.length >= problemsMax || schema === true || schema === undefined) return;
  const complain = (complaint: Complaint): void => {
    const place = (): string => (at === '' ? 'the answer' : clip(at, PLACE_LENGTH_MAX));
    problems.push(() => `${place()}: ${complaint()}`);
  };
  if (!isJsonObject(schema)) return complain(() => 'is not allowed');
  const prepared = check.prepared(schema);
  if (typeof value === 'string') spend(meter, prepared.textChecks(value.length));
  for (const look of prepared.looks) {
    const complaint = look(value, check.hasTwins);
    if (complaint !== undefined) complain(complaint);
  }
  meter.nested += 1;
  if (meter.nested > LLM_CHECKS_NESTED_MAX) throw new CheckTooLong();
  judgeChoices(check, prepared, value, at, complain);
  if (isJsonObject(value)) judgeKeys(check, prepared, value, at);
  if (Array.isArray(value)) judgeItems(check, prepared, value, at);
  meter.nested -= 1;
}

function spend(meter: Check['meter'], checks: number): void {
  meter.left -= checks;
  if (meter.left < 0) throw new CheckTooLong();
}

function judgeChoices(
  check: Check,
  { all, any, one }: PreparedSchema,
  value: Json,
  at: string,
  complain: (complaint: Complaint) => void,
): void {
  const fits = (branch: Json): boolean => {
    const apart: Check = { ...check, problems: [], problemsMax: 1 };
    judge(apart, branch, value, at);
    return apart.problems.length === 0;
  };
  for (const branch of all) judge(check, branch, value, at);
  if (any.length > 0 && !any.some(fits)) {
    complain(() => `must fit one of the ${any.length} schemas in anyOf`);
  }
  const fitting = one.filter(fits).length;
  if (one.length > 0 && fitting !== 1) {
    complain(
      () => `must fit exactly one of the ${one.length} schemas in oneOf, and fits ${fitting}`,
    );
  }
}

function judgeKeys(check: Check, schema: PreparedSchema, value: JsonObject, at: string): void {
  for (const [key, inner] of Object.entries(value)) {
    const held = Object.hasOwn(schema.named, key) ? schema.named[key] : schema.otherKeys;
    judge(check, held, inner, at === '' ? key : `${at}.${key}`);
  }
}

function judgeItems(check: Check, schema: PreparedSchema, value: Json[], at: string): void {
  for (const [index, inner] of value.entries()) {
    const held = index < schema.first.length ? schema.first[index] : schema.otherItems;
    judge(check, held, inner, `${at}[${index}]`);
  }
}
