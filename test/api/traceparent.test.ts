import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Run } from '../../src/contracts/run.ts';
import { startHarness } from '../support/harness.ts';
import type { Harness } from '../support/harness.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const GIVEN = `00-${TRACE}-${SPAN}-01`;

describe('the trace of a caller', () => {
  let aos: Harness;
  const servers: Server[] = [];
  let url: string;
  let elsewhere: string;
  let received: { path: string; headers: IncomingHttpHeaders }[] = [];

  async function startServer(): Promise<number> {
    const server = createServer((request, response) => {
      request.resume();
      received.push({ path: request.url!, headers: request.headers });
      if (request.url === '/flaky' && received.length === 1) response.statusCode = 503;
      if (request.url === '/moved') response.writeHead(302, { Location: elsewhere });
      response.end('{}');
    }).listen(0, '127.0.0.1');
    servers.push(server);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }
  beforeAll(async () => {
    const [port, otherPort] = await Promise.all([startServer(), startServer()]);
    url = `http://127.0.0.1:${port}/`;
    elsewhere = `http://127.0.0.1:${otherPort}/`;
    aos = await startHarness({
      reconciler: false,
      egressAllow: `127.0.0.1:${port},127.0.0.1:${otherPort}`,
    });
  });
  afterAll(async () => {
    await aos.stop();
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
  });
  beforeEach(() => {
    received = [];
  });

  const call = (id: string, path: string, params = {}) => ({
    id,
    skill: 'http_call',
    params: { url: url + path, ...params },
    retry: { max_attempts: 3, backoff_ms: 10 },
  });
  async function run(plan: unknown, traceparent: string | undefined): Promise<Run> {
    const { status, body } = await aos.request<Run>('/api/v1/runs', {
      json: { plan },
      headers: { ...(traceparent !== undefined && { traceparent }) },
    });
    expect(status).toBe(202);
    const ended = await aos.ended(body.run_id);
    expect(ended).toMatchObject({ status: 'succeeded' });
    return ended;
  }
  const sent = () => received.map(({ headers }) => headers['traceparent'] as string | undefined);
  const stored = async ({ run_id }: Run): Promise<string | null> => {
    const { rows } = await aos.pool.query<{ traceparent: string | null }>(
      'SELECT traceparent FROM runs WHERE id = $1',
      [run_id],
    );
    return rows[0]!.traceparent;
  };

  test('is kept with the run and goes on with its calls, each step a span of its own', async () => {
    const ended = await run([call('a', 'a'), call('b', 'b')], GIVEN);
    expect(await stored(ended)).toBe(GIVEN);
    const parts = sent().map((header) => header!.split('-'));
    expect(parts.map(([version, trace, , flags]) => [version, trace, flags])).toEqual([
      ['00', TRACE, '01'],
      ['00', TRACE, '01'],
    ]);
    const spans = parts.map(([, , span]) => span!);
    expect(spans.every((span) => /^[0-9a-f]{16}$/.test(span))).toBe(true);
    expect(new Set([SPAN, ...spans]).size).toBe(3);
  });

  test('is the same span over tries', async () => {
    await run([call('a', 'flaky')], `00-${TRACE}-${SPAN}-00`);
    const [first, second] = sent();
    expect(first).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
    expect(received).toHaveLength(2);
    expect(second).toBe(first);
  });

  test('follows a redirect to another origin', async () => {
    await run([call('a', 'moved')], GIVEN);
    expect(received.map(({ path }) => path)).toEqual(['/moved', '/']);
    const [first, second] = sent();
    expect(first).toContain(TRACE);
    expect(second).toBe(first);
  });

  test('gives way to what the plan itself sends', async () => {
    const own = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    await run([call('a', 'a', { headers: { Traceparent: own } })], GIVEN);
    expect(sent()).toEqual([own]);
  });

  test('is not made up when the caller sends none', async () => {
    const ended = await run([call('a', 'a')], undefined);
    expect(await stored(ended)).toBeNull();
    expect(sent()).toEqual([undefined]);
  });

  test.each([
    'nonsense',
    `00-${TRACE}-${SPAN}`,
    `00-${TRACE}-${SPAN}-01-more`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `${GIVEN}, ${GIVEN}`,
  ])('is ignored when it is not valid: %s', async (traceparent) => {
    const { status, body } = await aos.request<Run>('/api/v1/runs', {
      json: { plan: [{ skill: 'json_transform', params: { data: 1, query: '.' } }] },
      headers: { traceparent },
    });
    expect(status).toBe(202);
    expect(await stored(body)).toBeNull();
  });
});
