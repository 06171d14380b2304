import { FAILURE_CODES } from '../contracts/failure-codes.ts';
import type { FailureCode } from '../contracts/failure-codes.ts';
import { createFailure } from '../contracts/failures.ts';
import { headersOfFailure, headersWith } from './headers.ts';
import { refTo } from './json-schema.ts';
import { REQUEST_ID } from '../contracts/routes/example-ids.ts';

const PROBLEM_JSON = 'application/problem+json';
/** What refuses with few codes is alike on many routes, so it is a component. */
const SHARED_CODES_MAX = 2;

/** Hands out the answers to what is refused, and gathers the components that they need. */
export interface FailureResponses {
  responseFor(status: number, codes: ReadonlySet<FailureCode>): object;
  responses(): Record<string, object>;
  examples(): Record<string, object>;
}

export function createFailureResponses(): FailureResponses {
  const responses = new Map<string, object>();
  const examples = new Map<string, object>();

  const exampleFor = (code: FailureCode, status: number): object => {
    const name = status === FAILURE_CODES[code].httpStatus ? code : `${code}_${status}`;
    examples.set(name, { summary: FAILURE_CODES[code].title, value: exampleOf(code, status) });
    return { $ref: `#/components/examples/${name}` };
  };
  const makeResponse = (status: number, codes: readonly FailureCode[]): object => ({
    description: codes.map((code) => `\`${code}\`: ${FAILURE_CODES[code].title}.`).join('\n\n'),
    headers: headersWith(headersOfFailure(status)),
    content: {
      [PROBLEM_JSON]: {
        schema: {
          allOf: [
            refTo('Failure'),
            {
              type: 'object',
              properties: { status: { const: status }, code: { enum: codes } },
            },
          ],
        },
        examples: Object.fromEntries(codes.map((code) => [code, exampleFor(code, status)])),
      },
    },
  });
  return {
    responseFor(status, unsorted) {
      const codes = [...unsorted].toSorted();
      if (codes.length > SHARED_CODES_MAX) return makeResponse(status, codes);
      const name = `${status}_${codes.join('_or_')}`;
      responses.set(name, responses.get(name) ?? makeResponse(status, codes));
      return { $ref: `#/components/responses/${name}` };
    },
    responses: () => sorted(responses),
    examples: () => sorted(examples),
  };
}

const exampleOf = (code: FailureCode, status: number): object => ({
  ...createFailure(code, FAILURE_CODES[code].meaning, { status }),
  request_id: REQUEST_ID,
});

const sorted = (entries: ReadonlyMap<string, object>): Record<string, object> =>
  Object.fromEntries([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)));
