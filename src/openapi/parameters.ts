import { IDEMPOTENCY_KEY_LENGTH_MAX } from '../contracts/limits.ts';
import type { Route } from '../contracts/route.ts';
import type { Components } from './components.ts';
import type { JsonSchema } from './json-schema.ts';

interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  description?: string;
  schema: JsonSchema;
  example?: unknown;
}

const UUID = '01935d31-2f0e-7a44-8c11-0d9e8f7a6b5c';

/** What stands for a name in a path, for a reader; a name that is not here is described by itself. */
const EXAMPLES: Readonly<Record<string, string>> = {
  agent_id: `agent_${UUID}`,
  code: 'RATE_LIMITED',
  delivery_id: `delivery_${UUID}`,
  key_id: `key_${UUID}`,
  run_id: `run_${UUID}`,
  skill_id: 'http_call',
  step_id: 'step_0',
  webhook_id: `webhook_${UUID}`,
};

/** `/runs/:run_id` as OpenAPI writes it. */
export const pathTemplate = (path: string): string => path.replaceAll(/:(\w+)/g, '{$1}');

/** What a route takes beside its body; `path` is the one of its paths that is described. */
export function parametersOf(route: Route, path: string, components: Components): Parameter[] {
  return [
    ...[...path.matchAll(/:(\w+)/g)].map(([, name]) => pathParameter(name!)),
    ...queryParameters(route, components),
    ...Object.entries(route.headers ?? {}).map(([name, description]) =>
      headerParameter(name, description),
    ),
  ];
}

const pathParameter = (name: string): Parameter => ({
  name,
  in: 'path',
  required: true,
  description: `The ${name.replace(/_id$/, '').replaceAll('_', ' ')} that is asked about.`,
  schema: { type: 'string', minLength: 1 },
  ...(EXAMPLES[name] !== undefined && { example: EXAMPLES[name] }),
});

function queryParameters({ query }: Route, components: Components): Parameter[] {
  if (query === undefined) return [];
  const { properties = {} } = components.inlineSchema(query, 'input');
  return Object.entries(query.shape).map(([name, field]) => {
    const { description, ...schema } = properties[name] as JsonSchema;
    return {
      name,
      in: 'query',
      required: !field.safeParse(undefined).success,
      ...(description !== undefined && { description }),
      schema,
    };
  });
}

function headerParameter(name: string, description: string): Parameter {
  const isKey = name === 'Idempotency-Key';
  const bounds = isKey && { maxLength: IDEMPOTENCY_KEY_LENGTH_MAX };
  return {
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string', ...bounds },
  };
}
