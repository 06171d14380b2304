import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Event } from '../../src/contracts/event.ts';
import type { EventPage } from '../../src/contracts/live.ts';
import type { Run } from '../../src/contracts/run.ts';
import { findFreePorts } from '../../src/embedded/free-port.ts';
import { startEmbeddedPostgres } from '../../src/embedded/postgres.ts';
import type { EmbeddedPostgres } from '../../src/embedded/postgres.ts';
import { findTemporalProgram } from '../../src/embedded/temporal-program.ts';
import { startTemporalServer } from '../../src/embedded/temporal-server.ts';
import type { TemporalServer } from '../../src/embedded/temporal-server.ts';
import { createPool } from '../../src/storage/pool.ts';
import { eventsOf, openEvents, openSocket } from '../support/event-client.ts';
import type { EventClient, SocketClient } from '../support/event-client.ts';
import { until } from '../support/event-receiver.ts';
import { startAos } from '../support/started.ts';
import type { Started } from '../support/started.ts';
import { startWebhookReceiver } from '../support/webhook-receiver.ts';
import type { WebhookReceiver } from '../support/webhook-receiver.ts';
import { startWorld } from '../support/world.ts';
import type { World } from '../support/world.ts';

const KEY = `aos_${'o'.repeat(40)}`;
const RUNS = 10;
const STEPS = 8;

