import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { EventPage } from '../../src/contracts/live.ts';
import type { Failure } from '../../src/contracts/failures.ts';
import { eventsOf, openEvents, openSocket } from '../support/event-client.ts';
import { startHarness } from '../support/harness.ts';
import type { Harness } from '../support/harness.ts';

const PLAN = [
  { id: 'a', skill: 'json_transform', params: { data: 1, query: '.' } },
  { id: 'b', skill: 'json_transform', params: { data: 2, query: '.' }, depends_on: ['a'] },
];

describe('the events of a run', () => {
  let aos: Harness;
  let runId: string;
  let path: string;
  let all: EventPage;
  beforeAll(async () => {
    aos = await startHarness();
    runId = (await aos.run(PLAN)).run_id;
    path = `/api/v1/runs/${runId}/events`;
    all = (await aos.request<EventPage>(`${path}?limit=200`)).body;
  });
  afterAll(() => aos.stop());

  test('are numbered from 1, begin with its acceptance and finish with its end', () => {
    expect(all.data.map(({ number }) => number)).toEqual(all.data.map((_, index) => index + 1));
    expect(all.data[0]).toMatchObject({ type: 'run.accepted', run_id: runId });
    expect(all.data.at(-1)).toMatchObject({ type: 'run.succeeded', run_id: runId });
    expect(all).toMatchObject({ has_more: false, next_after: String(all.data.length) });
  });

  test('come page by page, each once', async () => {
    const seen: unknown[] = [];
    let after = '0';
    for (let hasMore = true; hasMore;) {
      const { body } = await aos.request<EventPage>(`${path}?limit=2&after=${after}`);
      seen.push(...body.data);
      ({ has_more: hasMore, next_after: after } = body);
    }
    expect(seen).toEqual(all.data);
  });

  test('come as a stream from the beginning, which says that the run has ended, and closes', async () => {
    const client = await openEvents(aos.url + path, { key: aos.key });
    expect(client.status).toBe(200);
    expect(client.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(client.headers.get('cache-control')).toBe('no-store');
    expect(client.headers.get('x-accel-buffering')).toBe('no');
    expect(client.headers.get('content-encoding')).toBeNull();
    await client.closed;
    expect(eventsOf(client)).toEqual(all.data);
    expect(client.messages.map(({ id }) => id)).toEqual(all.data.map(({ number }) => `${number}`));
    expect(client.messages.map(({ event }) => event)).toEqual(all.data.map(({ type }) => type));
    expect(client).toMatchObject({ ended: 'run_ended', retries: [1000, 86_400_000] });
  });

  test.each(['2', 'latest'])('go on behind %s', async (after) => {
    const from = after === 'latest' ? all.data.length : Number(after);
    const byHeader = await openEvents(`${aos.url}${path}?after=1`, {
      key: aos.key,
      lastEventId: after,
    });
    const byQuery = await openEvents(`${aos.url}${path}?after=${after}`, { key: aos.key });
    for (const client of [byHeader, byQuery]) {
      await client.closed;
      expect(eventsOf(client)).toEqual(all.data.slice(from));
      expect(client.ended).toBe('run_ended');
    }
  });

  test('come over a WebSocket, which closes behind the last', async () => {
    const client = await openSocket(`${aos.url}${path}?after=1`, { key: aos.key });
    expect(await client.closed).toEqual({ code: 1000, reason: 'run_ended' });
    expect(client.events).toEqual(all.data.slice(1));
  });

  test('come as they happen, in every form, while the run goes on', async () => {
    const { run_id: id } = await aos.submit(PLAN);
    const own = `${aos.url}/api/v1/runs/${id}/events`;
    const stream = await openEvents(own, { key: aos.key });
    const socket = await openSocket(own, { key: aos.key });
    const seen: unknown[] = [];
    for (let after = '0', isOver = false; !isOver;) {
      const { body } = await aos.request<EventPage>(
        `/api/v1/runs/${id}/events?wait=20s&after=${after}`,
      );
      seen.push(...body.data);
      after = body.next_after;
      isOver = body.data.some(({ type }) => type === 'run.succeeded');
    }
    await stream.closed;
    await socket.closed;
    expect(eventsOf(stream)).toEqual(seen);
    expect(socket.events).toEqual(seen);
  });

  test('are not waited for when the run has ended', async () => {
    const { body } = await aos.request<EventPage>(`${path}?after=latest&wait=60s`);
    expect(body).toEqual({ data: [], has_more: false, next_after: String(all.data.length) });
  });

  test('are looked for on a run of the tenant alone', async () => {
    const key = await aos.createKey('another', null);
    for (const id of [runId, 'run_x', `run_${'0'.repeat(36)}`]) {
      const own = `/api/v1/runs/${id}/events`;
      const { status, body } = await aos.request<Failure>(own, {
        key,
        headers: { Accept: 'text/event-stream' },
      });
      expect({ status, code: body.code }).toEqual({ status: 404, code: 'RUN_NOT_FOUND' });
      await expect(openSocket(aos.url + own, { key })).rejects.toThrow('RUN_NOT_FOUND');
    }
  });

  test('tell apart the id of all events from the number that a run goes on by', async () => {
    const { body } = await aos.request<Failure>(`${path}?after=812-3`);
    expect(body.detail).toContain('an `id` of GET /api/v1/events; a run goes on by `number`');
  });

  test.each([
    ['of the future', '1000'],
    ["of the tenant's", '812-3'],
    ['that is no id', '%00'],
    ['that is too long', '9'.repeat(400)],
    ['that is negative', '-1'],
  ])('do not go on behind an id %s', async (_what, after) => {
    for (const headers of [{}, { Accept: 'text/event-stream' }]) {
      const { status, body } = await aos.request<Failure>(`${path}?after=${after}`, { headers });
      expect({ status, code: body.code }).toEqual({ status: 400, code: 'EVENT_ID_INVALID' });
      expect(body.recovery.map((each) => each.path)).toEqual([
        `${path}?after=latest`,
        `${path}?after=0`,
      ]);
    }
    await expect(openSocket(`${aos.url}${path}?after=${after}`, { key: aos.key })).rejects.toThrow(
      'EVENT_ID_INVALID',
    );
  });
});
