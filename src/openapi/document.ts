import { OPERATION_IDS, ROUTES } from '../contracts/routes.ts';
import { TAGS } from '../contracts/route.ts';
import { createComponents } from './components.ts';
import { createFailureResponses } from './failure-responses.ts';
import { HEADERS } from './headers.ts';
import { operationOf, SECURITY_SCHEMES } from './operation.ts';
import { pathTemplate } from './parameters.ts';

/** Of the API, not of the program: what is added leaves the first number as it is. */
const API_VERSION = '1.0.0';

const DESCRIPTION = `AOS runs plans for AI agents: simulated before they run, durable while they run, never past their budget.

Every refusal is one failure object, as \`application/problem+json\`, with a \`code\` from a closed list and what to do about
it in \`recovery\`. A method that a path does not have is answered 405, a path that does not exist 404. Answers may gain
fields; clients pass over the ones that they do not know.`;

export interface OpenApiDocument {
  openapi: string;
  paths: Record<string, Record<string, object>>;
  components: Record<string, Record<string, object>>;
  [part: string]: unknown;
}

/** The API as an OpenAPI 3.1 document, made from the table of routes. */
export function createDocument(): OpenApiDocument {
  const gathered = { components: createComponents(), failures: createFailureResponses() };
  const paths: Record<string, Record<string, object>> = {};
  for (const id of OPERATION_IDS) {
    const route = ROUTES[id];
    const all = [route.path, ...(route.aliases ?? [])];
    for (const [at, path] of all.entries()) {
      const operations = (paths[pathTemplate(path)] ??= {});
      operations[route.method.toLowerCase()] = operationOf(route, path, nameAt(id, at), gathered);
    }
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'AOS',
      version: API_VERSION,
      description: DESCRIPTION,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'The server that this document came from.' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: gathered.components.schemas(),
      responses: gathered.failures.responses(),
      examples: gathered.failures.examples(),
      headers: { ...HEADERS },
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

/** An operation has a name of its own under each of its paths: `getAgent`, `getAgentLegacy`, `getAgentLegacy2`. */
const nameAt = (id: string, at: number): string =>
  at === 0 ? id : `${id}Legacy${at === 1 ? '' : at}`;
