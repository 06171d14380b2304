import type { JsonObject } from '../../contracts/json.ts';

const DEFS = '#/$defs';
export const refTo = (name: string): JsonObject => ({ $ref: `${DEFS}/${name}` });
export const HOLDS_REFERENCE = refTo('holds_reference');

/** A string with a reference, and any value with one somewhere in it: nobody can judge it before it has its value. */
export const REFERENCE_DEFS: JsonObject = {
  reference: {
    type: 'string',
    pattern: String.raw`\{\{\s*(input|steps|previous|secrets)\s*[.\[}]`,
    description:
      'A text with references. {{steps.ID.output}} stands for the output of a step before, {{input}} for the input of ' +
      'the run, {{previous.output}} for what the one dependency gives; .name and [n] behind them lead inside. Alone in ' +
      'its string a reference keeps the type of its value. {{secrets.NAME}} may stand only in `headers`, `query` and ' +
      '`body` of http_call.',
    examples: ['{{steps.fetch.output.body.items[0]}}'],
  },
  holds_reference: {
    anyOf: [
      refTo('reference'),
      { type: 'array', contains: HOLDS_REFERENCE },
      { type: 'object', not: { additionalProperties: { not: HOLDS_REFERENCE } } },
    ],
  },
};
