import { readdirSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { FAILURE_CODES } from '../../src/contracts/failure-codes.ts';
import { ROLES } from '../../src/contracts/roles.ts';
import { OPERATION_IDS, ROUTES } from '../../src/contracts/routes.ts';
import type { Route } from '../../src/contracts/route.ts';
import { namedSchemas } from '../../src/openapi/named-schemas.ts';
import {
  answerOf,
  openApi,
  operations,
  pointerTo,
  problemsOf,
  resolvePointer,
} from '../support/contract.ts';

const CONTRACTS = new URL('../../src/contracts/', import.meta.url);
const routes = OPERATION_IDS.map((id): [string, Route] => [id, ROUTES[id]]);
const named = operations.map((each) => [each.operation.operationId, each] as const);

/** Every object in the document that has this key. */
function* having(key: string, value: unknown = openApi): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return;
  if (key in value) yield value as Record<string, unknown>;
  for (const [name, inner] of Object.entries(value)) {
    // What an example shows may be a schema itself.
    const isExample = name === 'example' || (name === 'value' && 'summary' in value);
    if (!isExample) yield* having(key, inner);
  }
}

describe('the document', () => {
  test('has an operation for each path of each route, and no other', () => {
    const expected = routes.flatMap(([, { method, path, aliases = [] }]) =>
      [path, ...aliases].map((each) => `${method} ${each.replaceAll(/:(\w+)/g, '{$1}')}`),
    );
    const found = operations.map(({ method, path }) => `${method} ${path}`);
    expect(found.toSorted()).toEqual(expected.toSorted());
  });

  test('gives each operation a name of its own, under which it is known by', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(OPERATION_IDS));
  });

  test('says that older paths are deprecated, and only those', () => {
    const current = new Set(OPERATION_IDS as string[]);
    for (const { operation } of operations) {
      const { operationId, deprecated = false } = operation;
      expect({ operationId, deprecated }).toEqual({
        operationId,
        deprecated: !current.has(operationId),
      });
    }
  });

  test('has what every reference refers to, and refers to every component', () => {
    const refs = [...having('$ref')].map(({ $ref }) => String($ref));
    expect(refs.filter((ref) => resolvePointer(ref) === undefined)).toEqual([]);
    const { securitySchemes: _, ...components } = openApi.components;
    const all = Object.entries(components).flatMap(([kind, entries]) =>
      Object.keys(entries).map((name) => pointerTo('components', kind, name)),
    );
    expect(all.filter((pointer) => !refs.includes(pointer))).toEqual([]);
  });

  test('calls every schema of the contracts by the name that it is exported under', async () => {
    const known = namedSchemas();
    const files = readdirSync(CONTRACTS, { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((name) => name.endsWith('.ts') && name !== 'text.ts')) {
      const exports = (await import(new URL(file, CONTRACTS).href)) as Record<string, unknown>;
      for (const [name, value] of Object.entries(exports)) {
        if (!(value instanceof z.ZodType)) continue;
        // A new file of contracts goes into the list of src/openapi/named-schemas.ts.
        expect({ file, name, isKnown: known.get(name) === value }).toEqual({
          file,
          name,
          isKnown: true,
        });
      }
    }
  });

  test('closes no object that an answer may be, so that it can grow', () => {
    const bodies = new Set(
      routes.flatMap(([, { body }]) => [...namedSchemas()].filter(([, each]) => each === body)),
    );
    const closed = Object.entries(openApi.components['schemas']!).filter(([, schema]) =>
      [...having('additionalProperties', schema)].some(
        (each) => each['additionalProperties'] === false,
      ),
    );
    expect({ bodies: bodies.size > 5, closed }).toEqual({ bodies: true, closed: [] });
  });

  test('uses no format and no pattern that only zod knows', () => {
    const formats = new Set([...having('format')].map(({ format }) => format));
    expect(formats).toEqual(new Set(['date', 'date-time']));
    const patterns = [...having('pattern')].map(({ pattern }) => String(pattern));
    expect(patterns.filter((pattern) => /\\[pP]\{|\\0/.test(pattern))).toEqual([]);
  });
});

describe('an operation', () => {
  test.each(named)(
    '%s says what it does, for whom, and how to send a key',
    (_id, { operation }) => {
      expect(String(operation['summary']).length).toBeGreaterThan(5);
      expect(String(operation['description']).length).toBeGreaterThan(5);
      const role = operation['x-aos-role'] as string;
      expect([...ROLES, 'public']).toContain(role);
      const ways = operation['security'] as Record<string, unknown>[];
      expect(ways.flatMap((way) => Object.keys(way))).toEqual(
        role === 'public' ? [] : ['ApiKey', 'AosKey', 'Bearer'],
      );
    },
  );

  test.each(named)('%s says what it is refused with', (id, documented) => {
    const route = ROUTES[id.replace(/Legacy\d*$/, '') as keyof typeof ROUTES];
    const codes = Object.keys(documented.operation.responses).flatMap((status) => {
      const { response } = answerOf(documented, status)!;
      const examples = response.content['application/problem+json']?.examples ?? {};
      return Object.keys(examples);
    });
    expect(codes.every((code) => code in FAILURE_CODES)).toBe(true);
    expect(codes).toEqual(expect.arrayContaining([...(route.errors ?? [])]));
    expect(codes).toEqual(expect.arrayContaining(['RATE_LIMITED', 'INTERNAL']));
    const keyCodes = codes.filter((code) => code === 'UNAUTHENTICATED' || code === 'FORBIDDEN');
    const expected = { public: [], viewer: ['UNAUTHENTICATED'] }[route.role as string];
    expect(keyCodes.toSorted()).toEqual(expected ?? ['FORBIDDEN', 'UNAUTHENTICATED']);
  });

  test.each(named.filter(([, { operation }]) => 'requestBody' in operation))(
    '%s shows a body, which is a valid one',
    (id, { path, method, operation }) => {
      const { content } = operation['requestBody'] as { content: Record<string, object> };
      const at = pointerTo('paths', path, method.toLowerCase(), 'requestBody', 'content');
      const json = content['application/json'] as { example?: unknown };
      expect(json.example === undefined).toBe(false);
      if (json.example === undefined) return;
      expect(problemsOf(`${at}/application~1json/schema`, json.example)).toEqual([]);
    },
  );

  const answers = named.flatMap(([id, documented]) =>
    Object.keys(documented.operation.responses).map(
      (status) => [id, status, answerOf(documented, status)!] as const,
    ),
  );

  test.each(answers)('%s shows its answer %s, which is a valid one', (id, _status, answer) => {
    for (const [type, { example, examples }] of Object.entries(answer.response.content)) {
      if (!type.endsWith('json')) continue;
      const shown =
        examples === undefined
          ? [example]
          : Object.values(examples).map((each) => {
              const { $ref } = each as { $ref: string };
              return (resolvePointer($ref) as { value: unknown }).value;
            });
      expect(shown.length).toBeGreaterThan(0);
      for (const value of shown) {
        expect(value === undefined).toBe(false);
        if (value === undefined) continue;
        const at = `${answer.pointer}/content/${type.replace('/', '~1')}/schema`;
        expect(problemsOf(at, value)).toEqual([]);
      }
    }
  });
});
