import type { Json, JsonObject } from '../../../contracts/json.ts';
import { LLM_ANSWER_BYTES_MAX, LLM_ANSWER_DEPTH_MAX } from '../../../contracts/limits.ts';
import { CheckTooLong, problemsOfAnswer } from './check.ts';

/** Models like to wrap JSON as they would show it to a person. */
const FENCE = /^```(?:json)?[^\S\n]*\n([\s\S]*?)\n?```$/i;

export type ReadAnswer = { ok: true; json: Json } | { ok: false; problems: string[] };

/** Reads the JSON of an answer and checks it against the schema that was given for it. */
export function readJsonAnswer(text: string, schema: JsonObject): ReadAnswer {
  const refuse = (...problems: string[]): ReadAnswer => ({ ok: false, problems });
  if (Buffer.byteLength(text) > LLM_ANSWER_BYTES_MAX) {
    return refuse(`the answer has more than ${LLM_ANSWER_BYTES_MAX} bytes, its limit as JSON`);
  }
  const trimmed = text.replace(/^\ufeff/, '').trim();
  let json: Json;
  try {
    json = JSON.parse(FENCE.exec(trimmed)?.[1] ?? trimmed) as Json;
  } catch {
    return refuse(trimmed === '' ? 'the answer is empty' : 'the answer is not JSON');
  }
  if (isDeeperThan(json, LLM_ANSWER_DEPTH_MAX)) {
    return refuse(`the answer nests deeper than ${LLM_ANSWER_DEPTH_MAX} levels`);
  }
  try {
    const problems = problemsOfAnswer(schema, json);
    return problems.length === 0 ? { ok: true, json } : refuse(...problems);
  } catch (error) {
    if (!(error instanceof CheckTooLong)) throw error;
    return refuse('the answer is too large to be checked against this schema');
  }
}

const isDeeperThan = (value: Json, levels: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1)));