describe('an outage in the middle of runs', () => {
  let dataDir: string;
  let world: World;
  let receiver: WebhookReceiver;
  let aos: Started;
  let stream: EventClient;
  let socket: SocketClient;
  let postgres: EmbeddedPostgres;
  let temporal: TemporalServer;
  let startPostgres: () => Promise<EmbeddedPostgres>;
  let startTemporal: () => Promise<TemporalServer>;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'aos-outage-'));
    world = await startWorld();
    world.delayMs = 100;
    receiver = await startWebhookReceiver({
      secret: 'whsec_bm9ib2R5IGlzIGFza2VkIGZvciB0aGlzIG9uZQ==',
      answer: (_, response) => response.writeHead(200).end(),
    });
    const [postgresPort, temporalPort] = await findFreePorts(2);
    const quiet = { onProgress: () => {}, onLog: () => {} };
    const program = await findTemporalProgram({ cacheDir: resolve('.aos/cache'), ...quiet });
    startPostgres = () => startEmbeddedPostgres({ dataDir, port: postgresPort!, ...quiet });
    startTemporal = () =>
      startTemporalServer({ program, dataDir, port: temporalPort!, namespace: 'aos', ...quiet });
    [postgres, temporal] = await Promise.all([startPostgres(), startTemporal()]);
    const settings = {
      AOS_DATA_DIR: join(dataDir, 'aos'),
      AOS_PORT: '0',
      AOS_ADMIN_KEY: KEY,
      AOS_KEY_PEPPER: 'p'.repeat(40),
      AOS_SECRETS_KEY: 's'.repeat(40),
      AOS_EGRESS_ALLOW: `${world.target},127.0.0.1:${receiver.port}`,
      AOS_HTTP_PRICES: `${world.target}=1`,
      DATABASE_URL: postgres.url,
      TEMPORAL_ADDRESS: temporal.address,
    };
    aos = await startAos(settings, KEY);
    expect(await aos.request('/api/v1/webhooks', { url: receiver.url })).toMatchObject({
      status: 201,
    });
    stream = await openEvents(`${aos.url}/api/v1/events`, { key: KEY });
    socket = await openSocket(`${aos.url}/api/v1/events`, { key: KEY });
  });
  afterAll(async () => {
    stream.close();
    socket.socket.terminate();
    await aos.interrupt();
    await Promise.all([postgres.stop(), temporal.stop()]);
    await world.stop();
    await receiver.stop();
    await rm(dataDir, { recursive: true, force: true });
  });

  /** Runs of calls that may not be repeated, so that an effect made twice or left unknown cannot hide. */
  async function submitRuns(): Promise<string[]> {
    world.effects = [];
    const plan = Array.from({ length: STEPS }, (_, index) =>
      index % 2 === 0
        ? {
            id: `call_${index}`,
            skill: 'http_call',
            params: { method: 'POST', url: `http://${world.target}/${index}` },
          }
        : { id: `take_${index}`, skill: 'json_transform', params: { query: '.ok' } },
    );
    const answers = await Promise.all(
      Array.from({ length: RUNS }, () =>
        aos.request<Run>('/api/v1/runs', { plan, budget_cents: 100 }),
      ),
    );
    return answers.map(({ body }) => body.run_id);
  }

  async function expectAllDone(runIds: string[]): Promise<void> {
    const runs = await Promise.all(runIds.map((id) => aos.ended(id)));
    expect(runs.map((run) => run.status)).toEqual(runs.map(() => 'succeeded'));
    expect(runs.map((run) => run.cost_cents)).toEqual(runs.map(() => STEPS / 2));
    const wanted = runIds.flatMap((id) => [0, 2, 4, 6].map((index) => `${id}/call_${index}/1`));
    expect(world.effects.toSorted()).toEqual(wanted.toSorted());
    const pool = createPool({ url: postgres.url, connectionsMax: 1, onError: () => {} });
    const { rows } = await pool.query('SELECT id FROM accounts WHERE reserved_micro_cents <> 0');
    await pool.end();
    expect(rows).toEqual([]);
    expect((await aos.request('/api/v1/ledger/audit')).body).toMatchObject({ violations: [] });
    await expectAllTold(runIds);
    await expectAllStreamed(runIds);
  }

  /** Streams that were open all the time have had every event once, those of a run in the order of their numbers. */
  async function expectAllStreamed(runIds: string[]): Promise<void> {
    for (const runId of runIds) {
      const { body } = await aos.request<EventPage>(`/api/v1/runs/${runId}/events?limit=100`);
      const wanted = body.data.map(({ id }) => id);
      for (const read of [() => eventsOf(stream), () => socket.events]) {
        const streamed = await until(
          () => read().filter(({ run_id }) => run_id === runId),
          ({ length }) => length >= wanted.length,
        );
        expect(streamed.map(({ id }) => id)).toEqual(wanted);
      }
    }
  }

  /** Every event has come to the webhook, under one id: it may have come twice, and none may be lost. */
  async function expectAllTold(runIds: string[]): Promise<void> {
    const pool = createPool({ url: postgres.url, connectionsMax: 1, onError: () => {} });
    const { rows } = await pool.query<{ name: string }>(
      `SELECT run_id || '/' || number AS name FROM events WHERE run_id = ANY($1)`,
      [runIds],
    );
    await pool.end();
    const readTold = (): Map<string, string> =>
      new Map(
        receiver.deliveries.map(({ headers, body }) => {
          const { data } = JSON.parse(body.toString()) as { data: Event };
          return [String(headers['webhook-id']), `${data.run_id}/${data.number}`];
        }),
      );
    const wanted = new Set(rows.map(({ name }) => name));
    const told = await until(
      () => [...readTold().values()].filter((name) => wanted.has(name)),
      ({ length }) => length >= wanted.size,
    );
    expect(told.toSorted()).toEqual([...wanted].toSorted());
  }

  async function stopPostgresFor(seconds: number): Promise<void> {
    process.kill(postgres.pid, 'SIGQUIT');
    await postgres.exited;
    await delay(1_000);
    const { status, body } = await aos.request<{ code: string; retryable: boolean }>(
      '/api/v1/runs',
    );
    expect({ status, code: body.code, retryable: body.retryable }).toEqual({
      status: 503,
      code: 'SERVICE_UNAVAILABLE',
      retryable: true,
    });
    expect((await aos.request('/health')).status).toBe(200);
    expect((await aos.request('/health/ready')).body).toMatchObject({ parts: { postgres: false } });
    await delay(seconds * 1_000 - 1_000);
    postgres = await startPostgres();
  }

  test.each([10, 60])(
    'of Postgres for %d s delays runs and loses nothing',
    async (seconds) => {
      const runIds = await submitRuns();
      await delay(150);
      await stopPostgresFor(seconds);
      await expectAllDone(runIds);
    },
    240_000,
  );

  test('of Temporal, killed and started again, delays runs and loses nothing', async () => {
    const runIds = await submitRuns();
    await delay(150);
    process.kill(temporal.pid, 'SIGKILL');
    await temporal.exited;
    const { status, body } = await aos.request<Run>('/api/v1/runs', {
      plan: [{ skill: 'json_transform', params: { data: 1, query: '.' } }],
    });
    expect(status).toBe(202);
    temporal = await startTemporal();
    expect(await aos.ended(body.run_id)).toMatchObject({ status: 'succeeded', output: 1 });
    await expectAllDone(runIds);
  }, 240_000);
});
