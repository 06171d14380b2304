import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Failure } from '../../src/contracts/failures.ts';
import type { Json, JsonObject } from '../../src/contracts/json.ts';
import type { SecretView } from '../../src/contracts/secret.ts';
import type { Simulation } from '../../src/contracts/simulation.ts';
import type { Validation } from '../../src/contracts/validation.ts';
import type { Harness } from '../support/harness.ts';
import { startHarness } from '../support/harness.ts';

const VALUE = 'p&ss "w<o>rd\' +/é_Kq7vT9';
const ASCII = 'sk_live_51Kq7vT9mZ2xW4';

interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

describe('a plan that uses secrets', () => {
  let aos: Harness;
  let world: Server;
  let origin: string;
  let seen: Seen[] = [];
  let answer: (request: Seen, response: ServerResponse) => void;

  beforeAll(async () => {
    world = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method = '', url = '', headers } = request;
        const one = { method, url, headers, body: Buffer.concat(chunks).toString() };
        seen.push(one);
        answer(one, response);
      });
    });
    world.listen(0, '127.0.0.1');
    await once(world, 'listening');
    origin = `http://127.0.0.1:${(world.address() as AddressInfo).port}`;
    aos = await startHarness({ egressAllow: '127.0.0.1/32' });
    await put('ODD', VALUE);
    await put('PLAIN', ASCII);
  });
  afterAll(async () => {
    world.close();
    world.closeAllConnections();
    await aos.stop();
  });
  beforeEach(() => {
    seen = [];
    answer = (_request, response) => response.end('ok');
  });

  const put = async (name: string, value: string, hosts = [origin]): Promise<SecretView> =>
    (
      await aos.request<SecretView>(`/api/v1/secrets/${name}`, {
        method: 'PUT',
        json: { value, hosts },
      })
    ).body;
  const call = (params: JsonObject, more: JsonObject = {}) => ({
    id: 'a',
    skill: 'http_call',
    params: { url: `${origin}/x`, ...params },
    ...more,
  });
  const outputOf = async (plan: Json[], id = 'a'): Promise<JsonObject> => {
    const run = await aos.run(plan);
    const step = await aos.step(run.run_id, id);
    if (step.status !== 'succeeded') throw new Error(JSON.stringify(step.failure));
    return step.output as JsonObject;
  };
  const failureOf = async (plan: Json[], id = 'a'): Promise<Failure> => {
    const run = await aos.run(plan);
    return (await aos.step(run.run_id, id)).failure!;
  };

  test('sends them in headers, query and body, each written as its place needs it', async () => {
    await aos.run([
      call({
        method: 'POST',
        headers: { Authorization: 'Bearer {{secrets.PLAIN}}', 'X-Two': '{{secrets.PLAIN}}!' },
        query: { key: 'k={{secrets.ODD}}', list: ['{{secrets.PLAIN}}', 1] },
        body: { deep: [{ text: 'a {{secrets.ODD}} b', whole: '{{secrets.ODD}}' }] },
      }),
    ]);
    expect(seen).toHaveLength(1);
    const { url, headers, body } = seen[0]!;
    expect(headers['authorization']).toBe(`Bearer ${ASCII}`);
    expect(headers['x-two']).toBe(`${ASCII}!`);
    const query = new URL(url, origin).searchParams;
    expect([query.get('key'), query.getAll('list')]).toEqual([`k=${VALUE}`, [ASCII, '1']]);
    expect(JSON.parse(body)).toEqual({ deep: [{ text: `a ${VALUE} b`, whole: VALUE }] });
  });

  test('sends one in a text as it is', async () => {
    await aos.run([call({ method: 'POST', body: 'token={{secrets.ODD}}&x=1' })]);
    expect(seen[0]!.body).toBe(`token=${VALUE}&x=1`);
  });

  test('leaves what is not a secret as it was, the Idempotency-Key too', async () => {
    const run = await aos.run([
      call({ method: 'POST', headers: { k: '{{secrets.PLAIN}}' }, body: { a: '{{input}}' } }),
    ]);
    expect(seen[0]!.headers['idempotency-key']).toContain(run.run_id);
    expect(JSON.parse(seen[0]!.body)).toEqual({ a: null });
  });

  test('uses them in a fallback and in a compensation', async () => {
    answer = ({ url }, response) => {
      response.statusCode = url.startsWith('/fails') ? 400 : 200;
      response.end('ok');
    };
    await aos.run([
      call(
        { url: `${origin}/fails` },
        {
          fallback: {
            skill: 'http_call',
            params: { url: `${origin}/fallback`, headers: { k: '{{secrets.PLAIN}}' } },
          },
          compensate: {
            skill: 'http_call',
            params: { url: `${origin}/undo`, headers: { k: '{{secrets.PLAIN}}' } },
          },
        },
      ),
      { ...call({ url: `${origin}/fails` }), id: 'b', depends_on: ['a'] },
    ]);
    const sent = Object.fromEntries(seen.map(({ url, headers }) => [url, headers['k']]));
    expect(sent).toEqual({ '/fails': undefined, '/fallback': ASCII, '/undo': ASCII });
  });

  test('takes a new value with the next try', async () => {
    await put('ROTATED', 'the first value');
    const sent: unknown[] = [];
    let rotated: Promise<unknown> | undefined;
    answer = ({ headers }, response) => {
      sent.push(headers['k']);
      rotated ??= put('ROTATED', 'the second value');
      void rotated.then(() => {
        response.statusCode = sent.length === 1 ? 503 : 200;
        response.end('ok');
      });
    };
    const retry = { max_attempts: 2, backoff_ms: 1 };
    await aos.run([call({ headers: { k: '{{secrets.ROTATED}}' } }, { retry })]);
    expect(sent).toEqual(['the first value', 'the second value']);
  });

  test('notes when one was used, and writes no more than once a minute', async () => {
    await put('USED', ASCII);
    const plan = [call({ headers: { k: '{{secrets.USED}}' } })];
    await aos.run(plan);
    const usedAt = async () =>
      (await aos.request<SecretView>('/api/v1/secrets/USED')).body.last_used_at;
    const first = await usedAt();
    expect(first).not.toBeNull();
    await aos.run(plan);
    expect(await usedAt()).toBe(first);
  });

  test('fails at the call when the secret was deleted meanwhile, or cannot be opened', async () => {
    await put('FLEETING', ASCII);
    let deleted: Promise<unknown> | undefined;
    answer = (_request, response) => {
      deleted ??= aos.request('/api/v1/secrets/FLEETING', { method: 'DELETE' });
      void deleted.then(() => response.end('ok'));
    };
    const second = {
      ...call({ headers: { k: '{{secrets.FLEETING}}' } }),
      id: 'b',
      depends_on: ['a'],
    };
    expect(await failureOf([call({}), second], 'b')).toMatchObject({
      code: 'SECRET_NOT_FOUND',
      retryable: false,
    });
    await put('CHANGED', ASCII);
    await aos.pool.query(`UPDATE secrets SET sealed = sealed || '\\x00' WHERE name = 'CHANGED'`);
    expect(await failureOf([call({ headers: { k: '{{secrets.CHANGED}}' } })])).toMatchObject({
      code: 'SECRET_UNREADABLE',
    });
    expect(seen).toHaveLength(1);
  });

  test('reads no reference in what a step gave, or in the input', async () => {
    answer = (_request, response) => {
      response.setHeader('Content-Type', 'application/json');
      response.end(
        JSON.stringify({ text: '{{secrets.PLAIN}}', more: String.raw`\{{secrets.PLAIN}}` }),
      );
    };
    const run = await aos.run(
      [
        call({ headers: { k: '{{secrets.PLAIN}}' } }),
        {
          ...call({
            method: 'POST',
            headers: { k: '{{secrets.PLAIN}}', text: '{{steps.a.output.body.text}}' },
            body: ['{{steps.a.output.body.text}}', '{{steps.a.output.body.more}}', '{{input}}'],
          }),
          id: 'b',
          depends_on: ['a'],
        },
      ],
      { input: '{{secrets.PLAIN}}' },
    );
    expect(run.status).toBe('succeeded');
    expect(seen[1]!.headers['text']).toBe('{{secrets.PLAIN}}');
    expect(JSON.parse(seen[1]!.body)).toEqual([
      '{{secrets.PLAIN}}',
      String.raw`\{{secrets.PLAIN}}`,
      '{{secrets.PLAIN}}',
    ]);
  });

  test('is refused where no secret may stand, with the place and the fix', async () => {
    const s = '{{secrets.PLAIN}}';
    const plan = [
      call({ url: `${origin}/${s}`, timeout_ms: s, headers: { ok: s }, method: s }),
      { skill: 'json_transform', params: { data: s, query: '.' } },
      { skill: 'webhook_send', params: { url: origin, payload: { s } } },
      { skill: 'llm_invoke', params: { prompt: s } },
      { skill: 'email_send', params: { to: 'a@example.org', subject: s, text: s } },
      { skill: 'fs_write', params: { path: 'a', content: s } },
      { skill: 'fs_read', params: { path: s } },
      { ...call({}), id: 'w', when: { ref: 'secrets.PLAIN', op: 'eq', value: ASCII } },
      {
        ...call({}),
        id: 'f',
        fallback: { skill: 'json_transform', params: { data: s, query: '.' } },
      },
    ];
    const { status, body } = await aos.request<Failure>('/api/v1/runs', { json: { plan } });
    expect({ status, code: body.code }).toEqual({ status: 422, code: 'PLAN_INVALID' });
    const misplaced = body.errors!.filter(({ code }) => code === 'SECRET_MISPLACED');
    expect(misplaced.map(({ pointer }) => pointer).toSorted()).toEqual([
      '/plan/0/params/method',
      '/plan/0/params/timeout_ms',
      '/plan/0/params/url',
      '/plan/1/params/data',
      '/plan/2/params/payload/s',
      '/plan/3/params/prompt',
      '/plan/4/params/subject',
      '/plan/4/params/text',
      '/plan/5/params/content',
      '/plan/6/params/path',
      '/plan/7/when/ref',
      '/plan/8/fallback/params/data',
    ]);
    expect(misplaced[0]!.message).toContain('`headers`, `query` or `body` of `http_call`');
  });

  const unsafe: [string, (here: string) => JsonObject, string, string][] = [
    [
      'a secret that is not there',
      (here) => ({ url: here, headers: { k: '{{secrets.NOBODY}}' } }),
      'SECRET_NOT_FOUND',
      'headers/k',
    ],
    [
      'another host',
      () => ({ url: 'https://elsewhere.example/x', query: { k: '{{secrets.PLAIN}}' } }),
      'SECRET_HOST_NOT_ALLOWED',
      'query/k',
    ],
    [
      'another port',
      (here) => ({ url: here.replace(/\d+$/, '1024'), body: '{{secrets.PLAIN}}' }),
      'SECRET_HOST_NOT_ALLOWED',
      'body',
    ],
    [
      'another scheme',
      (here) => ({ url: here.replace('http', 'https'), body: ['{{secrets.PLAIN}}'] }),
      'SECRET_HOST_NOT_ALLOWED',
      'body/0',
    ],
    [
      'another host, with a reference behind it',
      () => ({ url: 'https://elsewhere.example/{{input}}', body: '{{secrets.PLAIN}}' }),
      'SECRET_HOST_NOT_ALLOWED',
      'body',
    ],
  ];
  test.each(unsafe)(
    'is refused at submit for %s, and said so before',
    async (_, params, code, at) => {
      const plan = [{ skill: 'http_call', params: { method: 'POST', ...params(origin) } }];
      const pointer = `/plan/0/params/${at}`;
      const { status, body } = await aos.request<Failure>('/api/v1/runs', { json: { plan } });
      expect({ status, code: body.code, errors: body.errors }).toEqual({
        status: code === 'SECRET_NOT_FOUND' ? 422 : 403,
        code,
        errors: [expect.objectContaining({ pointer, code })],
      });
      const { body: validation } = await aos.request<Validation>('/api/v1/plans/validate', {
        json: { plan },
      });
      expect(validation).toMatchObject({ valid: false, problems: [{ pointer, code }] });
      expect(validation.problems[0]!.fix).not.toBe('');
      const { body: simulation } = await aos.request<Simulation>('/api/v1/runtime/simulate', {
        json: { plan, budget_cents: 100 },
      });
      expect(simulation).toMatchObject({
        feasible: false,
        status: 'not_permitted',
        permission_gaps: [{ step_index: 0, pointer, code }],
      });
      expect(seen).toEqual([]);
    },
  );

  test('is refused at the call for a host that only the call knows', async () => {
    const elsewhere = origin.replace('127.0.0.1', 'localhost');
    const run = await aos.run([call({ url: '{{input}}', headers: { k: '{{secrets.PLAIN}}' } })], {
      input: elsewhere,
    });
    expect((await aos.step(run.run_id, 'a')).failure).toMatchObject({
      code: 'SECRET_HOST_NOT_ALLOWED',
      detail: expect.stringContaining('localhost'),
    });
    expect(seen).toEqual([]);
  });

  test('is refused with more secrets in a call than one may have', async () => {
    const headers = Object.fromEntries(
      [...Array(9).keys()].map((n) => [`h${n}`, `{{secrets.S${n}}}`]),
    );
    const { body } = await aos.request<Failure>('/api/v1/runs', {
      json: { plan: [call({ headers })] },
    });
    expect(body).toMatchObject({
      code: 'PLAN_INVALID',
      errors: [{ pointer: '/plan/0/params', code: 'PARAMS_INVALID' }],
    });
  });

  test('fails when a value is none for its place, and does not show it', async () => {
    await put('LINES', `${ASCII}\n${ASCII}`);
    await put('LONG', ASCII.repeat(1000));
    const cases: [JsonObject, string][] = [
      [{ headers: { k: '{{secrets.LINES}}' } }, 'PARAMS_INVALID'],
      [{ headers: { k: '{{secrets.LONG}}' } }, 'PARAMS_INVALID'],
      [{ query: { k: '{{secrets.LONG}}' } }, 'PARAMS_INVALID'],
      [{ method: 'POST', body: '{{secrets.LONG}}'.repeat(2000) }, 'PARAMS_TOO_LARGE'],
    ];
    for (const [params, code] of cases) {
      const failure = await failureOf([call(params)]);
      expect(failure.code).toBe(code);
      expect(JSON.stringify(failure)).not.toContain(ASCII);
    }
    expect(seen).toEqual([]);
  });

  test('shows references in the params of a step, and hides a word of ordinary text', async () => {
    await put('WORD', 'national');
    answer = (_request, response) => {
      response.setHeader('Content-Type', 'application/json');
      response.end('{"international":"nationality","a":"nation"}');
    };
    const output = await outputOf([call({ headers: { k: '{{secrets.WORD}}' } })]);
    expect(output['body']).toEqual({
      'inter[secret WORD]': '[secret WORD]ity',
      a: 'nation',
    });
  });
});
