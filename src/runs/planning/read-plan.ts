import { isJsonObject } from '../../contracts/json.ts';
import type { Json } from '../../contracts/json.ts';

/** What a reasoning model says to itself ends with it. */
const THOUGHT_END = '</think>';

/**
 * The plan in what a model wrote; undefined when there is no JSON that could be one. Models wrap it in words and code
 * fences, whatever they are told, so what stands between the outermost braces or brackets counts.
 */
export function readPlan(answer: string): Json | undefined {
  const text = answer.split(THOUGHT_END).at(-1)!;
  const object = between(text, '{', '}');
  const list = between(text, '[', ']');
  const pieces =
    text.indexOf('[') < text.indexOf('{') ? [text, list, object] : [text, object, list];
  return pieces.map(parse).find((json) => isJsonObject(json) || Array.isArray(json));
}

const between = (text: string, open: string, close: string): string =>
  text.slice(Math.max(0, text.indexOf(open)), text.lastIndexOf(close) + 1);

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text.replace(/^\ufeff/, '')) as Json;
  } catch {
    return undefined;
  }
}
