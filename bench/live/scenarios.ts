import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createWakeupSender, tenantName } from '../../src/storage/wakeups.ts';
import { createPool } from '../../src/storage/pool.ts';
import type { ApiWorld } from '../api/world.ts';
import { cpuSecondsOf } from '../measure/cpu.ts';
import { createAosClient } from '../world/aos-client.ts';
import type { StreamClients } from './clients.ts';
import type { Delays, Form } from './protocol.ts';

const FEED = '/api/v1/events';
const RUNNERS = 16;
const SETTLE_MS = 3_000;
const PLAN = Array.from({ length: 3 }, (_, index) => ({
  id: `s${index}`,
  skill: 'json_transform',
  params: { data: { i: index }, query: '.' },
}));

export interface Measured {
  form: Form;
  scenario: string;
  delays: Delays;
  seconds: number;
  apiCpuSeconds: number;
  /** What the api holds for one stream that is open and idle; of the first scenario alone. */
  kibPerStream?: number;
  /** Runs that have ended, where there were any. */
  runs?: number;
}

export interface LiveBench {
  world: ApiWorld;
  clients: StreamClients;
  streams: number;
  seconds: number;
}

/** Resident memory, as Linux tells it; NaN elsewhere. */
function residentKib(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return NaN;
  }
}

async function timed(
  { world }: LiveBench,
  work: () => Promise<Delays>,
): Promise<Pick<Measured, 'delays' | 'seconds' | 'apiCpuSeconds'>> {
  const cpuBefore = cpuSecondsOf(world.pids.api);
  const begunMs = performance.now();
  const delays = await work();
  const seconds = (performance.now() - begunMs) / 1000;
  return { delays, seconds, apiCpuSeconds: cpuSecondsOf(world.pids.api) - cpuBefore };
}

/** Every stream follows the whole tenant, and events come one by one at a steady pace. */
export async function atAPace(
  bench: LiveBench,
  form: Form,
  eventsPerSecond: number,
): Promise<Measured> {
  const { world, clients, streams, seconds } = bench;
  const before = residentKib(world.pids.api);
  await clients.open(
    form,
    Array.from({ length: streams }, () => FEED),
  );
  await sleep(SETTLE_MS);
  const kibPerStream = (residentKib(world.pids.api) - before) / streams;
  const pool = createPool({ url: world.databaseUrl, connectionsMax: 4, onError: () => {} });
  const wakeups = createWakeupSender(pool);
  const { rows } = await pool.query<{ id: string }>('SELECT tenant_id AS id FROM api_keys LIMIT 1');
  const tenantId = rows[0]!.id;
  const count = eventsPerSecond * seconds;
  const measured = await timed(bench, async () => {
    const received = clients.receive(count * streams);
    for (let sent = 0; sent < count; sent += 1) {
      await pool.query(
        `INSERT INTO events (tenant_id, type) VALUES ($1, 'budget.threshold_reached')`,
        [tenantId],
      );
      wakeups.wake(tenantName(tenantId));
      await sleep(1000 / eventsPerSecond);
    }
    return received;
  });
  await clients.closeAll();
  await pool.end();
  return {
    form,
    scenario: `all follow the tenant, ${eventsPerSecond} events/s`,
    kibPerStream,
    ...measured,
  };
}

/** Every stream follows one run of its own; all runs are let go at once. */
export async function eachItsRun(bench: LiveBench, form: Form): Promise<Measured> {
  const { world, clients, streams } = bench;
  const client = createAosClient(world.apiUrl, world.key);
  process.kill(world.pids.worker, 'SIGSTOP');
  const ids: string[] = [];
  try {
    await Promise.all(
      Array.from({ length: RUNNERS }, async () => {
        while (ids.length < streams) ids.push(await client.submit(PLAN));
      }),
    );
    ids.length = streams;
    await clients.open(
      form,
      ids.map((id) => `/api/v1/runs/${id}/events`),
    );
    // Each has got that its run was accepted, which was before it asked.
    await clients.receive(streams);
  } finally {
    process.kill(world.pids.worker, 'SIGCONT');
  }
  const perRun = await eventsPerRun(world);
  const measured = await timed(bench, () => clients.receive(streams * (perRun - 1)));
  await clients.closeAll();
  await client.close();
  return { form, scenario: 'each follows its own run', runs: streams, ...measured };
}

/** Every stream follows the ends of all runs, which are made as fast as the machine can. */
export async function allTheEnds(bench: LiveBench, form: Form): Promise<Measured> {
  const { world, clients, streams, seconds } = bench;
  const client = createAosClient(world.apiUrl, world.key);
  await clients.open(
    form,
    Array.from({ length: streams }, () => `${FEED}?types=run.succeeded`),
  );
  await sleep(SETTLE_MS);
  let runs = 0;
  const measured = await timed(bench, async () => {
    const untilMs = performance.now() + seconds * 1000;
    await Promise.all(
      Array.from({ length: RUNNERS }, async () => {
        while (performance.now() < untilMs) {
          await client.execute(PLAN);
          runs += 1;
        }
      }),
    );
    return clients.receive(runs * streams);
  });
  await clients.closeAll();
  await client.close();
  return { form, scenario: 'all follow the ends of all runs', runs, ...measured };
}

async function eventsPerRun({ apiUrl, key, runId }: ApiWorld): Promise<number> {
  const response = await fetch(`${apiUrl}/api/v1/runs/${runId}/events?limit=200`, {
    headers: { 'X-API-Key': key },
  });
  const { data } = (await response.json()) as { data: unknown[] };
  return data.length;
}
