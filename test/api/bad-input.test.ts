import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isDeepStrictEqual } from 'node:util';
import { Failure } from '../../src/contracts/failures.ts';
import type { JsonObject } from '../../src/contracts/json.ts';
import { REQUEST_BODY_BYTES_MAX } from '../../src/contracts/limits.ts';
import { ROLES } from '../../src/contracts/roles.ts';
import type { Role } from '../../src/contracts/roles.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';
import { converse } from '../support/raw-http.ts';
import type { RawAnswer } from '../support/raw-http.ts';
import { makeIds } from '../support/route-ids.ts';
import { bodyOf, fill, idsOfNothing, WALK } from '../support/route-walk.ts';
import type { Ids, Walked } from '../support/route-walk.ts';
import { snapshot } from '../support/snapshot.ts';

const SQL = ["'; DROP TABLE runs; --", "' OR '1'='1", '$1', "\\'); SELECT pg_sleep(9); --"];
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

/** As JSON text, since a client may write what `JSON.stringify` never would. */
const VALUES: readonly string[] = [
  'null',
  'true',
  '0',
  '-0',
  '-1',
  '1.5',
  '1e-400',
  '1e400',
  '-1e400',
  '9007199254740993',
  '"NaN"',
  '""',
  '"\\u0000"',
  '"a\\u0000b"',
  '"\\ud800"',
  '"\\udc00\\ud800"',
  '"\\uffff"',
  `"${'x'.repeat(100_000)}"`,
  ...SQL.map((text) => JSON.stringify(text)),
  '[]',
  '{}',
  '[null]',
  '[[{}]]',
  '{"__proto__": {"role": "admin"}}',
  '{"constructor": {"prototype": {}}, "toString": 1, "hasOwnProperty": null}',
  '{"\\u0000": "a"}',
  '{"\\ud800": "a"}',
  nested(50),
  nested(5_000),
];

/** What is no object in JSON, or is none that can be taken. */
const BODIES: readonly (readonly [string, string | Buffer])[] = [
  ['cut off', '{'],
  ['a word', 'NaN'],
  ['a number without an end', `{"a": -}`],
  ['two values', '{} {}'],
  ['a comment', '{/* a */}'],
  ['a list', '[]'],
  ['a number', '1'],
  ['null', 'null'],
  ['a string', '"{}"'],
  ['a mark of byte order alone', Buffer.from([0xef, 0xbb, 0xbf])],
  ['no UTF-8', Buffer.from('{"\xff": 1}', 'latin1')],
  ['a lone surrogate in UTF-8', Buffer.from('7b22eda080223a317d', 'hex')],
  ['a raw NUL', '{"a": "\0"}'],
  ['deep', nested(100_000)],
  ['deep in a field', `{"a": ${nested(100_000)}}`],
  ['a key twice', '{"a": 1, "a": 2}'],
  ['a key twice in other letters', '{"a": {"b": 1, "\\u0062": 2}}'],
  ['a number that no double holds', '{"a": [1e400]}'],
  ['too large', `{"a": "${'x'.repeat(REQUEST_BODY_BYTES_MAX)}"}`],
  ['too large, of white space', `{${' '.repeat(REQUEST_BODY_BYTES_MAX)}}`],
];

interface Answered {
  status: number;
  body: JsonObject;
  type: string;
}

