import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Failure } from '../../src/contracts/failures.ts';
import type { Run, RunPage } from '../../src/contracts/run.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';
import { createScriptedSkill, pause, succeed } from '../support/scripted-skill.ts';

const CENT = 1_000_000;
const RUNS = '/api/v1/runs';
const plan = [{ id: 'a', skill: 'json_transform', params: { data: 1, query: '. + 1' } }];
const ROUTES: [string, string][] = [
  ['GET', RUNS],
  ['POST', RUNS],
  ['GET', `${RUNS}/x`],
  ['POST', `${RUNS}/x/cancel`],
  ['GET', `${RUNS}/x/ledger`],
  ['GET', `${RUNS}/x/steps/a`],
  ['GET', `${RUNS}/x/steps/a/output`],
  ['GET', '/api/v1/ledger/audit'],
  ['GET', '/api/v1/runtime/skills'],
  ['GET', '/api/v1/runtime/skills/http_call'],
  ['GET', '/api/v1/runtime/webhook-secret'],
  ['DELETE', RUNS],
  ['OPTIONS', RUNS],
  ['GET', '/nowhere'],
  ['GET', '/'],
  ['GET', '/healthy'],
  ['GET', '/health/../api/v1/runs'],
];

describe('a key', () => {
  let aos: Harness;
  beforeAll(async () => {
    aos = await startHarness();
  });
  afterAll(async () => {
    await aos.stop();
  });

  const ask = (headers: Record<string, string>, path = RUNS) =>
    aos.request<Failure>(path, { key: null, headers });

  test.each(ROUTES)(
    'is needed for %s %s, before anything else is looked at',
    async (method, path) => {
      for (const headers of [{}, { 'X-API-Key': 'aos_wrong' }] as Record<string, string>[]) {
        const answer = await aos.request<Failure>(path, {
          method,
          key: null,
          headers,
          ...(method === 'POST' && { body: 'no json' }),
        });
        expect(answer).toMatchObject({
          status: 401,
          body: {
            code: 'UNAUTHENTICATED',
            category: 'PERMISSION',
            recovery: [{ action: 'authenticate' }],
          },
        });
        expect(answer.headers.get('www-authenticate')).toContain('Bearer');
      }
    },
  );

  test.each(['/health', '/healthz', '/version', '/health/ready', '/docs/errors/INTERNAL'])(
    'is not needed for %s, and a wrong one does no harm there',
    async (path) => {
      expect((await ask({}, path)).status).toBe(200);
      expect((await ask({ 'X-API-Key': 'aos_wrong' }, path)).status).toBe(200);
    },
  );

  test('is taken from each of the three headers, and from several that agree', async () => {
    const { key } = aos;
    for (const headers of [
      { 'X-API-Key': key },
      { 'X-AOS-Key': key },
      { Authorization: `Bearer ${key}` },
      { authorization: `bearer   ${key}` },
      { 'X-API-Key': key, 'X-AOS-Key': key, Authorization: `Bearer ${key}` },
      { 'X-API-Key': key, Authorization: 'Basic dXNlcjpwYXNz' },
    ] as Record<string, string>[]) {
      expect((await ask(headers)).status).toBe(200);
    }
  });

  test('is refused beside another one, even a good one', async () => {
    const other = await aos.createKey('other');
    const pairs: Record<string, string>[] = [
      { 'X-API-Key': aos.key, 'X-AOS-Key': other },
      { 'X-API-Key': aos.key, Authorization: `Bearer ${other}` },
      { 'X-AOS-Key': aos.key, Authorization: 'Bearer aos_wrong' },
    ];
    for (const headers of pairs) {
      const { status, body } = await ask(headers);
      expect({ status, code: body.code }).toEqual({ status: 401, code: 'UNAUTHENTICATED' });
      expect(body.detail).toContain('two different API keys');
    }
  });

  test.each([
    ['empty', ''],
    ['a part of a good one', 'aos_'],
    ['SQL', "' OR '1'='1"],
    ['long', 'a'.repeat(8_000)],
  ])('that is %s is refused', async (_what, wrong) => {
    expect((await ask({ 'X-API-Key': wrong })).status).toBe(401);
    expect((await ask({ Authorization: `Bearer ${wrong}` })).status).toBe(401);
    expect((await ask({ Authorization: wrong })).status).toBe(401);
  });

  test('with anything before or behind it is refused', async () => {
    for (const wrong of [
      `${aos.key}a`,
      `a${aos.key}`,
      aos.key.toUpperCase(),
      aos.key.slice(0, -1),
    ]) {
      expect((await ask({ 'X-API-Key': wrong })).status).toBe(401);
    }
  });

  test('opens nothing any more once it is revoked or has expired', async () => {
    for (const change of ['revoked_at = now()', `expires_at = now() - interval '1 second'`]) {
      const key = await aos.createKey('passing');
      expect((await aos.request(RUNS, { key })).status).toBe(200);
      const { rowCount } = await aos.pool.query(
        `UPDATE api_keys SET ${change} WHERE tenant_id = 'passing'`,
      );
      expect(rowCount).toBeGreaterThan(0);
      // For less than a second the key may be remembered.
      let answer = await aos.request(RUNS, { key });
      while (answer.status === 200) answer = await aos.request(RUNS, { key });
      expect(answer).toMatchObject({
        status: 401,
        body: { code: 'UNAUTHENTICATED' },
      });
    }
    const key = await aos.createKey('passing');
    await aos.pool.query(
      `UPDATE api_keys SET expires_at = now() + interval '1 hour' WHERE tenant_id = 'passing'`,
    );
    expect((await aos.request(RUNS, { key })).status).toBe(200);
  });

  test('is kept as a hash alone', async () => {
    const { rows } = await aos.pool.query<{ row: string }>(
      'SELECT api_keys::text AS row FROM api_keys',
    );
    const hex = Buffer.from(aos.key).toString('hex');
    for (const { row } of rows) {
      expect(row).not.toContain(aos.key);
      expect(row).not.toContain(hex);
    }
  });

  test('of another tenant sees nothing of a run, and cannot touch it', async () => {
    const { run_id } = await aos.run(plan, { labels: { team: 'a' } });
    const key = await aos.createKey('stranger');
    const own = await aos.request<Run>(RUNS, { json: { plan }, key });
    for (const [method, path, code] of [
      ['GET', `${RUNS}/${run_id}`, 'RUN_NOT_FOUND'],
      ['GET', `${RUNS}/${run_id}?wait=1s`, 'RUN_NOT_FOUND'],
      ['GET', `${RUNS}/${run_id}/steps/a`, 'RUN_NOT_FOUND'],
      ['GET', `${RUNS}/${run_id}/steps/a/output`, 'RUN_NOT_FOUND'],
      ['GET', `${RUNS}/${run_id}/ledger`, 'RUN_NOT_FOUND'],
      ['POST', `${RUNS}/${run_id}/cancel`, 'RUN_NOT_FOUND'],
    ] as const) {
      const stranger = await aos.request<Failure>(path, { method, key });
      expect({ path, status: stranger.status, code: stranger.body.code }).toEqual({
        path,
        status: 404,
        code,
      });
      // Word for word what a run that never was answers.
      const absent = run_id.replace(/.{4}$/, '0000');
      const nobody = await aos.request<Failure>(path.replace(run_id, absent), { method, key });
      expect(nobody.body.detail.replace(absent, run_id)).toBe(stranger.body.detail);
    }
    const listed = await aos.request<RunPage>(`${RUNS}?label=team=a`, { key });
    expect(listed.body.data).toEqual([]);
    const all = await aos.request<RunPage>(RUNS, { key });
    expect(all.body.data.map((run) => run.run_id)).toEqual([own.body.run_id]);
    expect((await aos.request<Run>(`${RUNS}/${run_id}`)).body).toMatchObject({
      status: 'succeeded',
      output: 2,
    });
  });

  test('of another tenant cannot read on from a cursor of ours', async () => {
    await aos.run(plan);
    await aos.run(plan);
    const { body } = await aos.request<RunPage>(`${RUNS}?limit=1`);
    expect(body.has_more).toBe(true);
    const key = await aos.createKey('reader');
    const page = await aos.request<RunPage>(`${RUNS}?cursor=${body.next_cursor}`, { key });
    expect(page).toMatchObject({
      status: 200,
      body: { data: [], has_more: false, next_cursor: null },
    });
  });
});

