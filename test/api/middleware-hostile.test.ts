import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { isJsonObject } from '../../src/contracts/json.ts';
import type { Json } from '../../src/contracts/json.ts';
import { OPERATION_IDS, ROUTES } from '../../src/contracts/routes.ts';
import type { Route } from '../../src/contracts/route.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';
import { converse } from '../support/raw-http.ts';

const HOSTILE = [
  "' OR '1'='1",
  "'; DROP TABLE runs; --",
  "1); DELETE FROM api_keys WHERE ('1'='1",
  '$1',
  '%',
  '\\',
  '\0',
  'a\0b',
  '\u{1f600}',
  '\ud800',
  '../../etc/passwd',
  '{"$ne":null}',
  '__proto__',
  '-1',
  '99999999999999999999',
  'x'.repeat(4_000),
  '',
];

/** As a client's encoder would, which knows no half of a pair. */
const encode = (text: string): string => encodeURIComponent(Buffer.from(text).toString());

/** The route's path with this text in each of its parameters. */
const pathWith = ({ path }: Route, text: string): string =>
  path.replaceAll(/:[a-z_]+/g, encode(text));

/** Every string of a body replaced, one at a time. */
function* bodiesWith(body: Json, text: string): Generator<Json> {
  if (typeof body === 'string') yield text;
  else if (Array.isArray(body)) {
    for (const [at, item] of body.entries())
      for (const other of bodiesWith(item, text)) yield body.with(at, other);
  } else if (isJsonObject(body)) {
    for (const [key, value] of Object.entries(body))
      for (const other of bodiesWith(value, text)) yield { ...body, [key]: other };
  }
}

describe('a hostile request', () => {
  let aos: Harness;
  beforeAll(async () => {
    aos = await startHarness({ worker: false, reconciler: false });
  });
  afterAll(() => aos.stop());

  /** Refused as data or answered, and never a fault of the server. */
  async function expectHarmless(path: string, init: RequestInit & { json?: unknown } = {}) {
    const { status, body } = await aos.request<{ code?: string }>(path, init);
    // The worker that is not there is the one thing that is missing.
    const isFault = status >= 500 && path !== '/health/ready';
    const isMute = status >= 400 && typeof body.code !== 'string';
    const asked = { ...init, path: path.slice(0, 200), status, code: body.code };
    expect({ ...asked, isFault, isMute }).toEqual({ ...asked, isFault: false, isMute: false });
  }

  const routes = OPERATION_IDS.map((name): [string, Route] => [name, ROUTES[name]]);

  test.each(routes.filter(([, { path }]) => path.includes(':')))(
    'with SQL, NUL and worse in the path of %s does no harm',
    async (_name, route) => {
      for (const text of HOSTILE) {
        const init = route.method === 'GET' ? {} : { method: route.method, body: '{}' };
        await expectHarmless(pathWith(route, text === '' ? ' ' : text), init);
      }
    },
  );

  test.each(routes.filter(([, { query }]) => query !== undefined))(
    'with SQL, NUL and worse in the query of %s does no harm',
    async (_name, route) => {
      for (const name of Object.keys(route.query!.shape)) {
        for (const text of [...HOSTILE, 'a=b', "a='"]) {
          const path = pathWith(route, 'none');
          await expectHarmless(`${path}?${name}=${encode(text)}`);
        }
      }
    },
  );

  test.each(routes.filter(([, { bodyExample }]) => bodyExample !== undefined))(
    'with SQL, NUL and worse in every string of the body of %s does no harm',
    async (_name, route) => {
      for (const text of HOSTILE) {
        for (const json of bodiesWith(route.bodyExample!, text))
          await expectHarmless(pathWith(route, 'none'), { method: route.method, json });
      }
    },
  );

  test('has not changed the tables', async () => {
    const { rows } = await aos.pool.query<{ keys: boolean }>(
      `SELECT EXISTS (SELECT 1 FROM api_keys WHERE tenant_id = 'default') AS keys FROM (SELECT count(*) FROM runs) AS all_runs`,
    );
    expect(rows).toEqual([{ keys: true }]);
  });

  test.each([
    '/api/v1/runs/../runs/x',
    '/api/v1/%2e%2e/v1/runs/x',
    '/api/v1/runs/..%2f..%2fhealth',
    '/health/../api/v1/nothing',
    '/health/%2e%2e/api/v1/runs',
    '/health%2fready',
    '/docs/..%2f..%2fpackage.json',
    '/docs/%2e%2e/package.json',
    '/docs/../package.json',
    '//health',
    '//api//v1//runs',
    '/api/v1//runs',
    '/api/v1/runs//',
    '/./health/.',
    '/health%00',
    '/api/v1/runs/%00',
    '/api/v1/runs/%ff%fe',
    '/%c0%ae%c0%ae/etc/passwd',
    '/\\..\\..\\etc\\passwd',
    '/health;x=1',
    '/health%20',
    `/api/v1/runs/${'%2e'.repeat(4_000)}`,
    `/${'a/'.repeat(7_000)}`,
    `/?${'a=1&'.repeat(3_000)}`,
    'http://evil.example/api/v1/nothing',
    '*',
  ])('for the path %s finds nothing', async (path) => {
    for (const key of [`X-API-Key: ${aos.key}\r\n`, '']) {
      const [answer] = await converse(aos.url, [`GET ${path} HTTP/1.1\r\nHost: aos\r\n${key}\r\n`]);
      expect({ path, status: answer!.status }).toEqual({ path, status: key === '' ? 401 : 404 });
      expect(JSON.parse(answer!.body)).toMatchObject({ code: expect.any(String) });
    }
  });
});
