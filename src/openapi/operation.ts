import { ROLES } from '../contracts/roles.ts';
import type { Answer, Route } from '../contracts/route.ts';
import type { Components } from './components.ts';
import { failuresOf } from './failures.ts';
import type { FailureResponses } from './failure-responses.ts';
import { headersOfAnswer, headersWith } from './headers.ts';
import { linksOf } from './links.ts';
import { parametersOf } from './parameters.ts';

export interface Gathered {
  components: Components;
  failures: FailureResponses;
}

/** The three ways to send a key; one is enough. */
export const SECURITY_SCHEMES = {
  ApiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'A key, as it is.' },
  AosKey: {
    type: 'apiKey',
    in: 'header',
    name: 'X-AOS-Key',
    description: 'The same for clients of the earlier AOS.',
  },
  Bearer: { type: 'http', scheme: 'bearer', description: 'The same key as a bearer token.' },
} as const;

const ANY_KEY = Object.keys(SECURITY_SCHEMES).map((name) => ({ [name]: [] }));

/** One operation, under one of the paths of its route. */
export function operationOf(route: Route, path: string, id: string, gathered: Gathered): object {
  const { components, failures } = gathered;
  const parameters = parametersOf(route, path, components);
  const links = linksOf(id);
  const makes = (status: string): boolean => status === '201' || status === '202';
  const responses: Record<string, object> = {};
  for (const [status, codes] of failuresOf(route))
    responses[status] = failures.responseFor(status, codes);
  for (const [status, answer] of Object.entries(route.answers))
    responses[status] = {
      ...responseOf(route, Number(status), answer, components),
      ...(makes(status) && Object.keys(links).length > 0 && { links }),
    };
  return {
    operationId: id,
    tags: [route.tag],
    summary: route.summary,
    description: descriptionOf(route, path),
    ...(path !== route.path && { deprecated: true }),
    'x-aos-role': route.role,
    security: route.role === 'public' ? [] : ANY_KEY,
    ...(parameters.length > 0 && { parameters }),
    ...requestBodyOf(route, components),
    responses,
  };
}

function descriptionOf({ description, role, path: mainPath }: Route, path: string): string {
  const sentences = [
    description,
    role === 'public'
      ? 'Takes no key.'
      : `Takes a key of the role ${ROLES.slice(ROLES.indexOf(role)).join(' or ')}.`,
    path !== mainPath && `For clients of the earlier AOS; the path of today is \`${mainPath}\`.`,
  ];
  return sentences.filter(Boolean).join('\n\n');
}

function requestBodyOf({ body, bodyExample }: Route, components: Components): object {
  if (body === undefined) return {};
  return {
    requestBody: {
      description: 'An empty body is an empty object.',
      // Without one that is required in it, the body itself may be left out.
      required: !body.safeParse({}).success,
      content: {
        'application/json': {
          schema: components.schemaFor(body, 'input'),
          ...(bodyExample !== undefined && { example: bodyExample }),
        },
      },
    },
  };
}

function responseOf(
  route: Route,
  status: number,
  { description, schema, example, contentType = 'application/json', orStream }: Answer,
  components: Components,
): object {
  return {
    description,
    headers: headersWith(headersOfAnswer(route, status)),
    content: {
      [contentType]: {
        schema: schema ? components.schemaFor(schema, 'output') : { type: 'string' },
        ...(example !== undefined && { example }),
      },
      ...(orStream && {
        [orStream.contentType]: { schema: { type: 'string' }, example: orStream.example },
      }),
    },
  };
}
