import { once } from 'node:events';
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHashKey } from '../../src/bin/installation-keys.ts';
import type { Failure } from '../../src/contracts/failures.ts';
import type { EventPage } from '../../src/contracts/live.ts';
import { insertAgentRow } from '../support/agent-row.ts';
import { eventsOf, openEvents, openSocket } from '../support/event-client.ts';
import { PEPPER, startHarness } from '../support/harness.ts';
import type { Harness } from '../support/harness.ts';
import { converse } from '../support/raw-http.ts';
import { settled } from '../support/settled.ts';

const PLAN = [{ id: 'a', skill: 'json_transform', params: { data: 1, query: '.' } }];
const FEED = '/api/v1/events';
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
const hashKey = createHashKey(PEPPER);

describe('a stream of events', () => {
  let aos: Harness;
  let agentId: string;
  let bound: string;
  beforeAll(async () => {
    aos = await startHarness({ corsOrigins: ['https://console.example.org'] });
    agentId = await insertAgentRow(aos.pool, { tenant_id: 'default', name: 'bound' });
    bound = await keyWith(`agent_id = '${agentId}'`);
  });
  afterAll(() => aos.stop());

  async function keyWith(change: string, tenantId = 'default'): Promise<string> {
    const key = await aos.createKey(tenantId, null, 'operator');
    await aos.pool.query(`UPDATE api_keys SET ${change} WHERE hash = $1`, [hashKey(key)]);
    return key;
  }
  /** Events of nothing in particular, of this tenant. */
  const append = (tenantId: string, count: number, data = '{}'): Promise<unknown> =>
    aos.pool.query(
      `INSERT INTO events (tenant_id, type, data) SELECT $1, 'budget.threshold_reached', $3 FROM generate_series(1, $2::int)`,
      [tenantId, count, data],
    );

  test('of a tenant tells what happens from now on, of all its runs and of no other tenant', async () => {
    const theirs = await aos.createKey('theirs', 1e12);
    const before = await aos.run(PLAN);
    await settled(aos.pool);
    const mine = await openEvents(aos.url + FEED, { key: aos.key });
    const foreign = await openEvents(aos.url + FEED, { key: theirs });
    const socket = await openSocket(aos.url + FEED, { key: aos.key });
    const run = await aos.run(PLAN);
    const { body } = await aos.request<EventPage>(`/api/v1/runs/${run.run_id}/events`);
    await Promise.all([mine.received(body.data.length), socket.received(body.data.length)]);
    expect(eventsOf(mine)).toEqual(body.data);
    expect(socket.events).toEqual(body.data);
    expect(mine.messages.map(({ id }) => id)).toEqual(body.data.map(({ id }) => id));
    await append('theirs', 1);
    await foreign.received(1);
    expect(eventsOf(foreign).map(({ run_id: id }) => id)).toEqual([null]);
    expect(JSON.stringify(eventsOf(mine))).not.toContain(before.run_id);
    for (const client of [mine, foreign]) client.close();
    socket.socket.terminate();
  });

  test('resumes behind the last id over a break, and tells each event once', async () => {
    const first = await openEvents(aos.url + FEED, { key: aos.key });
    await aos.run(PLAN);
    await first.received(3);
    first.close();
    const known = first.messages.slice(0, 2);
    await aos.run(PLAN);
    const again = await openEvents(aos.url + FEED, {
      key: aos.key,
      lastEventId: known.at(-1)!.id!,
    });
    const { body } = await aos.request<EventPage>(
      `${FEED}?limit=200&after=${known.at(-1)!.id!}&wait=5s`,
    );
    await again.received(body.data.length);
    expect(eventsOf(again).slice(0, body.data.length)).toEqual(body.data);
    again.close();
  });

  test('tells only what is asked for', async () => {
    await settled(aos.pool);
    const types = await openEvents(`${aos.url}${FEED}?types=run.accepted,step.*`, { key: aos.key });
    const run = await aos.submit(PLAN);
    const other = await openEvents(`${aos.url}${FEED}?after=0-0&run_id=${run.run_id}`, {
      key: aos.key,
    });
    await aos.ended(run.run_id);
    const { body } = await aos.request<EventPage>(`/api/v1/runs/${run.run_id}/events`);
    await other.received(body.data.length);
    expect(eventsOf(other)).toEqual(body.data);
    const wanted = body.data.filter(({ type }) => /^(run\.accepted|step\.)/.test(type));
    await types.received(wanted.length);
    expect(eventsOf(types)).toEqual(wanted);
    const page = await aos.request<EventPage>(
      `${FEED}?types=run.succeeded&run_id=${run.run_id}&limit=1`,
    );
    expect(page.body.data).toEqual([body.data.find(({ type }) => type === 'run.succeeded')]);
    for (const client of [types, other]) client.close();
  });

  test('of a key that is bound to an agent tells of that agent alone', async () => {
    await settled(aos.pool);
    const stream = await openEvents(aos.url + FEED, { key: bound });
    const foreign = await aos.run(PLAN);
    const own = await aos.run(PLAN, { agent_id: agentId });
    const { body } = await aos.request<EventPage>(`/api/v1/runs/${own.run_id}/events`, {
      key: bound,
    });
    await stream.received(body.data.length);
    expect(eventsOf(stream)).toEqual(body.data);
    stream.close();
    const page = await aos.request<EventPage>(`${FEED}?limit=200`, { key: bound });
    expect(new Set(page.body.data.map(({ agent_id: id }) => id))).toEqual(new Set([agentId]));
    for (const path of [`/api/v1/runs/${foreign.run_id}/events`, `${FEED}?agent_id=agent_x`]) {
      const refusal = await aos.request<Failure>(path, { key: bound });
      expect(refusal).toMatchObject({ status: 403, body: { code: 'KEY_BOUND_TO_AGENT' } });
      await expect(openSocket(aos.url + path, { key: bound })).rejects.toThrow('403');
    }
  });

  test.each(['run.acepted', 'runs.*', '*', '', 'run.accepted,', "run.*' OR 1=1"])(
    'does not guess what the types %s are',
    async (types) => {
      const { status, body } = await aos.request<Failure>(
        `${FEED}?types=${encodeURIComponent(types)}`,
      );
      expect({ status, code: body.code }).toEqual({ status: 422, code: 'INVALID_REQUEST' });
      expect(body.errors![0]!.pointer).toBe('?types');
    },
  );

  test.each([
    ['a number', '12'],
    ['of the future', '999999999999-1'],
    ['between events', '3-999999999'],
    ['larger than any', '99999999999999999999-1'],
    ['no id', "0-0'"],
  ])('does not go on behind an id that is %s', async (_what, id) => {
    await append('default', 1);
    for (const accept of ['application/json', 'text/event-stream']) {
      const { status, body } = await aos.request<Failure>(FEED, {
        headers: { 'Last-Event-ID': id, Accept: accept },
      });
      expect({ status, code: body.code }).toEqual({ status: 400, code: 'EVENT_ID_INVALID' });
      expect(body.recovery[0]!.path).toBe(`${FEED}?after=latest`);
      expect(body.recovery[1]!.path).toBe(`${FEED}?after=0-0`);
    }
  });

  test("does not go on behind another tenant's event", async () => {
    const key = await aos.createKey('elsewhere', null);
    await append('elsewhere', 1);
    const { body } = await aos.request<EventPage>(`${FEED}?wait=20s`, { key });
    const refusal = await aos.request<Failure>(`${FEED}?after=${body.data[0]!.id}`);
    expect(refusal).toMatchObject({ status: 400, body: { code: 'EVENT_ID_INVALID' } });
  });

  test.each([
    ['is revoked', 'revoked_at = now()'],
    ['expires', 'expires_at = now()'],
    ['is bound to another agent', `agent_id = (SELECT id FROM agents WHERE name = 'bound')`],
  ])('ends when its key %s', async (_what, change) => {
    const key = await aos.createKey('default', null, 'viewer');
    const stream = await openEvents(aos.url + FEED, { key });
    const socket = await openSocket(aos.url + FEED, { key });
    const page = fetch(`${aos.url}${FEED}?after=latest&wait=60s&types=run.restarted`, {
      headers: { 'X-API-Key': key },
    });
    await aos.pool.query(`UPDATE api_keys SET ${change} WHERE hash = $1`, [hashKey(key)]);
    await stream.closed;
    expect(stream.ended).toBe('key_ended');
    expect(await socket.closed).toEqual({ code: 1008, reason: 'key_ended' });
    expect([401, 403]).toContain((await page).status);
  });

  test('of a client that reads nothing keeps little, and holds nobody up', async () => {
    const tenantId = 'slow';
    const key = await aos.createKey(tenantId, null);
    const data = JSON.stringify({ text: 'x'.repeat(4_000) });
    const port = Number(new URL(aos.url).port);
    const heapOf = (): number => {
      collectGarbage();
      return process.memoryUsage().heapUsed + process.memoryUsage().external;
    };
    await append(tenantId, 2_000, data);
    const before = heapOf();
    const stalled = await Promise.all(
      Array.from({ length: 20 }, async (_, n) => {
        const socket = connect(port, '127.0.0.1');
        await once(socket, 'connect');
        socket.pause();
        const asked =
          n % 2 === 0
            ? 'Accept: text/event-stream\r\n'
            : 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';
        socket.write(
          `GET ${FEED}?after=0-0 HTTP/1.1\r\nHost: aos\r\nX-API-Key: ${key}\r\n${asked}\r\n`,
        );
        return socket;
      }),
    );
    const reader = await openEvents(`${aos.url}${FEED}?after=0-0`, { key });
    await reader.received(2_000);
    await append(tenantId, 100, data);
    await reader.received(2_100);
    expect(new Set(reader.messages.map(({ id }) => id)).size).toBe(2_100);
    reader.messages.length = 0;
    // 20 clients of 8 MB each: what they have not taken is not kept for them.
    expect(heapOf() - before).toBeLessThan(40 * 1024 * 1024);
    // One that begins to read again gets all of it.
    const slow = stalled[0]!;
    let received = '';
    slow.on('data', (chunk: Buffer) => (received = received.slice(-100_000) + chunk.toString()));
    slow.resume();
    const { body } = await aos.request<EventPage>(`${FEED}?after=latest`, { key });
    const { rows } = await aos.pool.query<{ id: string }>(
      `SELECT transaction || '-' || position AS id FROM events WHERE tenant_id = $1 ORDER BY transaction DESC, position DESC LIMIT 1`,
      [tenantId],
    );
    expect(body.data).toEqual([]);
    while (!received.includes(`id: ${rows[0]!.id}\n`)) await once(slow, 'data');
    for (const socket of stalled) socket.destroy();
    reader.close();
  });

  test.each([
    ['an origin that may not', { Origin: 'https://evil.example' }, 'ORIGIN_NOT_ALLOWED'],
    ['no key', { 'X-API-Key': '' }, 'UNAUTHENTICATED'],
    ['a wrong key', { 'X-API-Key': 'aos_wrong' }, 'UNAUTHENTICATED'],
  ])('is refused over a WebSocket with %s, as over HTTP', async (_what, headers, code) => {
    await expect(openSocket(aos.url + FEED, { key: aos.key, headers })).rejects.toThrow(code);
  });

  test('is open over a WebSocket to a page whose origin may call', async () => {
    const headers = { Origin: 'https://console.example.org' };
    const { socket } = await openSocket(aos.url + FEED, { key: aos.key, headers });
    expect(socket.readyState).toBe(socket.OPEN);
    socket.terminate();
  });

  test('over a WebSocket ends when the client says anything', async () => {
    const small = await openSocket(aos.url + FEED, { key: aos.key });
    small.socket.send('hello');
    expect(await small.closed).toMatchObject({ code: 1008 });
    const large = await openSocket(aos.url + FEED, { key: aos.key });
    large.socket.send('x'.repeat(100_000));
    expect(await large.closed).toMatchObject({ code: 1009 });
  });

  const head = (lines: readonly string[], key = aos.key): string =>
    [...lines, 'Host: aos', `X-API-Key: ${key}`, '', ''].join('\r\n');

  test('asked for by a handshake that is none is refused in JSON', async () => {
    for (const extra of [
      [],
      ['Sec-WebSocket-Version: 12', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='],
      ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: short'],
    ]) {
      const [answer] = await converse(aos.url, [
        head([`GET ${FEED} HTTP/1.1`, 'Connection: Upgrade', 'Upgrade: websocket', ...extra]),
      ]);
      expect(answer!.status).toBe(400);
      expect(JSON.parse(answer!.body)).toMatchObject({ code: 'INVALID_REQUEST' });
    }
  });

  test('asked for where there is none is answered as without the wish', async () => {
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket'];
    const ask = (path: string) => converse(aos.url, [head([`GET ${path} HTTP/1.1`, ...upgrade])]);
    expect((await ask('/api/v1/runs'))[0]!.status).toBe(200);
    expect((await ask('/api/v1/nothing'))[0]!.status).toBe(404);
    expect((await ask('/health'))[0]!.status).toBe(200);
  });

  test('is no matter of clients that always ask for HTTP/2', async () => {
    const json = JSON.stringify({ plan: PLAN });
    const h2c = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'];
    const answers = await converse(aos.url, [
      head(['POST /api/v1/runs HTTP/1.1', ...h2c, `Content-Length: ${json.length}`]) + json,
      head(['GET /health HTTP/1.1', ...h2c]),
      head(['GET /api/v1/runs HTTP/1.1']),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([202, 200, 200]);
  });

  test('leaves a request whole, however many headers it has', async () => {
    const inner = head(['GET /api/v1/me HTTP/1.1']);
    const outer = [
      'POST /api/v1/runs HTTP/1.1',
      'Connection: Upgrade, close',
      'Upgrade: other',
      ...Array.from({ length: 2_100 }, () => 'a:'),
      `Content-Length: ${inner.length}`,
    ];
    const socket = connect(Number(new URL(aos.url).port), '127.0.0.1');
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
    socket.write(head(outer) + inner);
    await once(socket, 'close');
    expect(received).toContain('INVALID_JSON');
    expect(received.match(/HTTP\/1\.1/g)).toHaveLength(1);
  });

  test('is not opened by HEAD', async () => {
    const response = await fetch(aos.url + FEED, {
      method: 'HEAD',
      headers: { Accept: 'text/event-stream', 'X-API-Key': aos.key },
    });
    expect(response.headers.get('content-type')).toMatch('json');
  });
});

describe('the streams of a process', () => {
  let aos: Harness;
  const lines: string[] = [];
  beforeAll(async () => {
    aos = await startHarness({
      worker: false,
      reconciler: false,
      streamLimits: { streamsMax: 4, perTenantMax: 3, perKeyMax: 2, pingMs: 1, stalledMsMax: 500 },
      onLog: (line) => lines.push(line),
    });
  });
  afterAll(() => aos.stop());

  test('are so many in all, for each tenant and for each key, and a closed one makes room', async () => {
    const other = await aos.createKey('default');
    const url = aos.url + FEED;
    const first = await openEvents(url, { key: aos.key });
    const second = await openSocket(url, { key: aos.key });
    const refused = async (key: string, name: string, value: number): Promise<void> => {
      const { status, body, headers } = await aos.request<Failure>(FEED, {
        key,
        headers: { Accept: 'text/event-stream' },
      });
      expect({ status, code: body.code }).toEqual({ status: 429, code: 'STREAMS_EXCEEDED' });
      expect(body.limit).toEqual({ name, value, asked: value + 1 });
      expect(headers.get('retry-after')).toBe('5');
      await expect(openSocket(url, { key })).rejects.toThrow('STREAMS_EXCEEDED');
    };
    await refused(aos.key, 'streams_per_key_max', 2);
    const third = await openEvents(url, { key: other });
    await refused(other, 'streams_per_tenant_max', 3);
    const stranger = await aos.createKey('stranger');
    const fourth = await openEvents(url, { key: stranger });
    await refused(stranger, 'streams_max', 4);
    // What asks for a page needs no place.
    expect((await aos.request(FEED)).status).toBe(200);
    first.close();
    second.socket.terminate();
    await first.closed;
    let opened = await openEvents(url, { key: aos.key });
    while (opened.status === 429) opened = await openEvents(url, { key: aos.key });
    for (const client of [third, fourth, opened]) client.close();
    await Promise.all([third.closed, fourth.closed, opened.closed]);
  });

  test.each([
    ['server-sent events', 'Accept: text/event-stream'],
    [
      'a WebSocket',
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ],
  ])('end by %s when the client takes nothing for long', async (_what, asked) => {
    lines.length = 0;
    await aos.pool.query(
      `INSERT INTO events (tenant_id, type, data)
       SELECT 'default', 'budget.threshold_reached', $1 FROM generate_series(1, 3000)`,
      [JSON.stringify({ text: 'x'.repeat(4_000) })],
    );
    const socket = connect(Number(new URL(aos.url).port), '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.pause();
    socket.write(
      `GET ${FEED}?after=0-0 HTTP/1.1\r\nHost: aos\r\nX-API-Key: ${aos.key}\r\n${asked}\r\n\r\n`,
    );
    const isTold = (): boolean => lines.some((line) => line.includes('"reason":"client_stalled"'));
    while (!isTold()) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isTold()).toBe(true);
    socket.destroy();
  });

  test('end without a fault when the connection is reset', async () => {
    lines.length = 0;
    const asked = [
      'Accept: text/event-stream',
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ];
    for (const headers of asked) {
      const socket = connect(Number(new URL(aos.url).port), '127.0.0.1');
      await once(socket, 'connect');
      socket.write(
        `GET ${FEED} HTTP/1.1\r\nHost: aos\r\nX-API-Key: ${aos.key}\r\n${headers}\r\n\r\n`,
      );
      await once(socket, 'data');
      socket.resetAndDestroy();
    }
    const closed = (): string[] => lines.filter((line) => line.includes('"stream.closed"'));
    while (closed().length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(closed()).toHaveLength(2);
    expect(lines.filter((line) => line.includes('"level":50'))).toEqual([]);
  });

  test('say that they are there', async () => {
    const stream = await openEvents(aos.url + FEED, { key: aos.key });
    const socket = await openSocket(aos.url + FEED, { key: aos.key });
    await once(socket.socket, 'ping');
    socket.socket.ping('there?');
    const [answer] = (await once(socket.socket, 'pong')) as [Buffer];
    expect(answer.toString()).toBe('there?');
    while (stream.comments.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(stream.comments[0]).toBe('ping');
    stream.close();
    socket.socket.terminate();
  });
});
