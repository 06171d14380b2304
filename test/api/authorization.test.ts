import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHashKey } from '../../src/bin/installation-keys.ts';
import type { JsonObject } from '../../src/contracts/json.ts';
import type { Rbac } from '../../src/contracts/key.ts';
import { mayAct, ROLES } from '../../src/contracts/roles.ts';
import type { Role } from '../../src/contracts/roles.ts';
import { OPERATION_IDS, ROUTES } from '../../src/contracts/routes.ts';
import { insertAgentRow } from '../support/agent-row.ts';
import type { Harness } from '../support/harness.ts';
import { PEPPER, startHarness } from '../support/harness.ts';
import {
  bodyOf,
  changes,
  fill,
  findsOrFails,
  idsOfNothing,
  makesNamed,
  OWNED,
  ownedIn,
  parametersOf,
  unknownParameters,
  WALK,
} from '../support/route-walk.ts';
import type { Ids, Owned, Walked } from '../support/route-walk.ts';
import { makeIds } from '../support/route-ids.ts';
import { snapshot } from '../support/snapshot.ts';

const LIMIT_MICRO_CENTS = 1e12;
const hashKey = createHashKey(PEPPER);

/** In every row of a tenant that has a place for it: no other tenant may ever be shown it. */
const secretOf = (tenantId: string): string => `secret of ${tenantId}`;
const planWith = (data: string) => [
  { id: 'a', skill: 'json_transform', params: { data, query: '.' } },
];

/** An answer without what is another with every request: ids, keys, times and what is left of a rate. */
const plain = (text: string): string =>
  text
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/aos_[\w-]+/g, 'KEY')
    .replaceAll(/"(rate_limit_remaining|resets_in_ms)":\d+/g, '"$1":COUNT')
    .replaceAll(/"remaining":\d+,"resets_in_ms"/g, '"remaining":COUNT,"resets_in_ms"');

const upper = ({ path }: Walked, ids: Ids): string =>
  fill(
    path.replaceAll(/\/[a-z]+/g, (segment) => segment.toUpperCase()),
    ids,
  );

interface Asked {
  method?: string;
  key?: string | null;
  headers?: Record<string, string>;
  body?: string | undefined;
}

interface Answered {
  status: number;
  text: string;
  body: JsonObject;
}

interface Tenant {
  id: string;
  keys: Record<Role, string>;
  ended: string;
}

test.each(WALK.map((walked): [string, Walked] => [walked.path, walked]))(
  'the walk knows an id for every parameter of %s',
  (_path, { path }) => {
    expect(unknownParameters(path)).toEqual([]);
  },
);

