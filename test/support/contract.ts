import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ErrorObject } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import { HEADERS } from '../../src/openapi/headers.ts';
import { createDocument } from '../../src/openapi/document.ts';

export interface ResponseObject {
  $ref?: string;
  headers: Record<string, unknown>;
  content: Record<
    string,
    { schema: object; example?: unknown; examples?: Record<string, unknown> }
  >;
}
export interface Operation {
  operationId: string;
  responses: Record<string, ResponseObject>;
  [part: string]: unknown;
}

export interface Exchange {
  method: string;
  path: string;
  status: number;
  headers: Headers;
  body: unknown;
}

const PROBLEM = 'application/problem+json';
/** What is answered where no operation is: the path or its method does not exist, or the key is missing. */
const WITHOUT_OPERATION = new Set([401, 404, 405, 429, 500, 503]);

export const openApi = createDocument();

const ajv = new Ajv2020({ strict: false, allErrors: true, validateSchema: false });
ajvFormats.default(ajv);
ajv.addSchema(openApi, 'openapi');

const escaped = (part: string): string => part.replaceAll('~', '~0').replaceAll('/', '~1');
export const pointerTo = (...parts: string[]): string => `#/${parts.map(escaped).join('/')}`;

const say = (errors: ErrorObject[]): string[] =>
  errors.map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );

/** What is wrong with a value, by the schema at this pointer into the document. */
export function problemsOf(pointer: string, value: unknown): string[] {
  const validate = ajv.getSchema(`openapi${pointer}`);
  if (!validate) throw new Error(`The document has no schema at ${pointer}.`);
  return validate(value) ? [] : say(validate.errors!);
}

/** What a pointer into the document leads to. */
export function resolvePointer(pointer: string): unknown {
  let found: unknown = openApi;
  for (const part of pointer.slice(2).split('/')) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    found = (found as Record<string, unknown> | undefined)?.[key];
  }
  return found;
}

export interface Documented {
  path: string;
  method: string;
  operation: Operation;
}

/** Every operation of the document. */
export const operations: readonly Documented[] = Object.entries(openApi.paths).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      method: method.toUpperCase(),
      operation: operation as Operation,
    })),
);

// What is written out goes before what stands for anything.
const byExactness = operations
  .map((documented) => ({
    documented,
    parts: documented.path.split('{').length,
    pattern: new RegExp(
      `^${documented.path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}/?$`,
      'i',
    ),
  }))
  .toSorted((a, b) => a.parts - b.parts);

/** A documented answer of an operation: where it is in the document, and what it says. */
export function answerOf(
  { path, method, operation }: Documented,
  status: number | string,
): { pointer: string; response: ResponseObject } | undefined {
  const response = operation.responses[String(status)];
  if (response === undefined) return undefined;
  return response.$ref === undefined
    ? {
        pointer: pointerTo('paths', path, method.toLowerCase(), 'responses', String(status)),
        response,
      }
    : { pointer: response.$ref, response: resolvePointer(response.$ref) as ResponseObject };
}

/** Throws when an answer is not what the document says of it. */
export function expectAsDocumented(exchange: Exchange): void {
  const problems = violations(exchange);
  if (problems.length === 0) return;
  const { method, path, status, body } = exchange;
  const shown = JSON.stringify(body)?.slice(0, 1000);
  const what = `${method} ${path.slice(0, 300)} answered ${status}, against the OpenAPI document`;
  throw new Error(`${what}:\n${problems.slice(0, 20).join('\n')}\n${shown}`);
}

export function violations({ method, path, status, headers, body }: Exchange): string[] {
  const type = (headers.get('Content-Type') ?? '').split(';')[0]!;
  const { pathname } = new URL(path, 'http://aos');
  const documented = byExactness.find(
    (each) => each.pattern.test(pathname) && each.documented.method === method,
  )?.documented;
  if (method === 'OPTIONS' && status === 200) return [];
  if (!documented) {
    if (!WITHOUT_OPERATION.has(status)) return [`no operation, and yet ${status}`];
    if (type !== PROBLEM) return [`the failure is of type ${type}`];
    return problemsOf('#/components/schemas/Failure', body);
  }
  const answer = answerOf(documented, status);
  if (!answer) return [`${documented.operation.operationId} documents no ${status}`];
  const { pointer, response } = answer;
  if (!(type in response.content)) return [`${pointer} documents no ${type}`];
  const names = Object.keys(HEADERS);
  const isAlways = (name: string): boolean => /ratelimit|request-id/i.test(name);
  return [
    ...names
      .filter((name) => headers.has(name) && !(name in response.headers))
      .map((name) => `${pointer} documents no header ${name}`),
    ...names
      .filter((name) => isAlways(name) && !headers.has(name))
      .map((name) => `the header ${name} is missing`),
    ...problemsOf(`${pointer}/content/${escaped(type)}/schema`, body),
  ];
}