describe('bad input', () => {
  let aos: Harness;
  let run: string;
  const keys: Record<Role, string> = { viewer: '', operator: '', admin: '' };
  const guarded = WALK.filter(({ route }) => route.role !== 'public');
  const named = (walk: readonly Walked[]): [string, Walked][] =>
    walk.map((walked) => [`${walked.route.method} ${walked.path}`, walked]);

  beforeAll(async () => {
    aos = await startHarness({ worker: false, reconciler: false });
    const worker = await aos.startWorker();
    run = (await aos.run([{ id: 'a', skill: 'json_transform', params: { data: 1, query: '.' } }]))
      .run_id;
    // From now on nothing is changed but by the requests themselves.
    await worker.stop();
    for (const role of ROLES) keys[role] = await aos.createKey('default', null, role);
  }, 60_000);
  afterAll(() => aos.stop());

  const freshIds = (): Promise<Ids> =>
    makeIds(aos.pool, 'default', { runOf: () => run, name: 'walked' });

  async function ask(path: string, init: RequestInit = {}): Promise<Answered> {
    const response = await fetch(aos.url + path, {
      ...init,
      headers: { 'X-API-Key': aos.key, ...(init.headers as Record<string, string>) },
    });
    const text = await response.text();
    const type = response.headers.get('content-type') ?? '';
    return {
      status: response.status,
      type,
      body: type.includes('json') ? (JSON.parse(text) as JsonObject) : {},
    };
  }

  /** Answered, or refused by the failure object; never a fault of the server. */
  function expectClear(what: unknown, { status, body, type }: Answered): void {
    const failure = status < 400 ? undefined : Failure.safeParse(body);
    const isClear =
      status < 500 &&
      (failure === undefined ||
        (failure.success &&
          failure.data.status === status &&
          failure.data.detail.length > 10 &&
          type.startsWith('application/problem+json')));
    expect({ what, status, body, isClear }).toEqual({ what, status, body, isClear: true });
  }

  const problemsOf = (answers: readonly RawAnswer[]): void =>
    answers.forEach(({ status, headers, body }, at) =>
      expectClear(at, {
        status,
        type: headers.get('content-type') ?? '',
        body: JSON.parse(body) as JsonObject,
      }),
    );

  // What is behind a path is the same under its aliases.
  const withBody = guarded.filter(
    ({ route, path }) => route.method !== 'GET' && route.body !== undefined && path === route.path,
  );

  type Send = (what: string, body: NonNullable<RequestInit['body']>) => Promise<Answered>;

  /** Sends bodies to a route, and sees to it that what is refused has changed nothing. */
  async function senderTo(walked: Walked): Promise<Send> {
    const path = fill(walked.path, await freshIds());
    let before = await snapshot(aos.pool);
    return async (what, body) => {
      const answer = await ask(path, { method: walked.route.method, body });
      expectClear(what, answer);
      const after = await snapshot(aos.pool);
      const isKept = answer.status < 300 || isDeepStrictEqual(after, before);
      expect({ what, isKept }).toEqual({ what, isKept: true });
      before = after;
      return answer;
    };
  }

  /** What nests too deep for its schema is none of it either. */
  function fits({ route }: Walked, text: string): boolean {
    try {
      return route.body!.safeParse(JSON.parse(text)).success;
    } catch {
      return false;
    }
  }

  describe('in a body', () => {
    test.each(named(withBody))(
      '%s refuses what is no object, changes nothing, and takes a good one right after',
      async (_name, walked) => {
        const send = await senderTo(walked);
        for (const [what, body] of BODIES) {
          const { status } = await send(what, body);
          expect({ what, status, isRefused: status >= 400 }).toMatchObject({ isRefused: true });
        }
        const good = await ask(fill(walked.path, await freshIds()), {
          method: walked.route.method,
          body: JSON.stringify(bodyOf(walked)),
        });
        expectClear('a good one', good);
        expect([400, 413, 415, 422]).not.toContain(good.status);
      },
      60_000,
    );

    const fields = withBody.flatMap((walked): [string, Walked, string][] =>
      Object.keys(walked.route.body!.shape).map((field) => [
        `${walked.route.method} ${walked.path}, ${field}`,
        walked,
        field,
      ]),
    );

    test.each(fields)(
      '%s takes what its schema takes, and refuses all else as the failure object',
      async (_name, walked, field) => {
        const send = await senderTo(walked);
        for (const value of VALUES) {
          const others = Object.entries(bodyOf(walked)!).filter(([name]) => name !== field);
          const text = `{${[...others.map(([name, each]) => `${JSON.stringify(name)}:${JSON.stringify(each)}`), `"${field}":${value}`].join(',')}}`;
          const { status } = await send(value.slice(0, 100), text);
          const isRight = fits(walked, text) || status >= 400;
          expect({ value: value.slice(0, 100), status, isRight }).toMatchObject({ isRight: true });
        }
      },
      60_000,
    );

    test.each(named(withBody))(
      '%s leaves every prototype as it is, whatever the keys are called',
      async (_name, walked) => {
        const send = await senderTo(walked);
        const good = JSON.stringify(bodyOf(walked)).slice(1, -1);
        for (const key of ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty']) {
          for (const value of ['{"isPolluted": true, "role": "admin"}', 'null', '"a"']) {
            const text = `{${good}${good === '' ? '' : ','}"${key}": ${value}}`;
            await send(text, text);
          }
        }
        expect(({} as { isPolluted?: boolean }).isPolluted).toBeUndefined();
      },
    );
  });

  describe('in headers', () => {
    const lines = (head: string, headers: readonly string[], body = ''): Buffer =>
      Buffer.from(`${[head, 'Host: aos', ...headers].join('\r\n')}\r\n\r\n${body}`, 'latin1');
    const POST = 'POST /api/v1/runtime/simulate HTTP/1.1';
    const body = JSON.stringify({ plan: [{ skill: 'fs_read', params: { path: 'a' } }] });
    const length = `Content-Length: ${body.length}`;
    const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

    test.each<[string, number, (key: string) => Buffer]>([
      ['a body in chunks', 200, (key) => lines(POST, [key, 'Transfer-Encoding: chunked'], chunks)],
      ['no length and no body', 422, (key) => lines(POST, [key])],
      ['a key twice', 401, (key) => lines(POST, [key, key, length], body)],
      ['two keys of one name', 401, (key) => lines(POST, [key, 'X-API-Key: aos_b', length], body)],
      ['a length twice', 400, (key) => lines(POST, [key, length, 'Content-Length: 3'], body)],
      [
        'a length and chunks',
        400,
        (key) => lines(POST, [key, length, 'Transfer-Encoding: chunked'], chunks),
      ],
      [
        'a length that is no number',
        400,
        (key) => lines(POST, [key, 'Content-Length: 0x10'], body),
      ],
      ['a length below zero', 400, (key) => lines(POST, [key, 'Content-Length: -1'], body)],
      [
        'an unknown transfer',
        400,
        (key) => lines(POST, [key, length, 'Transfer-Encoding: gzip'], body),
      ],
      [
        'chunks of no length',
        400,
        (key) => lines(POST, [key, 'Transfer-Encoding: chunked'], 'zz\r\n'),
      ],
      ['a NUL', 400, (key) => lines(POST, [key, 'X-Trace: a\0b', length], body)],
      [
        'a line that goes on',
        400,
        (key) => lines(POST, [key, 'X-Trace: a\r\n b: c', 'X: \n', length], body),
      ],
      ['a name with a blank', 400, (key) => lines(POST, [key, 'X Trace: a', length], body)],
      [
        'a type of bytes',
        200,
        (key) => lines(POST, [key, 'Content-Type: \xff\xfe;;=', length], body),
      ],
      [
        'a trace that is none',
        200,
        (key) => lines(POST, [key, 'traceparent: 00-zz-zz-zz', length], body),
      ],
      [
        'an authorization that is none',
        200,
        (key) => lines(POST, [key, 'Authorization: \xff', length], body),
      ],
      [
        'an expectation that nobody has',
        200,
        (key) => lines(POST, [key, 'Expect: wonders', length], body),
      ],
      [
        'an origin and a method that are none',
        200,
        (key) => lines(POST, [key, 'Origin: \xff', 'X-HTTP-Method-Override: DELETE', length], body),
      ],
      ['bytes in a key', 401, () => lines(POST, ['X-API-Key: \xff\xfe', length], body)],
      ['another version', 400, (key) => lines('POST / HTTP/9.9', [key])],
    ])('%s: %s', async (_what, status, request) => {
      const [answer] = await converse(aos.url, [request(`X-API-Key: ${keys.operator}`)]);
      problemsOf([answer!]);
      expect(answer!.status).toBe(status);
      expect((await ask('/api/v1/me')).status).toBe(200);
    });

    test.each(named(withBody.filter(({ route }) => route.headers?.['Idempotency-Key'])))(
      'an Idempotency-Key that is none is refused or is one, at %s',
      async (_name, walked) => {
        const [answers, before] = [[] as RawAnswer[], await snapshot(aos.pool)];
        const path = fill(walked.path, await freshIds());
        for (const key of ['x'.repeat(5_000), 'x'.repeat(16_000)]) {
          const head = `${walked.route.method} ${path} HTTP/1.1`;
          const text = JSON.stringify(bodyOf(walked));
          const headers = [
            `X-API-Key: ${aos.key}`,
            `Idempotency-Key: ${key}`,
            `Content-Length: ${text.length}`,
          ];
          answers.push(...(await converse(aos.url, [lines(head, headers, text)])));
        }
        problemsOf(answers);
        expect(answers.map((answer) => answer.status)).toEqual([422, expect.any(Number)]);
        expect(await snapshot(aos.pool)).not.toEqual(before);
      },
    );
  });

  describe('in a query', () => {
    const withQuery = guarded.filter(({ route }) => route.query !== undefined);
    const lists = withQuery.filter(({ route }) => 'cursor' in route.query!.shape);
    const encode = (text: string): string => encodeURIComponent(Buffer.from(text).toString());

    test.each(named(withQuery))(
      '%s takes what fits, refuses what does not, and knows no other names',
      async (_name, walked) => {
        const path = fill(walked.path, await freshIds());
        const { method } = walked.route;
        const values = [
          ...SQL,
          '',
          '-1',
          '0',
          '1e400',
          'NaN',
          'null',
          '[]',
          '{}',
          '\0',
          '\u{1f600}',
          'x'.repeat(5_000),
        ];
        for (const name of [
          ...Object.keys(walked.route.query!.shape),
          'unknown',
          '__proto__',
          'a[b]',
          'constructor',
        ]) {
          for (const value of values)
            expectClear(
              `${name}=${value.slice(0, 50)}`,
              await ask(`${path}?${encode(name)}=${encode(value)}`, { method }),
            );
          for (const query of [
            `${name}=1&${name}=2`,
            `${name}`,
            `${name}=%`,
            `${name}=%ff`,
            `${name}[]=1`,
            `&&=&${name}=a=b`,
          ])
            expectClear(query, await ask(`${path}?${query}`, { method }));
        }
      },
      60_000,
    );

    test.each(named(lists))('%s refuses cursors that it has not made', async (_name, walked) => {
      const path = fill(walked.path, await freshIds());
      const stranger = await aos.createKey('stranger');
      const own = await nextCursors();
      const made = own.get(walked.path) ?? '1';
      const forged = [
        ...SQL,
        '',
        made.slice(0, -3),
        `${made}${made}`,
        `${made}'`,
        ...[
          '[]',
          '{}',
          'null',
          '["2026-01-01 00:00:00+00"]',
          `["2026-01-01 00:00:00+00", "' OR 1=1"]`,
          '[1, 2]',
          `["'; DROP TABLE runs; --", "${run}"]`,
          '\0',
        ].map((text) => Buffer.from(text).toString('base64url')),
        ...(own.has(walked.path) ? [...own.values()] : []).filter(
          (cursor) => kindOf(cursor) !== kindOf(made),
        ),
      ];
      const isNumber = (text: string): boolean => /^\d+$/.test(text);
      // One number is as good as another: it says no more than where to go on.
      for (const cursor of forged.filter((each) => !(isNumber(each) && isNumber(made)))) {
        const { status, body } = await ask(`${path}?cursor=${encode(cursor)}`);
        expect({ cursor, status, code: body['code'] }).toEqual({
          cursor,
          status: expect.any(Number),
          code: expect.stringMatching(/^(CURSOR_INVALID|INVALID_REQUEST)$/),
        });
        expect(status).toBeLessThan(500);
      }
      // A stranger may go on from our cursor, through rows of its own alone.
      const onward = `${path}?cursor=${encode(made)}`;
      const idsIn = ({ body }: Answered) =>
        ((body['data'] ?? []) as { id: string }[]).map(({ id }) => id);
      const shown = idsIn(await ask(onward));
      const seen = idsIn(await ask(onward, { headers: { 'X-API-Key': stranger } }));
      expect(seen.filter((id) => shown.includes(id))).toEqual([]);
    });

    /** What a cursor points into: the entries of any list of runs are runs. */
    const kindOf = (cursor: string): string =>
      /^\d+$/.test(cursor)
        ? 'number'
        : /"([a-z]+)_/.exec(Buffer.from(cursor, 'base64url').toString())![1]!;

    /** A cursor of each list that has more than one row. */
    async function nextCursors(): Promise<Map<string, string>> {
      const cursors = new Map<string, string>();
      for (const walked of lists) {
        const { body } = await ask(`${fill(walked.path, await freshIds())}?limit=1`);
        if (typeof body['next_cursor'] === 'string') cursors.set(walked.path, body['next_cursor']);
      }
      expect(cursors.size).toBeGreaterThan(1);
      return cursors;
    }
  });

  describe('in a path', () => {
    const tricks = (path: string): string[] => [
      `/${path}`,
      path.replaceAll('/', '//'),
      `/health/..${path}`,
      `/health/%2e%2e${path}`,
      `/health%2f..${path}`,
      `/docs/errors/..%2f..%2f..${path}`,
      `/health;${path}`,
      `/health%00${path}`,
      `/./${path.slice(1)}`,
      `${path}/`,
      `${path}//`,
      `${path}/.`,
      `${path}/..`,
      `${path}/%2e%2e`,
      `${path}/../../../../health`,
      `${path}%00`,
      `${path}%0d%0aX-API-Key:%20a`,
      `${path}%20`,
      `${path};jsessionid=1`,
      `${path}.json`,
      `${path}?/health`,
      `${path}#/health`,
      path.replaceAll('/', '%2F'),
      path.replaceAll('/', '\\'),
      path.replaceAll('/', '/%ef%bc%8f'),
      path.replace('i', '%69'),
      path.replace('a', '%61'),
      path.toUpperCase(),
      `${path}/${'x'.repeat(12_000)}`,
      `${path}%`,
      `${path}%ff`,
      `http://aos/health/..${path}`,
      `http://aos${path}`,
    ];

    test.each(named(guarded))(
      '%s is reached by no trick without a key, nor by one of a lower role',
      async (_name, walked) => {
        const before = await snapshot(aos.pool);
        const { method, role } = walked.route;
        const lower = role === 'viewer' ? [] : [keys.viewer];
        for (const path of tricks(fill(walked.path, idsOfNothing()))) {
          for (const key of [undefined, ...lower]) {
            const head = `${method} ${path} HTTP/1.1\r\nHost: aos\r\nContent-Length: 0\r\n`;
            const [answer] = await converse(aos.url, [
              `${head}${key === undefined ? '' : `X-API-Key: ${key}\r\n`}\r\n`,
            ]);
            problemsOf([answer!]);
            const allowed = key === undefined ? [400, 401, 431] : [400, 403, 404, 405, 431];
            expect({
              path,
              status: answer!.status,
              isClosed: allowed.includes(answer!.status),
            }).toMatchObject({
              isClosed: true,
            });
          }
        }
        expect(await snapshot(aos.pool)).toEqual(before);
      },
      60_000,
    );
  });

  test('has left every table, and what was there before', async () => {
    const { body } = await ask(`/api/v1/runs/${run}`);
    expect(body).toMatchObject({ status: 'succeeded', output: 1 });
    expect(await aos.audit()).toEqual([]);
  });
});