describe('a route', () => {
  let aos: Harness;
  let ours: Tenant;
  let theirs: Tenant;
  let bound: string;
  let boundTo: string;
  let revoked: string;
  let expired: string;

  const submit = async (tenantId: string, key: string, agentId?: string): Promise<string> => {
    const secret = secretOf(tenantId);
    const { status, body } = await aos.request<{ run_id: string }>('/api/v1/runs', {
      json: { plan: planWith(secret), goal: secret, labels: { secret }, agent_id: agentId },
      key,
    });
    expect(status).toBe(202);
    return body.run_id;
  };

  /** A tenant with a key of each role, and a run that has ended. */
  async function makeTenant(id: string): Promise<Tenant> {
    const keys = { viewer: '', operator: '', admin: '' };
    for (const role of ROLES) keys[role] = await aos.createKey(id, LIMIT_MICRO_CENTS, role);
    const ended = await submit(id, keys.admin);
    const path = `/api/v1/runs/${ended}?wait=5s`;
    for (let status = ''; status !== 'succeeded';)
      ({ status } = (await aos.request<{ status: string }>(path, { key: keys.admin })).body);
    return { id, keys, ended };
  }

  /** Ids of a tenant, fresh where a route may use them up. */
  async function idsOf({ id, keys, ended }: Tenant, { route, path }: Walked): Promise<Ids> {
    const isOfAgent = path.includes(':agent_id') && path.includes(':run_id');
    const takesOpenRun = changes(route) && path.includes(':run_id');
    const runOf = (agentId: string) =>
      isOfAgent || takesOpenRun ? submit(id, keys.admin, isOfAgent ? agentId : undefined) : ended;
    return makeIds(aos.pool, id, { runOf, name: secretOf(id) });
  }

  /** A key that is changed before anybody has used it. */
  async function keyWith(tenantId: string, role: Role, change: string): Promise<string> {
    const key = await aos.createKey(tenantId, LIMIT_MICRO_CENTS, role);
    const { rowCount } = await aos.pool.query(`UPDATE api_keys SET ${change} WHERE hash = $1`, [
      hashKey(key),
    ]);
    expect(rowCount).toBe(1);
    return key;
  }

  beforeAll(async () => {
    aos = await startHarness({ worker: false, reconciler: false });
    const worker = await aos.startWorker();
    theirs = await makeTenant('theirs');
    ours = await makeTenant('ours');
    // From now on nothing is changed but by the requests themselves.
    await worker.stop();
    boundTo = await insertAgentRow(aos.pool, { tenant_id: 'theirs', name: 'bound' });
    bound = await keyWith('theirs', 'operator', `agent_id = '${boundTo}'`);
    revoked = await keyWith('ours', 'admin', 'revoked_at = now()');
    expired = await keyWith('ours', 'admin', `expires_at = now() - interval '1 second'`);
  }, 60_000);
  afterAll(() => aos.stop());

  async function ask(
    path: string,
    { method = 'GET', key, headers, body }: Asked,
  ): Promise<Answered> {
    const response = await fetch(aos.url + path, {
      method,
      headers: { ...(key != null && { 'X-API-Key': key }), ...headers },
      ...(body !== undefined && { body }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      text,
      body: isJson && text !== '' ? (JSON.parse(text) as JsonObject) : {},
    };
  }

  /** How a client would call the route: with a body that it takes. */
  const formOf = (walked: Walked): Asked => {
    const body = bodyOf(walked);
    return { method: walked.route.method, body: body && JSON.stringify(body) };
  };
  const call = (walked: Walked, ids: Ids, asked: Asked = {}): Promise<Answered> =>
    ask(fill(walked.path, ids), { ...formOf(walked), ...asked });

  const guarded = WALK.filter(({ route }) => route.role !== 'public');
  const named = (walk: readonly Walked[]): [string, Walked][] =>
    walk.map((walked) => [`${walked.route.method} ${walked.path}`, walked]);
  const neededOf = ({ route }: Walked): Role => route.role as Role;
  const low = (walked: Walked): Role[] => ROLES.filter((role) => !mayAct(role, neededOf(walked)));

  describe('that needs no key', () => {
    test.each(named(WALK.filter(({ route }) => route.role === 'public')))(
      '%s answers without one, and with a bad one',
      async (_name, walked) => {
        for (const key of [null, 'aos_wrong', revoked, expired]) {
          const { status, body } = await call(walked, idsOfNothing(), { key });
          expect([401, 403, 404]).not.toContain(status);
          expect(body['code']).not.toBe('UNAUTHENTICATED');
        }
      },
    );
  });

  describe('that needs a key', () => {
    test.each(named(guarded))('%s is closed without a good one', async (_name, walked) => {
      const ids = await idsOf(ours, walked);
      const { admin, viewer } = ours.keys;
      const before = await snapshot(aos.pool);
      const bad: [string, Asked][] = [
        ['none', {}],
        ['unknown', { key: 'aos_wrong' }],
        ['revoked', { key: revoked }],
        ['expired', { key: expired }],
        ['two', { key: admin, headers: { 'X-AOS-Key': viewer } }],
        ['two with a wrong one', { key: admin, headers: { Authorization: 'Bearer aos_wrong' } }],
        [
          'two but for the first header',
          { headers: { 'X-AOS-Key': admin, Authorization: `Bearer ${viewer}` } },
        ],
        ['in a header that is not for it', { headers: { 'X-Key': admin, Cookie: `key=${admin}` } }],
        ['as a basic password', { headers: { Authorization: `Basic ${btoa(`key:${admin}`)}` } }],
        ['a tenant instead of a key', { headers: { 'X-Tenant-ID': 'ours' } }],
        ['with a body that is no JSON', { ...(bodyOf(walked) && { body: '{' }) }],
      ];
      for (const [what, asked] of bad) {
        const { status, body } = await call(walked, ids, asked);
        expect({ what, status, code: body['code'] }).toEqual({
          what,
          status: 401,
          code: 'UNAUTHENTICATED',
        });
      }
      // A key in the path is none either.
      const inQuery = `${fill(walked.path, ids)}?api_key=${admin}&key=${admin}`;
      for (const method of [walked.route.method, 'HEAD', 'OPTIONS'])
        expect({ method, status: (await ask(inQuery, { method })).status }).toEqual({
          method,
          status: 401,
        });
      expect(await snapshot(aos.pool)).toEqual(before);
    });

    test.each(named(guarded.filter((walked) => low(walked).length > 0)))(
      '%s is closed to lower roles, whatever the body and however the path is written',
      async (_name, walked) => {
        const ids = await idsOf(ours, walked);
        const before = await snapshot(aos.pool);
        const path = fill(walked.path, ids);
        for (const role of low(walked)) {
          const key = ours.keys[role];
          const ways: [string, Answered][] = [
            ['as it is to be called', await call(walked, ids, { key })],
            ['with ids that never were', await call(walked, idsOfNothing(), { key })],
            ['with a slash', await ask(`${path}/`, { ...formOf(walked), key })],
            ['with a query', await ask(`${path}?role=admin`, { ...formOf(walked), key })],
            ['in upper case', await ask(upper(walked, ids), { ...formOf(walked), key })],
          ];
          if (walked.route.method !== 'GET') {
            for (const body of ['{', '[]', ''])
              ways.push([`with the body ${body}`, await call(walked, ids, { key, body })]);
          }
          for (const [what, { status, body }] of ways) {
            expect({ what, status, code: body['code'] }).toEqual({
              what,
              status: 403,
              code: 'FORBIDDEN',
            });
            expect(body['detail']).toContain(`of the role ${neededOf(walked)}`);
            expect(body['detail']).toContain(`of this key is ${role}`);
          }
        }
        expect(await snapshot(aos.pool)).toEqual(before);
      },
    );

    test.each(named(guarded.filter((each) => ownedIn(each.path).length > 0 && !makesNamed(each))))(
      "%s does not know what is another tenant's",
      async (_name, walked) => {
        const foreign = await idsOf(ours, walked);
        const own = await idsOf(theirs, walked);
        const before = await snapshot(aos.pool);
        for (const parameter of ownedIn(walked.path)) {
          const asked: Asked[] = [
            { key: theirs.keys.admin },
            { key: theirs.keys.admin, headers: { 'X-Tenant-ID': 'ours' } },
            ...(mayAct('operator', neededOf(walked)) ? [{ key: bound }] : []),
          ];
          for (const each of asked) {
            const theirsOf = each.key === bound ? { ...own, agent_id: boundTo } : own;
            const swap = (ids: Ids): Ids => ({ ...theirsOf, [parameter]: ids[parameter] });
            const found = await call(walked, swap(foreign), each);
            const missing = await call(walked, swap(idsOfNothing()), each);
            expect({ each, status: found.status }).toEqual({ each, status: missing.status });
            // A key that is bound to one agent may be told of that, whichever other one it names.
            const mayBeElse = !findsOrFails(walked) || each.key === bound;
            expect(mayBeElse ? 404 : found.status).toBe(404);
            expect(found.text).not.toContain(secretOf('ours'));
            expect(plain(found.text)).toBe(plain(missing.text));
          }
        }
        expect(await snapshot(aos.pool)).toEqual(before);
      },
    );

    const about = guarded.flatMap((walked): [string, Walked, 'query' | 'body', Owned][] =>
      (['query', 'body'] as const).flatMap((where) =>
        OWNED.filter((name) => name in (walked.route[where]?.shape ?? {})).map((name) => [
          `${walked.route.method} ${walked.path}, ${where} ${name}`,
          walked,
          where,
          name,
        ]),
      ),
    );

    test.each(about)(
      "%s reveals nothing of another tenant's",
      async (_name, walked, where, name) => {
        const foreign = await idsOf(ours, walked);
        const own = await idsOf(theirs, walked);
        const answers: Answered[] = [];
        for (const ids of [foreign, idsOfNothing()]) {
          const path = fill(walked.path, own);
          const body: JsonObject = {
            ...bodyOf(walked),
            ...(where === 'body' && { [name]: ids[name] }),
          };
          const query = where === 'query' ? `?${name}=${ids[name]}` : '';
          answers.push(
            await ask(path + query, {
              method: walked.route.method,
              key: theirs.keys.admin,
              ...(walked.route.method !== 'GET' && { body: JSON.stringify(body) }),
            }),
          );
        }
        const [found, missing] = answers as [Answered, Answered];
        expect(found.status).toBe(missing.status);
        expect(found.status).not.toBe(403);
        expect(found.text).not.toContain(secretOf('ours'));
        expect(plain(found.text)).toBe(plain(missing.text));
      },
    );

    test.each(named(guarded))(
      '%s is open from its role on, by each of the three headers, and to its own tenant alone',
      async (_name, walked) => {
        const [least, ...higher] = ROLES.filter((each) => mayAct(each, neededOf(walked)));
        const key = ours.keys[least!];
        const waysIn: Record<string, string>[] = [
          { 'X-API-Key': key },
          { 'X-AOS-Key': key },
          { Authorization: `Bearer ${key}` },
          { 'X-API-Key': key, 'X-Tenant-ID': 'theirs' },
          ...higher.map((role) => ({ 'X-API-Key': ours.keys[role] })),
        ];
        for (const headers of waysIn) {
          const ids = await idsOf(ours, walked);
          const before = await snapshot(aos.pool);
          const { status, body, text } = await call(walked, ids, { headers });
          // Nothing of these ids is missing: else the 404 above would prove nothing.
          const isOpen = ![401, 403, 404].includes(status) && status < 500;
          expect({ status, body, isOpen }).toMatchObject({ isOpen: true });
          expect(text).not.toContain(secretOf('theirs'));
          const isChanged = !isDeepStrictEqual(await snapshot(aos.pool), before);
          expect({ status, body, isChanged }).toMatchObject({
            isChanged: changes(walked.route) && status < 300,
          });
        }
      },
    );

    test("that lists shows a tenant's own, so that what it does not show proves something", async () => {
      const shown = await Promise.all(
        guarded
          .filter(({ route, path }) => route.method === 'GET' && parametersOf(path).length === 0)
          .map(
            async (walked) => (await call(walked, idsOfNothing(), { key: ours.keys.admin })).text,
          ),
      );
      const telling = shown.filter((text) => text.includes(secretOf('ours')));
      // Runs and keys, at least.
      expect(telling.length).toBeGreaterThanOrEqual(2);
    });

    test('is in the roles that /api/v1/rbac/info tells, and in no other', async () => {
      for (const role of ROLES) {
        const key = ours.keys[role];
        const { body } = await aos.request<Rbac>('/api/v1/rbac/info', { key });
        expect(body.role).toBe(role);
        const { may } = body.roles.find((each) => each.role === role)!;
        const open: typeof may = [];
        for (const operation of OPERATION_IDS) {
          const { method, path, role: needed } = ROUTES[operation];
          if (needed === 'public') continue;
          const { status } = await ask(fill(path, idsOfNothing()), {
            method,
            key,
            body: method === 'GET' ? undefined : '{',
          });
          if (status !== 403) open.push({ operation_id: operation, method, path });
        }
        expect(may).toEqual(open);
      }
    });
  });
});