describe('a tenant with a limit', () => {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  const gated = createScriptedSkill({
    id: 'gated',
    worstMicroCents: 3 * CENT,
    call: async ({ signal }) => {
      await Promise.race([opened, pause(60_000, signal)]);
      return succeed('open', CENT);
    },
  });
  let aos: Harness;
  beforeAll(async () => {
    aos = await startHarness({ skills: [gated] });
  });
  afterAll(async () => {
    await aos.stop();
  });

  test('gets 402 with all the numbers while its money is held, and may spend it after the run', async () => {
    const key = await aos.createKey('saver', 10 * CENT);
    const submit = (budget: number) =>
      aos.request<{ run_id: string; detail: string }>(RUNS, {
        json: { plan: [{ skill: 'gated' }], budget_cents: budget, idempotency_key: `of ${budget}` },
        key,
      });
    const first = await submit(7.5);
    expect(first.status).toBe(202);
    const refused = await submit(2.500001);
    expect(refused).toMatchObject({
      status: 402,
      body: {
        code: 'BUDGET_EXCEEDED',
        category: 'RESOURCE',
        retryable: false,
        recovery: [{ action: 'raise_budget' }],
      },
    });
    for (const part of [
      'tenant/saver',
      'limit of 10 cents',
      ' 0 cents settled',
      '7.5 cents reserved',
      '2.500001 cents',
    ]) {
      expect(refused.body.detail).toContain(part);
    }
    const exact = await submit(2.5);
    expect(exact.status).toBe(202);
    open();
    for (const { body } of [first, exact]) {
      const ended = await aos.request<Run>(`${RUNS}/${body.run_id}?wait=30s`, { key });
      expect(ended.body).toMatchObject({ status: body === first.body ? 'succeeded' : 'failed' });
    }
    // One cent is spent, nine are free: neither a micro-cent more nor less.
    expect((await submit(9.000001)).body.detail).toContain('1 cents settled, 0 cents reserved');
    expect((await submit(9)).status).toBe(202);
    expect(
      (await aos.request<{ violations: unknown[] }>('/api/v1/ledger/audit', { key })).body
        .violations,
    ).toEqual([]);
  });
});
