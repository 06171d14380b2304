import { isJsonObject } from '../../../contracts/json.ts';
import type { Json, JsonObject } from '../../../contracts/json.ts';
import { LLM_SCHEMA_BYTES_MAX, LLM_SCHEMA_DEPTH_MAX } from '../../../contracts/limits.ts';
import { ANNOTATIONS, APPLICATORS, ASSERTIONS, REFUSED } from './keywords.ts';

type Path = readonly (string | number)[];

/** What is wrong with a schema, and where. */
export interface SchemaProblem {
  path: Path;
  message: string;
}

/**
 * Checks a JSON Schema from a plan before it is used: a closed list of keywords, so that nothing it asks for is passed
 * over unchecked, and nothing that could take for ever, as a regular expression or a reference to itself, gets in.
 */
export function problemOfSchema(schema: JsonObject): SchemaProblem | undefined {
  const bytes = Buffer.byteLength(JSON.stringify(schema));
  if (bytes > LLM_SCHEMA_BYTES_MAX) {
    return { path: [], message: `has ${bytes} bytes, more than ${LLM_SCHEMA_BYTES_MAX}` };
  }
  return problemIn(schema, [], schema) ?? loopIn(schema);
}

/** The schema that a local reference leads to. */
export function followReference(root: JsonObject, reference: Json | undefined): Json | undefined {
  if (reference === '#') return root;
  const match = /^#\/(\$defs|definitions)\/([^/]+)$/.exec(
    typeof reference === 'string' ? reference : '',
  );
  const definitions = root[match?.[1] ?? ''];
  const name = (match?.[2] ?? '').replaceAll('~1', '/').replaceAll('~0', '~');
  return isJsonObject(definitions) && Object.hasOwn(definitions, name)
    ? definitions[name]
    : undefined;
}

function problemIn(
  schema: Json | undefined,
  path: Path,
  root: JsonObject,
): SchemaProblem | undefined {
  if (path.length > LLM_SCHEMA_DEPTH_MAX) {
    return { path, message: `is nested deeper than ${LLM_SCHEMA_DEPTH_MAX} keys` };
  }
  if (typeof schema === 'boolean') return undefined;
  if (!isJsonObject(schema)) return { path, message: 'must be a schema: an object or a boolean' };
  for (const [key, held] of Object.entries(schema)) {
    const problem = problemAt(key, held, [...path, key], root);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function problemAt(
  key: string,
  held: Json,
  path: Path,
  root: JsonObject,
): SchemaProblem | undefined {
  const wrong = (message: string): SchemaProblem => ({ path, message });
  if (ANNOTATIONS.has(key) || key.startsWith('x-')) return undefined;
  if (key === '$ref') {
    const isThere = followReference(root, held) !== undefined;
    return isThere ? undefined : wrong('must lead to a schema in `$defs` or `definitions`');
  }
  const assertion = ASSERTIONS.get(key);
  if (assertion !== undefined) return assertion.isValid(held) ? undefined : wrong(assertion.must);
  switch (APPLICATORS.get(key)) {
    case 'one':
      return problemIn(held, path, root);
    case 'list':
      if (!Array.isArray(held) || held.length === 0) return wrong('must be a list of schemas');
      return firstProblem([...held.entries()], path, root);
    case 'named':
      if (!isJsonObject(held)) return wrong('must be an object of schemas');
      return firstProblem(Object.entries(held), path, root);
    case undefined:
      return wrong(REFUSED.get(key) ?? 'is no keyword that an answer is checked by. Remove it');
  }
}

function firstProblem(
  schemas: [string | number, Json][],
  path: Path,
  root: JsonObject,
): SchemaProblem | undefined {
  for (const [key, schema] of schemas) {
    const problem = problemIn(schema, [...path, key], root);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** A reference that leads back to itself without going into the value would never be done with it. */
function loopIn(root: JsonObject): SchemaProblem | undefined {
  const done = new Set<Json>();
  const isLoop = (schema: Json | undefined, within: readonly Json[]): boolean => {
    if (!isJsonObject(schema) || done.has(schema)) return false;
    if (within.includes(schema)) return true;
    const here = [...within, schema];
    const same = ['anyOf', 'oneOf', 'allOf'].flatMap((key) => (schema[key] ?? []) as Json[]);
    if ('$ref' in schema) same.push(followReference(root, schema['$ref'])!);
    if (same.some((next) => isLoop(next, here))) return true;
    done.add(schema);
    return false;
  };
  for (const key of ['$defs', 'definitions']) {
    for (const [name, schema] of Object.entries(root[key] ?? {})) {
      const message = 'leads back to itself without going into the value';
      if (isLoop(schema, [])) return { path: [key, name], message };
    }
  }
  return isLoop(root, []) ? { path: [], message: 'leads back to itself' } : undefined;
}
